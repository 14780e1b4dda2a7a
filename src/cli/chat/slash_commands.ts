/** The commands of a chat, such as `/msg`, and the completion of input. */
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { peerLabel } from "../../identity/peer_name.ts";
import type { Node } from "../../mesh/node.ts";
import { quoted, suggest } from "../flags.ts";
import type { Palette } from "../terminal.ts";
import { memberLines, relaysOf } from "../peers.ts";
import type { Names } from "./chat_lines.ts";

/** The part of a chat that commands use. */
export interface ChatContext {
  readonly node: Node;
  readonly names: Names;
  readonly colors: Palette;
  /** Shows lines. */
  readonly show: (text: string) => void;
  /** Sends a message to one peer. */
  readonly tell: (to: PeerId, text: string) => void;
  readonly leave: () => void;
}

interface SlashCommand {
  /** Its argument; a name is completed. */
  readonly argument: "" | "NAME" | "NAME TEXT";
  readonly help: string;
  run(argument: string, chat: ChatContext): void | Promise<void>;
}

const COMMANDS: Readonly<Record<string, SlashCommand>> = {
  here: { argument: "", help: "The members that are here", run: here },
  find: { argument: "NAME", help: "All that is known of a member", run: find },
  peers: { argument: "", help: "All known members, here or away", run: peers },
  msg: { argument: "NAME TEXT", help: "Send a message to one peer", run: msg },
  ping: { argument: "NAME", help: "The round trip to a peer", run: ping },
  help: { argument: "", help: "This list", run: (_, { show }) => show(HELP) },
  quit: {
    argument: "",
    help: "Leave, as Ctrl-D does",
    run: (_, { leave }) => leave(),
  },
};

const NAMES = Object.keys(COMMANDS);

const HELP = [
  ...Object.entries(COMMANDS).map(([name, { argument, help }]) =>
    `  ${`/${name} ${argument}`.padEnd("/msg NAME TEXT".length)}  ${help}`
  ),
  "  Anything else is sent to all; //TEXT sends a text that begins with a slash.",
  "  Tab completes names and commands, the arrows fetch what was typed before.",
].join("\n");

/** Runs the command of a line that begins with a slash. */
export async function runSlashCommand(
  line: string,
  chat: ChatContext,
): Promise<void> {
  const [, name = "", argument = ""] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const guess = suggest(name, NAMES);
    return chat.show(
      `There is no command ${quoted(`/${name}`)}${
        guess === undefined ? "" : `, did you mean /${guess}?`
      } (/help lists them, //TEXT says it)`,
    );
  }
  const trimmed = argument.trim();
  if (command.argument.startsWith("NAME") && trimmed === "") {
    return chat.show(`It must be /${name} ${command.argument}`);
  }
  await command.run(trimmed, chat);
}

/** The candidates for completion, and the end of the line that they would replace. */
export function completeLine(
  line: string,
  names: Names,
): [candidates: string[], end: string] {
  const end = /\S*$/.exec(line)?.[0] ?? "";
  const before = line.slice(0, line.length - end.length);
  const candidates = before === "" && end.startsWith("/")
    ? NAMES.map((name) => `/${name} `)
    : end === "" && !/^\/(find|msg|ping)\s+$/.test(before)
    // Tab after a space in a message would list all names.
    ? []
    : names.typed().map((name) => before === "" ? `${name}: ` : `${name} `);
  const begin = end.toLowerCase();
  return [
    [...new Set(candidates)].sort()
      .filter((it) => it.toLowerCase().startsWith(begin)),
    end,
  ];
}

function here(_: string, { node, names, show }: ChatContext): void {
  const here = node.peers().filter(({ connected }) => connected);
  const labels = here.map(({ id }) => names.label(id)).sort();
  const self = node.name === ""
    ? "you"
    : `you, ${peerLabel(node.identity.id, node.name)}`;
  show(`${here.length + 1} here: ${[self, ...labels].join("; ")}`);
}

function peers(_: string, { node, colors, show }: ChatContext): void {
  const sessions = node.sessions();
  const rtts = new Map(sessions.map(({ id, rttMs }) => [id, rttMs]));
  const relayOf = relaysOf(sessions);
  const known = node.peers();
  if (known.length === 0) return show("Nobody is known yet.");
  const lines = known.sort((a, b) => Number(b.connected) - Number(a.connected))
    .map((peer) => {
      const { id, name, boundName } = peer;
      const { connected, addresses, introducedBy } = peer;
      const rtt = rtts.get(id);
      const state = connected
        ? colors.green(rtt === undefined ? "here" : `here, ${duration(rtt)}`)
        : introducedBy === undefined
        ? "away"
        : "heard of";
      const { via, viaName } = relayOf(id);
      const [address = ""] = via === undefined
        ? addresses
        : [`relayed via ${peerLabel(via, viaName)}`];
      return `  ${
        colors.bold(peerLabel(id, name, boundName))
      }  ${state}  ${address}`;
    });
  show(lines.join("\n"));
}

function find(name: string, { node, colors, show }: ChatContext): void {
  const members = node.findPeers(name);
  const relayOf = relaysOf(node.sessions());
  show(
    members.length === 0
      ? `No member goes by ${quoted(name)}.`
      : members.map((member) =>
        memberLines({ ...member, ...relayOf(member.id) }, colors)
      ).join("\n"),
  );
}

function msg(argument: string, chat: ChatContext): void {
  const [, name = "", text = ""] = /^(\S+)\s*(.*)$/s.exec(argument) ?? [];
  if (text === "") return chat.show("It must be /msg NAME TEXT");
  chat.tell(theOther(name, chat), text);
}

async function ping(name: string, chat: ChatContext): Promise<void> {
  const { node, names, show } = chat;
  const id = theOther(name, chat);
  const label = names.label(id);
  const connected = node.peer(id)?.connected ?? false;
  const rtt = await node.roundTrip(id);
  show(
    rtt !== undefined
      ? `${label} answers in ${duration(rtt)}`
      : connected
      ? `${label} does not answer`
      : `${label} is away`,
  );
}

/** The peer that a name means, which must not be this node. */
function theOther(name: string, { node }: ChatContext): PeerId {
  const id = node.resolvePeer(name);
  if (id !== node.identity.id) return id;
  throw new VerackError(
    "unknown-peer",
    `Cannot do that: ${quoted(name)} is this node, must be a peer`,
  );
}

function duration(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
