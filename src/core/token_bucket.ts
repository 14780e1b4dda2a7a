/**
 * The one rate limit of `src/`: a burst, and then a rate. Pure; the caller gives the
 * time of the monotonic clock, in milliseconds.
 */
import { BoundedMap } from "./bounded_map.ts";

/** A rate and its burst. */
export interface TokenRate {
  /** The burst: the most tokens. */
  readonly burst: number;
  /** Milliseconds until one more. */
  readonly refillMs: number;
}

/** A bucket of tokens that refills at a rate. */
export class TokenBucket {
  readonly #refillMs: number;
  readonly #capacityMs: number;
  /** When it is full again (the generic cell rate algorithm, ITU-T I.371). */
  #fullAt = -Infinity;

  /** Begins full. */
  constructor({ burst, refillMs }: TokenRate) {
    this.#refillMs = refillMs;
    this.#capacityMs = burst * refillMs;
  }

  /** Whether there is a token. */
  has(now: number): boolean {
    return this.#spentMs(now) + this.#refillMs <= this.#capacityMs;
  }

  /** Takes a token; false if there is none. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.spend(1, now);
    return true;
  }

  /** Takes tokens, also when there are too few. */
  spend(count: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + count * this.#refillMs;
  }

  /** Returns a token. */
  give(): void {
    this.#fullAt -= this.#refillMs;
  }

  /** Milliseconds until the tokens taken in excess are refilled. */
  debtMs(now: number): number {
    return Math.max(0, this.#spentMs(now) - this.#capacityMs);
  }

  #spentMs(now: number): number {
    return Math.max(0, this.#fullAt - now);
  }
}

/** A bucket for each key; the least recently used are forgotten. */
export class TokenBuckets {
  readonly #rate: TokenRate;
  readonly #buckets: BoundedMap<string, TokenBucket>;

  constructor(rate: TokenRate, max: number) {
    this.#rate = rate;
    this.#buckets = new BoundedMap(max);
  }

  /** The bucket of a key. */
  of(key: string): TokenBucket {
    return this.#buckets.ensure(key, () => new TokenBucket(this.#rate));
  }
}
