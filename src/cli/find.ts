/** `verack find`: the peers that a name or the first digits of an id may mean. */
import { escapeText, jsonLine } from "../core/escape.ts";
import { shortId } from "../identity/identity.ts";
import { namesOf, peerLabel } from "../identity/peer_name.ts";
import type { Member } from "../mesh/peers/find_peers.ts";
import { withNode } from "./ask_node.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { quoted } from "./flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { COLOR_FLAG, type Palette } from "./terminal.ts";

const FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

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
