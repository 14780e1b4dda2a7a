/**
 * `reject` and `bye` of the mesh: a code of `reasons.ts` and a line of text.
 * Bitcoin's own `reject` has another payload, see `legacy_reject.ts`.
 */
import { MAX_REASON_TEXT_BYTES } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

const REPLACING_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Payload of `reject` and `bye`. */
export interface Reason {
  /** A code of `REASON`, or one this release does not know: unsigned 8 bits. */
  readonly code: number;
  /** What the sender adds, may be empty; escape before showing. */
  readonly text: string;
}

/**
 * Code and text. A text above `MAX_REASON_TEXT_BYTES` is cut, as it most often is
 * an error message, and a refusal must not fail for its length.
 *
 * @throws {RangeError} when the code is not 0 to 255.
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
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeReason(payload: Uint8Array): Reason {
  const reader = new ByteReader("reason", payload);
  const code = reader.u8("code");
  const text = reader.varBytes("text", MAX_REASON_TEXT_BYTES);
  return { code, text: REPLACING_UTF8.decode(text) };
}
