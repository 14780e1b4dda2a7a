/**
 * `reject` and `bye` of the mesh, a code and a line of text, and Bitcoin's own `reject`.
 * The reason of each error is in `core/error_code.ts`.
 */
import { MAX_REASON_TEXT_BYTES } from "../wire_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

const REPLACING_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Name to code. A number keeps its meaning for ever; new ones are appended to their
 * group. Codes below 0x40 refuse a handshake, those above end a session.
 */
export const REASON = {
  // Bytes that break a rule.
  "protocol-error": 0x01,
  "bad-frame": 0x02,
  "early-message": 0x03,
  "timeout": 0x04,
  "too-many-frames": 0x05,
  "obsolete": 0x06,
  "wrong-network": 0x07,
  // The other end's identity.
  "bad-certificate": 0x10,
  "bad-proof": 0x11,
  "self": 0x12,
  "identity-in-use": 0x13,
  "demo-identity": 0x14,
  "denied": 0x15,
  "not-admitted": 0x16,
  "bad-secret": 0x17,
  "bad-invite": 0x18,
  // No room.
  "full": 0x20,
  // Why an open session ends.
  "leaving": 0x40,
  "duplicate": 0x41,
  "slow": 0x42,
  "dead": 0x43,
  "flood": 0x44,
  "forgotten": 0x45,
} as const;

/** The name of a reason. */
export type ReasonName = keyof typeof REASON;

const nameByCode: ReadonlyMap<number, ReasonName> = new Map(
  (Object.keys(REASON) as ReasonName[]).map((name) => [REASON[name], name]),
);

/** The name of a code, or `undefined` when this release has none. */
export function knownReason(code: number): ReasonName | undefined {
  return nameByCode.get(code);
}

/** The name of a code, or `unknown (N)`. */
export function reasonName(code: number): string {
  return nameByCode.get(code) ?? `unknown (${code})`;
}

/** Payload of `reject` and `bye`. */
export interface Reason {
  /** A code of `REASON`, or one this release does not know: unsigned 8 bits. */
  readonly code: number;
  /** Details, may be empty; escape before showing. */
  readonly text: string;
}

/**
 * Code and text. A text above `MAX_REASON_TEXT_BYTES` is cut, as it most often is
 * an error message, and a refusal must not fail for its length.
 */
export function encodeReason(reason: Reason): Uint8Array<ArrayBuffer> {
  const text = new Uint8Array(MAX_REASON_TEXT_BYTES);
  // `encodeInto` stops before a character that does not fit.
  const { written } = new TextEncoder().encodeInto(reason.text, text);
  return new ByteWriter(2 + written)
    .u8(reason.code)
    .varBytes("text", text.subarray(0, written), MAX_REASON_TEXT_BYTES)
    .finish();
}

/**
 * Reads code and text. Broken UTF-8 becomes U+FFFD, and what follows the text is
 * ignored: the other end is leaving, and its code counts.
 */
export function decodeReason(payload: Uint8Array): Reason {
  const reader = new ByteReader("reason", payload);
  const code = reader.u8("code");
  const text = reader.varBytes("text", MAX_REASON_TEXT_BYTES);
  return { code, text: REPLACING_UTF8.decode(text) };
}

/** Longest command that can be named; Core's `COMMAND_SIZE`. */
const MAX_COMMAND_BYTES = 12;

/** Payload of Bitcoin's `reject` (BIP61): gone from Core since 0.20, but old peers send it. */
export interface LegacyReject {
  /** The command that was refused; bytes of any kind, escape before showing. */
  readonly command: Uint8Array;
  /** 0x01 malformed, 0x10 invalid, 0x11 obsolete, 0x12 duplicate, 0x40 and up: transactions. */
  readonly code: number;
  /** At most `MAX_REASON_TEXT_BYTES`; escape before showing. */
  readonly reason: Uint8Array;
}

/**
 * Command, code and reason, without a hash: sent only to imitate an old peer.
 *
 * @throws {RangeError} when a field is too long or the code not a byte.
 */
export function encodeLegacyReject(
  { command, code, reason }: LegacyReject,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(16 + reason.length)
    .varBytes("command of reject", command, MAX_COMMAND_BYTES)
    .u8(code)
    .varBytes("reason of reject", reason, MAX_REASON_TEXT_BYTES)
    .finish();
}

/**
 * Reads command, code and reason; the hash that may follow is ignored.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeLegacyReject(payload: Uint8Array): LegacyReject {
  const reader = new ByteReader("reject", payload);
  const command = reader.varBytes("command", MAX_COMMAND_BYTES).slice();
  const code = reader.u8("code");
  const reason = reader.varBytes("reason", MAX_REASON_TEXT_BYTES).slice();
  return { command, code, reason };
}
