/**
 * A message id as four little-endian words, so that hundreds of thousands of messages a
 * second need no array for it.
 */
import type { PeerId } from "../identity/identity.ts";
import { u32At } from "../wire/bytes.ts";
import { MESSAGE_ID_BYTES } from "../wire/messages/message_frame.ts";

/** The id of a message. */
export class MessageId {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;

  /** Reads it from the first 16 bytes. */
  constructor(bytes: Uint8Array) {
    this.a = u32At(bytes, 0) | 0;
    this.b = u32At(bytes, 4) | 0;
    this.c = u32At(bytes, 8) | 0;
    this.d = u32At(bytes, 12) | 0;
  }

  /** Whether it is the same. */
  equals(other: MessageId): boolean {
    return this.a === other.a && this.b === other.b && this.c === other.c &&
      this.d === other.d;
  }

  /** The 16 bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(MESSAGE_ID_BYTES);
    const view = new DataView(bytes.buffer);
    for (const [at, word] of [this.a, this.b, this.c, this.d].entries()) {
      view.setInt32(4 * at, word, true);
    }
    return bytes;
  }

  /** 32 hex digits. */
  toString(): string {
    return this.toBytes().toHex();
  }
}

/** A key for maps; ids are chosen by their senders, so that they are unique for each only. */
export function messageKey(from: PeerId, id: MessageId | Uint8Array): string {
  return `${from} ${id instanceof Uint8Array ? id.toHex() : id}`;
}
