/**
 * `ping` and `pong` (BIP31): a nonce, and the same nonce back. In the mesh a ping
 * may carry a line of text, which Bitcoin nodes skip like anything after the nonce.
 */
import { MAX_PING_TEXT_BYTES } from "../wire_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Payload of the mesh's `ping`. */
export interface PingMessage {
  /** What the pong repeats. */
  readonly nonce: bigint;
  /** A line to show, at most `MAX_PING_TEXT_BYTES` in UTF-8; escape before showing. */
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
  { nonce, text }: PingMessage,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(16).u64(nonce);
  if (text !== undefined) {
    writer.varString("text of ping", text, MAX_PING_TEXT_BYTES);
  }
  return writer.finish();
}

/**
 * Reads a ping of the mesh: a nonce, then a text if anything follows it.
 *
 * @throws {VerackError} `malformed`, also when the text is too long or not UTF-8.
 */
export function decodePing(payload: Uint8Array): PingMessage {
  const reader = new ByteReader("ping", payload);
  const nonce = reader.u64("nonce");
  if (reader.remaining === 0) return { nonce };
  return { nonce, text: reader.varString("text", MAX_PING_TEXT_BYTES) };
}

/**
 * Reads a ping of the Bitcoin network, which is empty before BIP31 and then not
 * answered; what follows the nonce is ignored, as by Core.
 */
export function decodeBitcoinPing(payload: Uint8Array): { nonce?: bigint } {
  if (payload.length === 0) return {};
  return { nonce: new ByteReader("ping", payload).u64("nonce") };
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
