/**
 * `reject` of the Bitcoin network (BIP61): why a message was refused. Gone from
 * Core since 0.20, but old peers still send it. verack itself never does, except to
 * play an old peer (`bitcoin/behaviours.ts`).
 */
import { MAX_REASON_TEXT_BYTES } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Longest command that can be named; Core's `COMMAND_SIZE`. */
const MAX_COMMAND_BYTES = 12;

/** Payload of Bitcoin's `reject`. */
export interface LegacyReject {
  /** The command that was refused; bytes of any kind, escape before showing. */
  readonly command: Uint8Array;
  /** 0x01 malformed, 0x10 invalid, 0x11 obsolete, 0x12 duplicate, 0x40 and up: transactions. */
  readonly code: number;
  /** At most `MAX_REASON_TEXT_BYTES`; escape before showing. */
  readonly reason: Uint8Array;
}

/**
 * Command, code and reason, without a hash.
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
