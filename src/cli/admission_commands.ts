/** Commands about admission: join requests, access rules and invites. */
import { escapeText } from "../core/escape.ts";
import { isPeerId, shortId } from "../core/peer_id.ts";
import { inviteSecret, parseInvite } from "../identity/invite.ts";
import { parsePeerName, peerLabel } from "../identity/peer_name.ts";
import type { AccessRule } from "../mesh/peers/node_store.ts";
import { formatAddress, parseAddress } from "../transport/address.ts";
import { answerCommand, utcMinute } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import type { Command } from "./command.ts";
import { withRecords } from "./data_commands.ts";
import { quoted, UsageError } from "./flags.ts";
import { qrLines } from "./qr_lines.ts";

const PREFIX_HELP =
  "Its id, the first 8 digits or more, or its name, if no other has them";

/** Lists join requests. */
export const requestsCommand: Command = answerCommand({
  flags: CLIENT_FLAGS,
  examples: [
    ["verack requests --data data/alice", "Whole ids, for verack allow"],
  ],
  ask: (flags) => withRecords(flags, (it) => it.joinRequests()),
  lines: (requests, { bold }) =>
    requests.map(({ id, address, direction, lastSeen }) =>
      [
        bold(id),
        `${direction === "inbound" ? "came from" : "was dialed at"} ${
          escapeText(address, { max: 300 })
        }`,
        `last ${utcMinute(lastSeen)}`,
      ].join("  ")
    ),
  remark: ({ length }) => length === 0 && "No join requests.",
});

/** Admits a peer. */
export const allowCommand: Command = answerCommand({
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
    completes: "join-request",
  }],
  flags: {
    ...CLIENT_FLAGS,
    name: {
      type: "string",
      value: "NAME",
      parse: (text: string) => parsePeerName(text),
      help: "What it is called here from now on, in the place of another peer",
    },
  },
  examples: [
    [
      `verack allow ${"d26d938b".repeat(8)} --name bob --data data/alice`,
      "bob has a new key",
    ],
  ],
  ask: async (flags, [text = ""]): Promise<Decided> => {
    const digits = text.toLowerCase();
    if (!isPeerId(digits)) {
      throw new UsageError(
        `ID is ${
          quoted(text)
        }, must be all 64 digits, which verack find NAME and verack requests show`,
      );
    }
    const id = await withRecords(flags, (it) => it.allow(digits, flags.name));
    return { id, rule: "allowed" };
  },
  lines: decidedLines,
});

/** Denies a peer. */
export const denyCommand: Command = answerCommand({
  description: [
    "In spite of attestations by other members, until it is allowed again.",
    "It holds at this node only: repeat it at each of yours.",
  ],
  positionals: [{ name: "ID", help: PREFIX_HELP, completes: "peer" }],
  flags: CLIENT_FLAGS,
  ask: async (flags, [text = ""]): Promise<Decided> => ({
    id: await withRecords(flags, (it) => it.deny(text)),
    rule: "denied",
  }),
  lines: decidedLines,
});

/** Forgets a peer. */
export const forgetCommand: Command = answerCommand({
  description: [
    "Gossip about it is ignored from then on; it is treated as new when it " +
    "connects by itself.",
  ],
  positionals: [{ name: "ID", help: PREFIX_HELP, completes: "peer" }],
  flags: CLIENT_FLAGS,
  examples: [["verack forget d26d938b --data data/alice", "Forgets that peer"]],
  ask: async (flags, [text = ""]): Promise<Decided> => ({
    id: await withRecords(flags, (it) => it.forget(text)),
    rule: "forgotten",
  }),
  lines: decidedLines,
});

interface Decided {
  readonly id: string;
  readonly rule: AccessRule;
}

function decidedLines({ id, rule }: Decided): string[] {
  return [`${rule.padEnd("forgotten".length)}  ${id}`];
}

/** Makes an invite. */
export const inviteCommand: Command = answerCommand({
  description: [
    "One line for verack run --join-file. The first node that uses it is the guest, " +
    "and the only one: send it over a private channel.",
  ],
  flags: {
    ...CLIENT_FLAGS,
    ttl: {
      type: "seconds",
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
        "Where the guest reaches this node (default: the first --advertise, else where it listens); needed if that is every address (--host 0.0.0.0)",
    },
    qr: {
      type: "boolean",
      help: "Print a QR code of it as well, for a camera",
    },
  },
  examples: [
    [
      "verack invite --data data/alice --address alice.example:8080",
      "A line that lets one guest in within a day",
    ],
    [
      "verack invite --data data/alice --qr",
      "The same line below a QR code of it",
    ],
  ],
  ask: async ({ ttl, address, qr, ...flags }) => {
    const answer = await withNode(flags, (node) =>
      node.invite({
        ttlMs: ttl * 1_000,
        ...(address !== undefined && { address }),
        ...(qr && { qr }),
      }));
    if (!qr) return { answer, modules: undefined };
    const { qrModules } = await import("../control/qr_code.ts");
    return { answer, modules: qrModules(answer.invite) };
  },
  lines: ({ answer, modules }, colors) => [
    ...(modules ? qrLines(modules, { colors: colors.enabled }) : []),
    escapeText(answer.invite, { max: 1_024 }),
  ],
  json: ({ answer }) => answer,
});

/** Lists invites. */
export const invitesCommand: Command = answerCommand({
  description: [
    "An invite ends when it expires, when it is revoked, and when the guest that " +
    "came by it is denied or forgotten. The code is not kept, only the id that " +
    "is derived from it.",
  ],
  flags: CLIENT_FLAGS,
  examples: [["verack invites --data data/alice", "Ids, and when they end"]],
  ask: (flags) => withRecords(flags, (it) => it.invites()),
  lines: (invites, { bold }) =>
    invites.map(({ id, expiresAt, usedBy }) =>
      [
        bold(escapeText(id, { max: 64 })),
        `until ${utcMinute(expiresAt)}`,
        usedBy === undefined ? "unused" : `used by ${usedBy}`,
      ].join("  ")
    ),
  remark: ({ length }) => length === 0 && "No invites.",
});

/** Revokes an invite. */
export const invitesRevokeCommand: Command = answerCommand({
  description: [
    "A guest that has come in by it stays in, until it is denied or forgotten.",
  ],
  positionals: [{
    name: "ID",
    help:
      "What verack invites shows, its first 8 digits or more, or the invite itself",
    completes: "invite",
  }],
  flags: CLIENT_FLAGS,
  ask: (flags, [text = ""]) =>
    withRecords(flags, async (it) => {
      const { id, usedBy } = await it.revoke(
        text.includes("#") ? inviteSecret(parseInvite(text).code).id : text,
      );
      const peers = usedBy === undefined ? [] : (await it.peers()).peers;
      return { id, usedBy, guest: peers.find((peer) => peer.id === usedBy) };
    }),
  lines({ id, usedBy, guest }) {
    const revoked = `revoked  ${escapeText(id, { max: 64 })}`;
    if (usedBy === undefined) return [revoked];
    const label = peerLabel(usedBy, guest?.name, guest?.boundName);
    return [
      `${revoked}; ${label} came in by it and stays in: verack deny ${
        shortId(usedBy)
      } keeps it out`,
    ];
  },
  json: ({ id, usedBy }) => ({ id, revoked: true, usedBy }),
});
