/** `resume`: grants credit for an offered body of which the receiver holds the beginning. */
import { VerackError } from "../../core/errors.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Payload of `resume`. */
export interface ResumeMessage {
  /** Number of the offered message, modulo 2^32, as in `ack`. */
  readonly number: number;
  /** Bytes of its body that are held, at least 1; the next `chunk` follows them. */
  readonly held: number;
}

/**
 * Writes `resume`.
 *
 * @throws {RangeError} when one of them does not fit.
 */
export function encodeResume(
  { number, held }: ResumeMessage,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(8).u32(number).u32(held).finish();
}

/**
 * Reads `resume`.
 *
 * @throws {VerackError} `malformed` when it is shorter, or nothing is held.
 */
export function decodeResume(payload: Uint8Array): ResumeMessage {
  const reader = new ByteReader("resume", payload);
  const number = reader.u32("number");
  const held = reader.u32("held");
  if (held === 0) {
    throw new VerackError(
      "malformed",
      "Cannot read resume: held is 0, must be at least 1",
    );
  }
  return { number, held };
}
