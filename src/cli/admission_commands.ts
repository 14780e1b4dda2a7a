/** Commands about admission: join requests, access rules and invites. */
import { escapeText, jsonLine } from "../core/escape.ts";
import { shortId } from "../identity/identity.ts";
import { inviteSecret, parseInvite } from "../identity/invite.ts";
import { parsePeerName, peerLabel } from "../identity/peer_name.ts";
import type { AccessRule } from "../mesh/peers/node_store.ts";
import { formatAddress, parseAddress } from "../transport/address.ts";
import { DATA_FLAG, withNode } from "./ask_node.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { utcMinute, withRecords } from "./data_commands.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { COLOR_FLAG } from "./terminal.ts";

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

const INVITE_FLAGS = {
  data: DATA_FLAG,
  ttl: {
    type: "seconds",
    value: "S",
    min: 1,
    max: 30 * 86_400,
    default: 86_400,
    help: "How long it can be used",
  },
  address: {
    type: "string",
    value: "HOST:PORT",
    parse: (text: string) => formatAddress(parseAddress(text)),
    help:
      "Where the guest reaches this node; needed if the node listens on every address (--host 0.0.0.0) and has no --advertise, else where it listens",
  },
  json: { type: "boolean", help: "Print one JSON object instead of text" },
  color: COLOR_FLAG,
} as const;

/** Makes an invite. */
export const inviteCommand: Command = command(
  {
    description: [
      "One line for verack run --join-file. Whoever has it first is the guest, " +
      "and nobody after: give it only to the one who is meant.",
    ],
    flags: INVITE_FLAGS,
    examples: [[
      "verack invite --data data/alice --address alice.example:8080",
      "A line that lets one guest in within a day",
    ]],
  },
  async (
    { flags, terminal }: Invocation<typeof INVITE_FLAGS>,
  ): Promise<ExitCode> => {
    const { data, ttl, address } = flags;
    const answer = await withNode(data, (node) =>
      node.invite({
        ttlMs: ttl * 1_000,
        ...(address !== undefined && { address }),
      }));
    terminal.stdout.line(
      flags.json ? jsonLine(answer) : escapeText(answer.invite, { max: 1_024 }),
    );
    return EXIT.success;
  },
);

/** Lists invites. */
export const invitesCommand: Command = command(
  {
    description: [
      "An invite ends when it expires, when it is revoked, and when the guest that " +
      "came by it is denied or forgotten. The code is not kept, only the id that " +
      "is derived from it.",
    ],
    flags: FLAGS,
    examples: [["verack invites --data data/alice", "Ids, and when they end"]],
  },
  async ({ flags, terminal }): Promise<ExitCode> => {
    const { stdout, stderr, out } = terminal;
    const invites = await withRecords(flags.data, (it) => it.invites());
    if (!flags.json && invites.length === 0) stderr.line("No invites.");
    for (const invite of invites) {
      const { id, expiresAt, usedBy } = invite;
      stdout.line(
        flags.json
          ? jsonLine(invite)
          : `${out.bold(escapeText(id, { max: 64 }))}  until ${
            utcMinute(expiresAt)
          }  ${usedBy === undefined ? "unused" : `used by ${usedBy}`}`,
      );
    }
    return EXIT.success;
  },
);

/** Takes an invite back. */
export const invitesRevokeCommand: Command = command(
  {
    description: [
      "A guest that has come in by it stays in, until it is denied or forgotten.",
    ],
    positionals: [{
      name: "ID",
      help:
        "What verack invites shows, its first 8 digits or more, or the invite itself",
    }],
    flags: FLAGS,
  },
  async ({ flags, positionals, terminal }): Promise<ExitCode> => {
    const [text = ""] = positionals;
    const { id, usedBy, guest } = await withRecords(flags.data, async (it) => {
      const { id, usedBy } = await it.revoke(idOf(text));
      const peers = usedBy === undefined ? [] : (await it.peers()).peers;
      const guest = peers.find(({ id }) => id === usedBy);
      return { id, usedBy, guest };
    });
    terminal.stdout.line(
      flags.json
        ? jsonLine({
          id,
          revoked: true,
          ...(usedBy !== undefined && { usedBy }),
        })
        : `revoked  ${escapeText(id, { max: 64 })}${
          usedBy === undefined
            ? ""
            : `; ${
              peerLabel(usedBy, guest?.name, guest?.boundName)
            } came in by it and stays in: verack deny ${
              shortId(usedBy)
            } keeps it out`
        }`,
    );
    return EXIT.success;
  },
);

/** The id of an invite that is given as the line it is. */
function idOf(text: string): string {
  if (!text.includes("#")) return text;
  try {
    return inviteSecret(parseInvite(text).code).id;
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(error.message);
    throw error;
  }
}
