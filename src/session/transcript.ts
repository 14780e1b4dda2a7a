/**
 * Hash of the handshake messages before the proof, which the proof signs. Each
 * direction is hashed apart, since the ends see them interleaved differently, and
 * each message with its command and length, so that the hash is unambiguous.
 */
import { createHash } from "node:crypto";

/** Running hash of the handshake messages in both directions. */
export class Transcript {
  readonly #dialer = createHash("sha256");
  readonly #listener = createHash("sha256");

  /** Adds a message that the dialing node sent. */
  addDialer(command: string, payload: Uint8Array): void {
    absorb(this.#dialer, command, payload);
  }

  /** Adds a message that the listening node sent. */
  addListener(command: string, payload: Uint8Array): void {
    absorb(this.#listener, command, payload);
  }

  /**
   * SHA-256(SHA-256(dialer's messages) ‖ SHA-256(listener's messages)), where a
   * message is command (12 bytes, NUL-padded) ‖ length (u32 LE) ‖ payload.
   */
  digest(): Uint8Array<ArrayBuffer> {
    const both = createHash("sha256");
    both.update(this.#dialer.copy().digest());
    both.update(this.#listener.copy().digest());
    return new Uint8Array(both.digest());
  }
}

function absorb(
  hash: ReturnType<typeof createHash>,
  command: string,
  payload: Uint8Array,
): void {
  const head = new Uint8Array(16);
  for (let i = 0; i < command.length; i++) head[i] = command.charCodeAt(i);
  new DataView(head.buffer).setUint32(12, payload.length, true);
  hash.update(head);
  hash.update(payload);
}
