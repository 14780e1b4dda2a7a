/**
 * Beginnings of large bodies whose session ended, held for the next session of the
 * same peer. They count as room for large bodies, give way to bodies that are
 * coming, and go after a while.
 */
import type { PeerId } from "../identity/identity.ts";
import {
  HELD_BODY_MS,
  MAX_CHUNK_BYTES,
  MAX_HELD_BYTES,
  MAX_HELD_BYTES_PER_PEER,
} from "../delivery_limits.ts";
import type { MessageId } from "./message_id.ts";
import type { ReceiveBudget, ReceiveShare } from "./receive_budget.ts";

/** What has come of one body. */
export interface HeldBody {
  readonly from: PeerId;
  readonly topic: string;
  readonly id: MessageId;
  /** Whether its sender had standing when it was held. */
  readonly hasStanding: boolean;
  /** As long as all of the body. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Bytes of it that have come. */
  readonly filled: number;
}

interface Kept extends HeldBody {
  /** Monotonic clock, milliseconds. */
  readonly until: number;
}

/** The beginnings that a node holds. */
export class HeldBodies {
  readonly #budget: ReceiveBudget;
  /** Oldest first. */
  readonly #bodies = new Map<string, Kept>();
  #bytes = 0;

  constructor(budget: ReceiveBudget) {
    this.#budget = budget;
  }

  /** Bytes that all of them take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Holds a beginning that counts nowhere else by now; false if there is no room. */
  keep(held: HeldBody, now: number): boolean {
    const { from, id, body, filled, hasStanding } = held;
    const key = keyOf(from, id);
    this.#drop(key);
    // A shorter one is sent again as a whole.
    if (body.length <= MAX_CHUNK_BYTES || filled === 0) return false;
    if (!this.#budget.hold(body.length, hasStanding)) return false;
    this.#bytes += body.length;
    this.#bodies.set(key, { ...held, until: now + HELD_BODY_MS });
    const own = [...this.#bodies].filter(([, it]) => it.from === from);
    const ownBytes = own.reduce((sum, [, it]) => sum + it.body.length, 0);
    this.#trim(own, ownBytes - MAX_HELD_BYTES_PER_PEER);
    this.#trim([...this.#bodies], this.#bytes - MAX_HELD_BYTES);
    return this.#bodies.has(key);
  }

  /** Takes out what is held of a message; its bytes count to `share` from then on. */
  take(
    from: PeerId,
    id: MessageId,
    topic: string,
    total: number,
    share: ReceiveShare,
  ): HeldBody | undefined {
    const key = keyOf(from, id);
    const held = this.#bodies.get(key);
    if (held === undefined) return undefined;
    if (held.topic !== topic || held.body.length !== total) {
      this.#drop(key);
      return undefined;
    }
    this.#bodies.delete(key);
    this.#bytes -= total;
    this.#budget.adopt(share, total, held.hasStanding);
    return held;
  }

  /** Room is asked for: lets go of as much as that takes, for a stranger of strangers'. */
  makeCredit(bytes: number, hasStanding: boolean): void {
    const bodies = [...this.#bodies].filter(([, it]) =>
      hasStanding || !it.hasStanding
    );
    this.#trim(bodies, this.#budget.lack(bytes, hasStanding));
  }

  /** Lets go of what nothing went on with. */
  tick(now: number): void {
    for (const [key, { until }] of this.#bodies) {
      if (until > now) return;
      this.#drop(key);
    }
  }

  /**
   * Lets go of those of senders without standing first, then of those of which the
   * least has come, until `bytes` are free.
   */
  #trim(bodies: [string, Kept][], bytes: number): void {
    if (bytes <= 0) return;
    let left = bytes;
    bodies.sort(([, a], [, b]) =>
      Number(a.hasStanding) - Number(b.hasStanding) || a.filled - b.filled
    );
    for (const [key, { body }] of bodies) {
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
    this.#budget.drop(held.body.length, held.hasStanding);
  }
}

function keyOf(from: PeerId, id: MessageId): string {
  return `${from} ${id}`;
}
