/** `verack peers` and `find`: the peers that a node remembers, all or some. */
import { escapeText, jsonLine } from "../core/escape.ts";
import { type PeerId, shortId } from "../identity/identity.ts";
import {
  namesOf,
  peerLabel,
  sameName,
  shownName,
} from "../identity/peer_name.ts";
import { MIN_IDENTITY_DIGITS } from "../limits.ts";
import type { Member } from "../mesh/peers/find_peers.ts";
import type { AccessRule } from "../mesh/peers/node_store.ts";
import { DATA_FLAG, withNode } from "./ask_node.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { type PeerView, utcMinute, withRecords } from "./data_commands.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { quoted } from "./flags.ts";
import { COLOR_FLAG, type Palette } from "./terminal.ts";

const FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

/** Lists peers. */
export const peersCommand: Command = command(
  {
    description: [
      "Each line has the first digits of an id, enough to tell the peers " +
      "apart, the name that it was given here and the one it gives itself, where it was reached last, when it " +
      "was first and last seen, and how it came to be trusted.",
    ],
    flags: FLAGS,
    examples: [
      ["verack peers --data data/alice", "Whom alice knows, seen last first"],
    ],
  },
  list,
);

async function list(
  { flags, terminal }: Invocation<typeof FLAGS>,
): Promise<ExitCode> {
  const { peers, rules } = await withRecords(flags.data, async (commands) => {
    const { peers } = await commands.peers();
    const rules = new Map(
      (await commands.accessRules()).map((it) => [it.id, it.rule]),
    );
    return { peers, rules };
  });
  const { stdout, out } = terminal;
  const known = new Set(peers.map(({ id }) => id));
  const strangers = [...rules].filter(([id]) => !known.has(id));
  const ids = [...known, ...strangers.map(([id]) => id)];
  const digits = distinctDigits(ids);
  if (!flags.json && ids.length === 0) {
    terminal.stderr.line("No peers are on record.");
  }
  for (const peer of peers) {
    const rule = rules.get(peer.id);
    stdout.line(
      flags.json
        ? jsonLine({ ...peer, ...(rule !== undefined && { rule }) })
        : peerLine(peer, rule, digits, out),
    );
  }
  for (const [id, rule] of strangers) {
    stdout.line(
      flags.json
        ? jsonLine({ id, rule })
        : `${out.bold(id.slice(0, digits))}  ${rule}`,
    );
  }
  return EXIT.success;
}

function peerLine(
  peer: PeerView,
  rule: AccessRule | undefined,
  digits: number,
  out: Palette,
): string {
  const { id, name, boundName, nameHeldBy } = peer;
  const { addresses, introducedBy, admittedBy } = peer;
  const [best] = addresses;
  const words = [
    out.bold(id.slice(0, digits)),
    ...namesShown(name, boundName),
    ...(nameHeldBy === undefined
      ? []
      : [out.yellow(`a name of ${nameHeldBy.slice(0, digits)}`)]),
    best === undefined ? "nowhere" : escapeText(best, { max: 300 }),
    ...(peer.connected ? [out.green("connected")] : []),
    ...(peer.firstSeen === undefined
      ? []
      : [`first ${utcMinute(peer.firstSeen)}`]),
    ...(peer.lastSeen === undefined
      ? []
      : [`last ${utcMinute(peer.lastSeen)}`]),
    introducedBy !== undefined
      ? `heard of from ${introducedBy.slice(0, digits)}`
      : peer.trust === "first-use"
      ? "unverified, first use"
      : peer.trust,
    ...(peer.ephemeral ? ["key in memory"] : []),
    ...(admittedBy === undefined
      ? []
      : [`admitted by ${admittedBy.slice(0, digits)}`]),
    ...(rule === undefined ? [] : [out.yellow(rule)]),
  ];
  return words.join("  ");
}

/** `eva (calls itself eve)`, or one name. */
function namesShown(name: string | undefined, boundName?: string): string[] {
  if (name === undefined || boundName === undefined) {
    return [name ?? boundName].filter((it) => it !== undefined).map(shownName);
  }
  return sameName(name, boundName)
    ? [shownName(name)]
    : [`${shownName(boundName)} (calls itself ${shownName(name)})`];
}

/** The number of digits that distinguishes all of these, at least the usual one. */
function distinctDigits(identities: readonly PeerId[]): number {
  let digits: number = MIN_IDENTITY_DIGITS;
  const distinct = () =>
    new Set(identities.map((id) => id.slice(0, digits))).size;
  while (distinct() < new Set(identities).size) digits++;
  return digits;
}

/** Finds members. */
export const findCommand: Command = command(
  {
    description: [
      "Any running node answers for all it knows or has heard of. All that go by " +
      "the name are listed, and which of them it is bound to: the first that " +
      "had it. The id tells them apart.",
    ],
    positionals: [{
      name: "NAME",
      help: "A name, an id, or its first 8 digits or more",
    }],
    flags: FLAGS,
    examples: [[
      "verack find alice --data data/bob",
      "Id and addresses of all that are called alice",
    ]],
  },
  async (
    { flags, positionals, terminal }: Invocation<typeof FLAGS>,
  ): Promise<ExitCode> => {
    const [name = ""] = positionals;
    const members = await withNode(flags.data, async (node) => {
      const { peers, self } = await node.peers(name);
      const found = peers.map((peer) => ({ ...peer, self: false }));
      if (!self) return found;
      const own = await node.status();
      const { id, address } = own;
      return [
        {
          id,
          ...namesOf(own),
          self: true,
          connected: false,
          addresses: [address],
        },
        ...found,
      ];
    });
    const { stdout, stderr, out } = terminal;
    if (members.length === 0) {
      stderr.line(`verack find: no peer goes by ${quoted(name)}`);
      return EXIT.failure;
    }
    if (!flags.json && members.length > 1) {
      stderr.line(
        `${members.length} peers go by ${quoted(name)}: tell them apart by id`,
      );
    }
    for (const member of members) {
      stdout.line(flags.json ? jsonLine(member) : memberLines(member, out));
    }
    return EXIT.success;
  },
);

/** What is known of a member, for people. */
export function memberLines(
  member: Omit<Member, "lastSeen">,
  out: Palette,
): string {
  const { id, name, boundName, nameHeldBy, self, connected } = member;
  const { addresses, introducedBy } = member;
  const state = self
    ? "this node itself"
    : connected
    ? "connected"
    : introducedBy === undefined
    ? "away"
    : `heard of from ${shortId(introducedBy)}`;
  return [
    `${out.bold(peerLabel(id, name, boundName))}  ${state}`,
    `  ${id}`,
    ...(nameHeldBy === undefined
      ? []
      : [`  the name is bound to ${nameHeldBy}`]),
    ...addresses.map((it) => `  ${escapeText(it, { max: 300 })}`),
  ].join("\n");
}
