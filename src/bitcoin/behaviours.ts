/**
 * The ways in which `respond()` can answer: as Core does, oddly but within what
 * Core puts up with, and wrongly. Each says what a probe makes of it; the tests
 * hold both to that.
 */
import { MAX_PAYLOAD_BYTES, MAX_USER_AGENT_BYTES } from "../limits.ts";
import { COMMAND } from "../wire/commands.ts";
import { encodeFrame } from "../wire/frame.ts";
import { encodePing } from "../wire/messages/ping.ts";
import {
  afterVerack,
  filled,
  half,
  instead,
  noise,
  otherMagic,
  pass,
  rejection,
  VERSION_BYTES_TO_NONCE,
  versionWithUserAgent,
  withCommandTail,
} from "./behaviour_acts.ts";
export { BEHAVIOUR_NAMES, type BehaviourName } from "./behaviour_names.ts";
import {
  announce,
  type BehaviourRules,
  join,
  say,
  sayVersion,
  sayWrongChecksum,
  spell,
  type Step,
  together,
} from "./behaviour_steps.ts";
import type { BehaviourName } from "./behaviour_names.ts";
import type { ProbeErrorKind } from "./probe_result.ts";

/** How a responder answers, and what comes of it. */
export interface Behaviour {
  /** One line for people. */
  readonly description: string;
  /** What a probe with time enough reports of it. */
  readonly outcome: "ok" | ProbeErrorKind;
}

/** Length of the groups of `version` that are required, bytes. */
const REQUIRED_VERSION_BYTES = 46;
/** Key and most garbage of a v2 peer's first flight (BIP324). */
const V2_BYTES = 64 + 4_095;
const MAX_I64 = 0x7fff_ffff_ffff_ffffn;
const ALL_BITS = 0xffff_ffff_ffff_ffffn;
const EMPTY = new Uint8Array(0);
/** Wipes the screen, sets the title, turns the text around, and is no UTF-8. */
const HOSTILE_USER_AGENT = join([
  new TextEncoder().encode("/\x1b[2J\x1b]0;owned\x07\u202e\n"),
  Uint8Array.of(0xff, 0xfe, 0),
]);

