/** `verack requests`, `allow`, `deny` and `forget`: join requests and access rules. */
import { escapeText, jsonLine } from "../core/escape.ts";
import { parsePeerName } from "../identity/peer_name.ts";
import type { AccessRule } from "../mesh/peers/node_store.ts";
import { withRecords } from "./data_commands.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { COLOR_FLAG } from "./terminal.ts";
import { utcMinute } from "./utc_minute.ts";

const PREFIX_HELP =
  "Its id, the first 8 digits or more, or its name, if no other has them";

const FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

/** Lists join requests. */
export const requestsCommand: Command = command(
  {
    flags: FLAGS,
    examples: [
      [
        "verack requests --data data/alice",
        "Whole ids, for verack allow",
      ],
    ],
  },
  async ({ flags, terminal }) => {
    const { stdout, stderr, out } = terminal;
    const requests = await withRecords(
      flags.data,
      (commands) => commands.joinRequests(),
    );
    if (!flags.json && requests.length === 0) stderr.line("No join requests.");
    for (const peer of requests) {
      const { id, address, direction, lastSeen } = peer;
      stdout.line(
        flags.json
          ? jsonLine(peer)
          : `${out.bold(id)}  ${
            direction === "inbound" ? "came from" : "was dialed at"
          } ${escapeText(address, { max: 300 })}  last ${utcMinute(lastSeen)}`,
      );
    }
    return EXIT.success;
  },
);

/** Admits a peer. */
export const allowCommand: Command = command(
  {
    description: [
      "Also one that was denied or forgotten before. A name is bound to the " +
      "first peer that had it; --name binds it to this one.",
      "Rule and name hold at this node only: repeat them at each of yours. In a " +
      "closed mesh the other members admit what this node has admitted, unless " +
      "it is denied there.",
    ],
    positionals: [{
      name: "ID",
      help: "All 64 digits: others can make keys that begin alike",
    }],
    flags: {
      ...FLAGS,
      name: {
        type: "string",
        value: "NAME",
        parse: (text: string) => parsePeerName(text),
        help:
          "What it is called here from now on, in the place of another peer",
      },
    },
    examples: [
      [
        `verack allow ${"d26d938b".repeat(8)} --name bob --data data/alice`,
        "bob has a new key",
      ],
    ],
  },
  (invocation) => decide(invocation, "allow", "allowed", invocation.flags.name),
);

/** Denies a peer. */
export const denyCommand: Command = command(
  {
    description: [
      "Whatever other members say of it, until it is allowed again.",
      "It holds at this node only: repeat it at each of yours.",
    ],
    positionals: [{ name: "ID", help: PREFIX_HELP }],
    flags: FLAGS,
  },
  (invocation) => decide(invocation, "deny", "denied"),
);

/** Forgets a peer. */
export const forgetCommand: Command = command(
  {
    description: [
      "What others say of it is ignored from then on; it is met anew when it " +
      "comes by itself.",
    ],
    positionals: [{ name: "ID", help: PREFIX_HELP }],
    flags: FLAGS,
    examples: [
      ["verack forget d26d938b --data data/alice", "Forgets that peer"],
    ],
  },
  (invocation) => decide(invocation, "forget", "forgotten"),
);

async function decide(
  { flags, positionals, terminal }: Invocation<typeof FLAGS>,
  decision: "allow" | "deny" | "forget",
  rule: AccessRule,
  name?: string,
): Promise<ExitCode> {
  const [text = ""] = positionals;
  const id = await withRecords(
    flags.data,
    (commands) => commands[decision](text, name),
  );
  terminal.stdout.line(
    flags.json
      ? jsonLine({ id, rule })
      : `${rule.padEnd("forgotten".length)}  ${id}`,
  );
  return EXIT.success;
}
