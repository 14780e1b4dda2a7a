/** Message ids, and a set of the latest ones of a sender in 22 bytes each. */
import type { PeerId } from "../core/peer_id.ts";
import { u32At } from "../wire/bytes.ts";
import { MESSAGE_ID_BYTES } from "../wire/messages/message_frame.ts";
import { SEEN_IDS_PER_SENDER, SEEN_IDS_SLACK } from "./delivery_limits.ts";

/** The id of a message, as four little-endian words: quicker than an array. */
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

  equals(other: MessageId): boolean {
    return this.a === other.a && this.b === other.b && this.c === other.c &&
      this.d === other.d;
  }

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

/** Words of an id. */
const WORDS = 4;

/** Ids in the first, small array. */
const FIRST_CAPACITY = 16;

const MAX_CAPACITY = SEEN_IDS_PER_SENDER + SEEN_IDS_SLACK;

/** Shared by all empty sets, such as those of idle peers. */
const NO_WORDS = new Int32Array(0);
const NO_INDEX = new Uint16Array(1);

/** The latest `SEEN_IDS_PER_SENDER` ids of one sender, or some more. */
export class SeenIds {
  /** Keeps hashes unpredictable for senders, which choose the ids. */
  readonly #salt: number;
  /** Ids, oldest first, four words each. */
  #words = NO_WORDS;
  #size = 0;
  /** Hash table of positions in `#words` plus one; 0 is free. At most half full. */
  #index = NO_INDEX;

  /** @param salt A number that is secret from senders. */
  constructor(salt: number) {
    this.#salt = salt;
  }

  /** Number of ids. */
  get size(): number {
    return this.#size;
  }

  /** Whether it contains an id. */
  has({ a, b, c, d }: MessageId): boolean {
    const mask = this.#index.length - 1;
    for (let at = this.#hash(a, b, c, d) & mask;; at = (at + 1) & mask) {
      const position = this.#index[at]!;
      if (position === 0) return false;
      const word = WORDS * (position - 1);
      if (
        this.#words[word] === a && this.#words[word + 1] === b &&
        this.#words[word + 2] === c && this.#words[word + 3] === d
      ) return true;
    }
  }

  /** Adds an id that it does not contain, and drops the oldest ones if it is full. */
  add({ a, b, c, d }: MessageId): void {
    if (WORDS * this.#size === this.#words.length) this.#grow();
    const word = WORDS * this.#size;
    this.#words[word] = a;
    this.#words[word + 1] = b;
    this.#words[word + 2] = c;
    this.#words[word + 3] = d;
    this.#enter(this.#size++);
  }

  /** Removes an id; takes as long as adding all others. */
  remove(id: MessageId): void {
    if (!this.has(id)) return;
    const all = Array.from(
      { length: this.#size },
      (_, at) => this.#words.slice(WORDS * at, WORDS * (at + 1)),
    );
    this.#index = new Uint16Array(this.#index.length);
    this.#size = 0;
    for (const [a = 0, b = 0, c = 0, d = 0] of all) {
      const isIt = a === id.a && b === id.b && c === id.c && d === id.d;
      if (isIt) continue;
      this.#words.set([a, b, c, d], WORDS * this.#size);
      this.#enter(this.#size++);
    }
  }

  #grow(): void {
    const capacity = this.#size;
    if (capacity < MAX_CAPACITY) {
      const grown = Math.min(
        Math.max(FIRST_CAPACITY, 2 * capacity),
        MAX_CAPACITY,
      );
      const words = new Int32Array(WORDS * grown);
      words.set(this.#words);
      this.#words = words;
    } else {
      this.#words.copyWithin(0, WORDS * SEEN_IDS_SLACK);
      this.#size -= SEEN_IDS_SLACK;
    }
    let slots = this.#index.length;
    while (slots < this.#words.length / WORDS * 2) slots *= 2;
    this.#index = new Uint16Array(slots);
    for (let position = 0; position < this.#size; position++) {
      this.#enter(position);
    }
  }

  #enter(position: number): void {
    const words = this.#words;
    const word = WORDS * position;
    const hash = this.#hash(
      words[word]!,
      words[word + 1]!,
      words[word + 2]!,
      words[word + 3]!,
    );
    const mask = this.#index.length - 1;
    let at = hash & mask;
    while (this.#index[at] !== 0) at = (at + 1) & mask;
    this.#index[at] = position + 1;
  }

  #hash(a: number, b: number, c: number, d: number): number {
    let hash = Math.imul(a ^ this.#salt, 0x9e37_79b1);
    hash = Math.imul(hash ^ hash >>> 15 ^ b, 0x85eb_ca6b);
    hash = Math.imul(hash ^ hash >>> 13 ^ c, 0xc2b2_ae35);
    hash = Math.imul(hash ^ hash >>> 16 ^ d, 0x9e37_79b1);
    return (hash ^ hash >>> 15) >>> 0;
  }
}
