/** `verack invite` and `invites`: lets one guest into a closed mesh, or not after all. */
import { escapeText, jsonLine } from "../core/escape.ts";
import { inviteSecret, parseInvite } from "../identity/invite.ts";
import { shortId } from "../identity/identity.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { formatAddress, parseAddress } from "../transport/address.ts";
import { withNode } from "./ask_node.ts";
import { withRecords } from "./data_commands.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { COLOR_FLAG } from "./terminal.ts";
import { utcMinute } from "./utc_minute.ts";

const FLAGS = {
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
    flags: FLAGS,
    examples: [[
      "verack invite --data data/alice --address alice.example:8080",
      "A line that lets one guest in within a day",
    ]],
  },
  async ({ flags, terminal }: Invocation<typeof FLAGS>): Promise<ExitCode> => {
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

const LIST_FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

/** Lists invites. */
export const invitesCommand: Command = command(
  {
    description: [
      "An invite ends when it expires, when it is revoked, and when the guest that " +
      "came by it is denied or forgotten. The code is not kept, only the id that " +
      "is derived from it.",
    ],
    flags: LIST_FLAGS,
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
    flags: LIST_FLAGS,
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
