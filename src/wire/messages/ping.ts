/**
 * `ping` and `pong` (BIP31): a nonce, and the same nonce back. In the mesh a ping
 * may carry a line of text, which Bitcoin nodes skip like anything after the nonce.
 */
import { VerackError } from "../../errors.ts";
import { MAX_PING_TEXT_BYTES } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Payload of `ping`. */
export interface PingMessage {
  /** What the pong repeats; missing before BIP31, and then nothing is answered. */
  readonly nonce?: bigint;
  /** A line for people, at most `MAX_PING_TEXT_BYTES` in UTF-8; escape before showing. */
  readonly text?: string;
}

/** Payload of `pong`. */
export interface PongMessage {
  /** That of the ping it answers. */
  readonly nonce: bigint;
}

/**
 * Nonce and, when given, text.
 *
 * @throws {RangeError} when the text is too long or the nonce not 64 bits.
 */
export function encodePing(
  message: { nonce: bigint; text?: string },
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(16).u64(message.nonce);
  if (message.text !== undefined) {
    writer.varString("text of ping", message.text, MAX_PING_TEXT_BYTES);
  }
  return writer.finish();
}

/**
 * Reads a ping, an empty one too. What follows the nonce and is not exactly one
 * text is ignored.
 *
 * @throws {VerackError} `malformed` when it has 1 to 7 bytes.
 */
export function decodePing(payload: Uint8Array): PingMessage {
  if (payload.length === 0) return {};
  const reader = new ByteReader("ping", payload);
  const nonce = reader.u64("nonce");
  const text = readText(reader);
  return text === undefined ? { nonce } : { nonce, text };
}

/**
 * The nonce of the ping.
 *
 * @throws {RangeError} when the nonce is not 64 bits.
 */
export function encodePong(message: PongMessage): Uint8Array<ArrayBuffer> {
  return new ByteWriter(16).u64(message.nonce).finish();
}

/**
 * Reads a pong; what follows the nonce is ignored.
 *
 * @throws {VerackError} `malformed` when it is shorter than a nonce.
 */
export function decodePong(payload: Uint8Array): PongMessage {
  return { nonce: new ByteReader("pong", payload).u64("nonce") };
}

function readText(reader: ByteReader): string | undefined {
  if (reader.remaining === 0) return undefined;
  try {
    const text = reader.varString("text", MAX_PING_TEXT_BYTES);
    return reader.remaining === 0 ? text : undefined;
  } catch (error) {
    if (error instanceof VerackError) return undefined;
    throw error;
  }
}
