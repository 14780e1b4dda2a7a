/**
 * The ways in which `respond()` can answer: as Core does, oddly but within what
 * Core accepts, and wrongly. Each has the result that a probe reports, which tests check.
 * `odd_connection.ts` carries them out.
 */
import {
  MAX_PAYLOAD_BYTES,
  MAX_USER_AGENT_BYTES,
} from "../wire/wire_limits.ts";
import { COMMAND } from "../wire/commands.ts";
import { CHECKSUM_OFFSET, LENGTH_OFFSET } from "../wire/frame.ts";
import { encodeLegacyReject } from "../wire/messages/reason.ts";
import { encodePing } from "../wire/messages/ping.ts";
import {
  encodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";
import { NETWORKS } from "./networks.ts";
import {
  type Act,
  type BehaviourContext,
  type BehaviourRules,
  encoded,
  joinBytes,
  type OddBytes,
  type Outgoing,
} from "./odd_connection.ts";
import type { ProbeErrorKind } from "./probe_result.ts";

/** Names of {@linkcode BEHAVIOURS}. */
// deno-fmt-ignore
export const BEHAVIOUR_NAMES = [
  "normal", "eager", "slow", "byte-by-byte", "extra-messages",
  "unknown-commands", "ping-before-verack", "double-version", "double-verack",
  "early-verack", "late-sendaddrv2", "largest-message", "short-version",
  "shortest-version", "long-version", "oldest-version", "longest-user-agent",
  "hostile-user-agent", "future-time", "negative-time", "all-service-bits",
  "mute", "no-verack", "verack-first", "chatter", "close-at-once",
  "close-on-version", "close-mid-message", "close-before-verack", "reject",
  "wrong-magic", "garbage", "v2-bytes", "bad-checksum", "bad-checksum-verack",
  "bad-command", "oversize", "huge-length", "cut-version", "long-user-agent",
  "non-canonical", "obsolete", "self-nonce",
] as const;

/** A way to answer. */
export type BehaviourName = typeof BEHAVIOUR_NAMES[number];

/** What a probe with a sufficient deadline reports of each, and a one-line description. */
const ANSWERS: Readonly<
  Record<BehaviourName, readonly ["ok" | ProbeErrorKind, string]>
> = {
  "normal": ["ok", "Answers as Bitcoin Core does"],
  // Within what Core accepts.
  "eager": ["ok", "Sends its version before it has ours"],
  "slow": ["ok", "Pauses before every message"],
  "byte-by-byte": ["ok", "Sends every byte in a segment of its own"],
  "extra-messages": ["ok", "Sends what may follow verack in the same segment"],
  "unknown-commands": [
    "ok",
    "Sends unknown messages before, between and after",
  ],
  "ping-before-verack": ["ok", "Sends ping before verack, which gets no pong"],
  "double-version": ["ok", "Sends a second version with other fields"],
  "double-verack": ["ok", "Sends verack twice"],
  "early-verack": ["ok", "Sends verack before its version as well as after"],
  "late-sendaddrv2": [
    "ok",
    "Sends sendaddrv2 after verack, where it is forbidden",
  ],
  "largest-message": [
    "ok",
    "Sends a message of 4,000,000 bytes before its version",
  ],
  "short-version": ["ok", "Sends a version without the relay byte"],
  "shortest-version": ["ok", "Sends a version of its four required fields"],
  "long-version": ["ok", "Sends a version with bytes behind its last field"],
  "oldest-version": [
    "ok",
    "Announces version 31800, the oldest that is accepted",
  ],
  "longest-user-agent": ["ok", "Has a user agent of 256 bytes"],
  "hostile-user-agent": ["ok", "Has terminal commands in its user agent"],
  "future-time": ["ok", "Has the latest time there is"],
  "negative-time": ["ok", "Has the earliest time there is"],
  "all-service-bits": ["ok", "Offers all 64 services"],
  // Incomplete.
  "mute": ["timeout", "Says nothing"],
  "no-verack": ["timeout", "Says everything but verack"],
  "verack-first": ["timeout", "Sends verack only before its version"],
  "chatter": ["timeout", "Sends pings for ever instead of verack"],
  // Closed.
  "close-at-once": ["closed", "Closes as soon as a client connects"],
  "close-on-version": ["closed", "Closes when it gets a version"],
  "close-mid-message": ["closed", "Closes in the middle of its version"],
  "close-before-verack": [
    "closed",
    "Closes after its version, as Core does with feelers",
  ],
  "reject": ["closed", "Sends reject (BIP61) and closes"],
  // Broken bytes.
  "wrong-magic": ["bad-magic", "Answers on another network"],
  "garbage": ["bad-magic", "Answers with random bytes"],
  "v2-bytes": ["bad-magic", "Answers in the v2 transport (BIP324)"],
  "bad-checksum": ["bad-checksum", "Has a wrong checksum in its version"],
  "bad-checksum-verack": ["bad-checksum", "Has a wrong checksum in its verack"],
  "bad-command": ["malformed", "Has bytes behind the NUL of its command"],
  "oversize": ["oversize", "Announces a message of 4,000,001 bytes"],
  "huge-length": ["oversize", "Announces a message of 2^32 - 1 bytes"],
  "cut-version": ["malformed", "Cuts its version in the nonce"],
  "long-user-agent": ["malformed", "Has a user agent of 257 bytes"],
  "non-canonical": [
    "malformed",
    "Writes the length of its user agent in more bytes than needed",
  ],
  // Refused.
  "obsolete": ["obsolete", "Announces version 31799"],
  "self-nonce": ["self", "Sends back the nonce it got"],
};

/** One way to answer, and its effect on a probe. */
export interface Behaviour {
  /** One line. */
  readonly description: string;
  /** What a probe with a sufficient deadline reports. */
  readonly outcome: "ok" | ProbeErrorKind;
}

/** Every way in which a responder can answer, by name. */
export const BEHAVIOURS: Readonly<Record<BehaviourName, Behaviour>> = Object
  .fromEntries(BEHAVIOUR_NAMES.map((name) => {
    const [outcome, description] = ANSWERS[name];
    return [name, { description, outcome }];
  })) as Record<BehaviourName, Behaviour>;

// --- What they do --------------------------------------------------------------

const EMPTY = new Uint8Array(0);
/** Up to and including the nonce of `version`. */
const VERSION_BYTES_TO_NONCE = 80;
/** The groups of `version` that are required. */
const REQUIRED_VERSION_BYTES = 46;
/** Key and most garbage of a v2 peer's first flight (BIP324). */
const V2_BYTES = 64 + 4_095;
const MAX_I64 = 0x7fff_ffff_ffff_ffffn;
const ALL_BITS = 0xffff_ffff_ffff_ffffn;
const UTF8 = new TextEncoder();
/** Wipes the screen, sets the title, turns the text around, and is no UTF-8. */
const HOSTILE_USER_AGENT = joinBytes([
  UTF8.encode("/\x1b[2J\x1b]0;owned\x07\u202e\n"),
  Uint8Array.of(0xff, 0xfe, 0),
]);

/** What each sends in the place of Core's messages. */
const RULES: Readonly<Record<BehaviourName, BehaviourRules>> = {
  "normal": {},
  "eager": { start: (it) => [versionOf(it, {})], on: { version: nothing } },
  "slow": { others: (message) => ["pause", message] },
  "byte-by-byte": {
    others: (message, context) =>
      Array.from(encoded([message], context).bytes, (byte, at) => ({
        bytes: Uint8Array.of(byte),
        messages: at === 0 ? [message] : [],
      })),
  },
  "extra-messages": afterVerack(() => [
    say(COMMAND.sendcmpct, Uint8Array.of(0, 2, 0, 0, 0, 0, 0, 0, 0)),
    say(COMMAND.sendheaders),
    ping(ALL_BITS),
    say(COMMAND.getheaders, new Uint8Array(4 + 1 + 32 + 32)),
    say(COMMAND.feefilter, new Uint8Array(8)),
    say(COMMAND.alert, new Uint8Array(168)),
  ]),
  "unknown-commands": {
    others: (message, { random }) => [
      say("nonsense", random.bytes(5)),
      message,
      say("twelve chars"),
    ],
  },
  "ping-before-verack": { on: { verack: (verack) => [ping(1n), verack] } },
  "double-version": {
    on: {
      version: (first, context) => [
        first,
        versionOf(context, { version: 1, startHeight: 1_000_000 }),
      ],
    },
  },
  "double-verack": afterVerack((verack) => [verack]),
  "early-verack": { on: { version: (it) => [say(COMMAND.verack), it] } },
  "late-sendaddrv2": afterVerack(() => [say(COMMAND.sendaddrv2)]),
  "largest-message": {
    on: {
      version: (version) => [
        say(COMMAND.tx, new Uint8Array(MAX_PAYLOAD_BYTES)),
        version,
      ],
    },
  },
  "short-version": payload((bytes) => bytes.subarray(0, -1)),
  "shortest-version": payload((bytes) =>
    bytes.subarray(0, REQUIRED_VERSION_BYTES)
  ),
  "long-version": payload((bytes, { random }) =>
    joinBytes([bytes, random.bytes(32)])
  ),
  "oldest-version": fields({ version: 31_800 }),
  "longest-user-agent": fields({ userAgent: filled(MAX_USER_AGENT_BYTES) }),
  "hostile-user-agent": fields({ userAgent: HOSTILE_USER_AGENT }),
  "future-time": fields({ timestamp: MAX_I64 }),
  "negative-time": fields({ timestamp: -MAX_I64 - 1n }),
  "all-service-bits": fields({ services: ALL_BITS }),
  "mute": { others: nothing },
  "no-verack": { on: { verack: nothing } },
  "verack-first": {
    on: { version: (it) => [say(COMMAND.verack), it], verack: nothing },
  },
  "chatter": {
    on: {
      *verack() {
        for (let nonce = 0n;; nonce++) yield* [ping(nonce), "pause"] as const;
      },
    },
  },
  "close-at-once": { start: () => ["close"] },
  "close-on-version": { others: () => ["close"] },
  "close-mid-message": {
    others: (message, context) => {
      const { bytes } = encoded([message], context);
      return [{ bytes: bytes.subarray(0, bytes.length >> 1) }, "close"];
    },
  },
  "close-before-verack": { on: { verack: () => ["close"] } },
  "reject": { others: () => [rejection(), "close"] },
  "wrong-magic": {
    others: (message, { magic }) => {
      const { mainnet, testnet4 } = NETWORKS;
      const isMainnet = magic.toHex() === mainnet.magic.toHex();
      return [encoded([message], isMainnet ? testnet4 : mainnet)];
    },
  },
  "garbage": { others: (_, context) => [noise(context, 1_000)] },
  "v2-bytes": {
    on: { version: (_, context) => [noise(context, V2_BYTES)] },
    others: nothing,
  },
  "bad-checksum": { on: { version: corrupt(invertChecksum) } },
  "bad-checksum-verack": { on: { verack: corrupt(invertChecksum) } },
  "bad-command": {
    // The last byte of the command.
    on: { version: corrupt((frame) => frame[4 + 11] = 0x78) },
  },
  "oversize": announce(MAX_PAYLOAD_BYTES + 1),
  "huge-length": announce(0xffff_ffff),
  "cut-version": payload((bytes) =>
    bytes.subarray(0, VERSION_BYTES_TO_NONCE - 1)
  ),
  "long-user-agent": userAgent([0xfd, 1, 1], MAX_USER_AGENT_BYTES + 1),
  "non-canonical": userAgent([0xfd, 8, 0], 8),
  "obsolete": fields({ version: 31_799 }),
  "self-nonce": {
    on: {
      version: (_, it) => [versionOf(it, { nonce: it.remote?.nonce ?? 0n })],
    },
  },
};

/** What a behaviour does. */
export function rulesOf(name: BehaviourName): BehaviourRules {
  return RULES[name];
}

function nothing(): [] {
  return [];
}

function say(command: string, payload: Uint8Array = EMPTY): Outgoing {
  return { command, payload };
}

function ping(nonce: bigint): Outgoing {
  return say(COMMAND.ping, encodePing({ nonce }));
}

/** As an old peer laid it out (BIP61). */
function rejection(): Outgoing {
  const reject = {
    command: UTF8.encode("version"),
    code: 0x11, // Obsolete.
    reason: UTF8.encode("Version must be 99999 or greater"),
  };
  return say(COMMAND.reject, encodeLegacyReject(reject));
}

function versionOf(
  { local }: BehaviourContext,
  fields: Partial<VersionMessage>,
): Outgoing {
  return say(COMMAND.version, encodeVersion({ ...local, ...fields }));
}

/** A version with other fields. */
function fields(fields: Partial<VersionMessage>): BehaviourRules {
  return { on: { version: (_, context) => [versionOf(context, fields)] } };
}

/** A version with another payload. */
function payload(
  change: (bytes: Uint8Array, context: BehaviourContext) => Uint8Array,
): BehaviourRules {
  const act: Act = ({ command, payload }, context) => [
    say(command, change(payload, context)),
  ];
  return { on: { version: act } };
}

/** A version with this encoding of the length of its user agent. */
function userAgent(length: number[], characters: number): BehaviourRules {
  return payload((_, { local }) => {
    const bytes = encodeVersion({ ...local, userAgent: EMPTY });
    return joinBytes([
      bytes.subarray(0, VERSION_BYTES_TO_NONCE),
      Uint8Array.from(length),
      filled(characters),
      bytes.subarray(VERSION_BYTES_TO_NONCE + 1),
    ]);
  });
}

/** More messages in the segment of verack. */
function afterVerack(more: (verack: Outgoing) => Outgoing[]): BehaviourRules {
  const act: Act = (verack, context) => [
    encoded([verack, ...more(verack)], context),
  ];
  return { on: { verack: act } };
}

/** The header of a version of this length, and no byte more. */
function announce(length: number): BehaviourRules {
  const act: Act = (_, context) => {
    const { bytes } = encoded([say(COMMAND.version)], context);
    new DataView(bytes.buffer).setUint32(LENGTH_OFFSET, length, true);
    return [{ bytes }];
  };
  return { on: { version: act }, others: nothing };
}

/** The message with some bytes of its frame changed. */
function corrupt(change: (frame: Uint8Array) => void): Act {
  return (message, context) => {
    const block = encoded([message], context);
    change(block.bytes);
    return [block];
  };
}

function invertChecksum(frame: Uint8Array): void {
  frame[CHECKSUM_OFFSET]! ^= 0xff;
}

/** Random bytes that cannot be mistaken for a frame. */
function noise({ magic, random }: BehaviourContext, length: number): OddBytes {
  const bytes = random.bytes(length);
  if (bytes[0] === magic[0]) bytes[0]! ^= 0xff;
  return { bytes };
}

function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x61);
}