/** Every way in which a responder can answer, by name. */
export const BEHAVIOURS: Readonly<Record<BehaviourName, Behaviour>> = {
  "normal": ok("Answers as Bitcoin Core does"),

  // Within what Core puts up with.
  "eager": ok("Sends its version before it has ours", {
    start: (context) => [sayVersion(context, {})],
    write: instead("version", () => []),
  }),
  "slow": ok("Pauses before every message", {
    write: (message, context) => ["pause", pass(message, context)],
  }),
  "byte-by-byte": ok("Sends every byte in a segment of its own", {
    write: (message, context) => spell(context, message),
  }),
  "extra-messages": ok("Sends what may follow verack in the same segment", {
    write: instead(
      "verack",
      (verack, context) =>
        together(pass(verack, context), ...afterVerack(context)),
    ),
  }),
  "unknown-commands": ok("Sends unknown messages before, between and after", {
    write: (message, context) => [
      say(context, "nonsense", context.random.bytes(5)),
      pass(message, context),
      say(context, "twelve chars", EMPTY),
    ],
  }),
  "ping-before-verack": ok("Sends ping before verack, which nobody answers", {
    write: instead("verack", (verack, context) => [
      say(context, COMMAND.ping, encodePing({ nonce: 1n })),
      pass(verack, context),
    ]),
  }),
  "double-version": ok("Sends a second version with other fields", {
    write: instead("version", (version, context) => [
      pass(version, context),
      sayVersion(context, { version: 1, startHeight: 1_000_000 }),
    ]),
  }),
  "double-verack": ok("Sends verack twice", {
    write: instead(
      "verack",
      (verack, context) =>
        together(pass(verack, context), pass(verack, context)),
    ),
  }),
  "early-verack": ok("Sends verack before its version as well as after", {
    write: instead("version", (version, context) => [
      say(context, COMMAND.verack),
      pass(version, context),
    ]),
  }),
  "late-sendaddrv2": ok(
    "Sends sendaddrv2 after verack, where it is forbidden",
    {
      write: instead(
        "verack",
        (verack, context) =>
          together(pass(verack, context), say(context, COMMAND.sendaddrv2)),
      ),
    },
  ),
  "largest-message": ok(
    "Sends a message of 4,000,000 bytes before its version",
    {
      write: instead("version", (version, context) => [
        say(context, COMMAND.tx, new Uint8Array(MAX_PAYLOAD_BYTES)),
        pass(version, context),
      ]),
    },
  ),
  "short-version": ok("Sends a version without the relay byte", {
    write: instead("version", ({ command, payload }, context) => [
      say(context, command, payload.subarray(0, -1)),
    ]),
  }),
  "shortest-version": ok("Sends a version of its four required fields", {
    write: instead("version", ({ command, payload }, context) => [
      say(context, command, payload.subarray(0, REQUIRED_VERSION_BYTES)),
    ]),
  }),
  "long-version": ok("Sends a version with bytes behind its last field", {
    write: instead("version", ({ command, payload }, context) => [
      say(context, command, join([payload, context.random.bytes(32)])),
    ]),
  }),
  "oldest-version": ok("Announces version 31800, the oldest that is accepted", {
    write: instead("version", (_, context) => [
      sayVersion(context, { version: 31_800 }),
    ]),
  }),
  "longest-user-agent": ok("Has a user agent of 256 bytes", {
    write: instead("version", (_, context) => [
      sayVersion(context, { userAgent: filled(MAX_USER_AGENT_BYTES) }),
    ]),
  }),
  "hostile-user-agent": ok("Has terminal commands in its user agent", {
    write: instead("version", (_, context) => [
      sayVersion(context, { userAgent: HOSTILE_USER_AGENT }),
    ]),
  }),
  "future-time": ok("Has the latest time there is", {
    write: instead("version", (_, context) => [
      sayVersion(context, { timestamp: MAX_I64 }),
    ]),
  }),
  "negative-time": ok("Has the earliest time there is", {
    write: instead("version", (_, context) => [
      sayVersion(context, { timestamp: -MAX_I64 - 1n }),
    ]),
  }),
  "all-service-bits": ok("Offers all 64 services", {
    write: instead("version", (_, context) => [
      sayVersion(context, { services: ALL_BITS }),
    ]),
  }),

  // Never done.
  "mute": wrong("timeout", "Says nothing", { write: () => [] }),
  "no-verack": wrong("timeout", "Says everything but verack", {
    write: instead("verack", () => []),
  }),
  "verack-first": wrong("timeout", "Sends verack only before its version", {
    write: (message, context) => {
      if (message.command === COMMAND.verack) return [];
      return message.command === COMMAND.version
        ? [say(context, COMMAND.verack), pass(message, context)]
        : [pass(message, context)];
    },
  }),
  "chatter": wrong("timeout", "Sends pings for ever instead of verack", {
    write: instead("verack", function* (_, context): Generator<Step> {
      for (let nonce = 0n;; nonce++) {
        yield say(context, COMMAND.ping, encodePing({ nonce }));
        yield "pause";
      }
    }),
  }),

  // Gone.
  "close-at-once": wrong("closed", "Closes as soon as somebody connects", {
    start: () => ["close"],
  }),
  "close-on-version": wrong("closed", "Closes when it gets a version", {
    write: () => ["close"],
  }),
  "close-mid-message": wrong("closed", "Closes in the middle of its version", {
    write: (message, context) => [half(message, context), "close"],
  }),
  "close-before-verack": wrong(
    "closed",
    "Closes after its version, as Core does with feelers",
    { write: instead("verack", () => ["close"]) },
  ),
  "reject": wrong("closed", "Sends reject (BIP61) and closes", {
    write: (_, context) => [say(context, COMMAND.reject, rejection()), "close"],
  }),

  // Broken bytes.
  "wrong-magic": wrong("bad-magic", "Answers on another network", {
    write: ({ command, payload }, { magic }) => [{
      send: encodeFrame(otherMagic(magic), command, payload),
      message: { command, payload },
    }],
  }),
  "garbage": wrong("bad-magic", "Answers with random bytes", {
    write: (_, context) => [{ send: noise(context, 1_000) }],
  }),
  "v2-bytes": wrong("bad-magic", "Answers in the v2 transport (BIP324)", {
    write: instead("version", (_, context) => [{
      send: noise(context, V2_BYTES),
    }], () => []),
  }),
  "bad-checksum": wrong("bad-checksum", "Has a wrong checksum in its version", {
    write: instead("version", (version, context) => [
      sayWrongChecksum(context, version),
    ]),
  }),
  "bad-checksum-verack": wrong(
    "bad-checksum",
    "Has a wrong checksum in its verack",
    {
      write: instead("verack", (verack, context) => [
        sayWrongChecksum(context, verack),
      ]),
    },
  ),
  "bad-command": wrong("malformed", "Has bytes behind the NUL of its command", {
    write: instead("version", ({ payload }, { magic }) => [{
      send: withCommandTail(encodeFrame(magic, COMMAND.version, payload)),
    }]),
  }),
  "oversize": wrong("oversize", "Announces a message of 4,000,001 bytes", {
    write: instead("version", (_, context) => [
      announce(context, COMMAND.version, MAX_PAYLOAD_BYTES + 1),
    ], () => []),
  }),
  "huge-length": wrong("oversize", "Announces a message of 2^32 - 1 bytes", {
    write: instead("version", (_, context) => [
      announce(context, COMMAND.version, 0xffff_ffff),
    ], () => []),
  }),
  "cut-version": wrong("malformed", "Cuts its version in the nonce", {
    write: instead("version", ({ command, payload }, context) => [
      say(context, command, payload.subarray(0, VERSION_BYTES_TO_NONCE - 1)),
    ]),
  }),
  "long-user-agent": wrong("malformed", "Has a user agent of 257 bytes", {
    write: instead("version", (_, context) => [
      versionWithUserAgent(
        context,
        Uint8Array.of(0xfd, 0x01, 0x01),
        filled(MAX_USER_AGENT_BYTES + 1),
      ),
    ]),
  }),
  "non-canonical": wrong(
    "malformed",
    "Writes the length of its user agent in more bytes than needed",
    {
      write: instead("version", (_, context) => [
        versionWithUserAgent(context, Uint8Array.of(0xfd, 8, 0), filled(8)),
      ]),
    },
  ),

  // Refused.
  "obsolete": wrong("obsolete", "Announces version 31799", {
    write: instead("version", (_, context) => [
      sayVersion(context, { version: 31_799 }),
    ]),
  }),
  "self-nonce": wrong("self", "Sends back the nonce it got", {
    write: instead("version", (_, context) => [
      sayVersion(context, { nonce: context.remote?.nonce ?? 0n }),
    ]),
  }),
};

/** What a behaviour does; nothing for Core's rules. Not for others than the responder. */
export function rulesOf(name: BehaviourName): BehaviourRules {
  // `ok()` and `wrong()` put them there.
  return BEHAVIOURS[name] as Behaviour & BehaviourRules;
}

function ok(
  description: string,
  rules: BehaviourRules = {},
): Behaviour & BehaviourRules {
  return { description, outcome: "ok", ...rules };
}

function wrong(
  outcome: ProbeErrorKind,
  description: string,
  rules: BehaviourRules,
): Behaviour & BehaviourRules {
  return { description, outcome, ...rules };
}
