/**
 * Beginnings of large bodies whose session ended, held for the next session of the
 * peer. They use credit for large bodies, give way to new requests, and expire.
 */
import { MAX_CHUNK_BYTES } from "../wire/wire_limits.ts";
import {
  HELD_BODY_MS,
  MAX_HELD_BYTES,
  MAX_HELD_BYTES_PER_PEER,
} from "./delivery_limits.ts";
import type { IncomingMessage } from "./incoming_message.ts";
import type { ReceiveBudget, ReceiveShare } from "./receive_budget.ts";
import { messageKey } from "./seen_ids.ts";

/** The beginning of a body. */
export interface HeldBody {
  /** Allocated for all of the body. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Bytes received. */
  readonly filled: number;
}

interface Kept extends HeldBody {
  readonly key: string;
  readonly from: string;
  readonly topic: string;
  readonly share: ReceiveShare;
  /** Monotonic clock, milliseconds. */
  readonly until: number;
}

/** Held bodies of one node. */
export class HeldBodies {
  readonly #budget: ReceiveBudget;
  /** Oldest first. */
  readonly #bodies = new Map<string, Kept>();
  #bytes = 0;

  constructor(budget: ReceiveBudget) {
    this.#budget = budget;
  }

  /** Credit that all of them use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Holds the body of a message whose credit was released; false if there is no credit for it. */
  keep(incoming: IncomingMessage, held: HeldBody, now: number): boolean {
    const { stream: { topic, peer: { from, hasStanding } } } = incoming;
    const { body, filled } = held;
    const key = messageKey(from, incoming.messageId);
    this.#drop(key);
    // A body of one chunk is sent again as a whole.
    if (body.length <= MAX_CHUNK_BYTES || filled === 0) return false;
    const share = this.#budget.hold(body.length, hasStanding);
    if (share === undefined) return false;
    this.#bytes += body.length;
    const until = now + HELD_BODY_MS;
    this.#bodies.set(key, { ...held, key, from, topic, share, until });
    const own = [...this.#bodies.values()].filter((it) => it.from === from);
    const ownBytes = own.reduce((sum, it) => sum + it.body.length, 0);
    this.#trim(own, ownBytes - MAX_HELD_BYTES_PER_PEER);
    this.#trim([...this.#bodies.values()], this.#bytes - MAX_HELD_BYTES);
    return this.#bodies.has(key);
  }

  /** Removes and returns the held body of a message, and moves its credit to `share`. */
  take(
    { stream, from, messageId }: IncomingMessage,
    total: number,
    share: ReceiveShare,
  ): HeldBody | undefined {
    const key = messageKey(from, messageId);
    const held = this.#bodies.get(key);
    if (held === undefined) return undefined;
    if (held.topic !== stream.topic || held.body.length !== total) {
      this.#drop(key);
      return undefined;
    }
    this.#bodies.delete(key);
    this.#bytes -= total;
    this.#budget.adopt(share, held.share);
    return held;
  }

  /** Drops held bodies until a request fits; for a stranger only those of strangers. */
  giveWay(bytes: number, hasStanding: boolean): void {
    const bodies = [...this.#bodies.values()]
      .filter(({ share }) => hasStanding || !share.hasStanding());
    this.#trim(bodies, this.#budget.lack(bytes, hasStanding));
  }

  /** Drops expired bodies. */
  tick(now: number): void {
    for (const { key, until } of this.#bodies.values()) {
      if (until > now) return;
      this.#drop(key);
    }
  }

  /** Drops bodies until `bytes` are free: of strangers first, then those of which least has come. */
  #trim(bodies: Kept[], bytes: number): void {
    let left = bytes;
    bodies.sort((a, b) =>
      Number(a.share.hasStanding()) - Number(b.share.hasStanding()) ||
      a.filled - b.filled
    );
    for (const { key, body } of bodies) {
      if (left <= 0) return;
      left -= body.length;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const held = this.#bodies.get(key);
    if (held === undefined) return;
    this.#bodies.delete(key);
    this.#bytes -= held.body.length;
    this.#budget.leave(held.share);
  }
}
