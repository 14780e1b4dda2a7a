/** How often something may be done: a burst, and then at a rate. Pure; time is handed in. */

/** A bucket of tokens that refills one at a time. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #refillMs: number;
  #tokens: number;
  #refilledAt: number;

  /**
   * A full bucket.
   *
   * @param capacity Most tokens at once.
   * @param refillMs Milliseconds until one more is granted.
   * @param now Monotonic clock, milliseconds.
   */
  constructor(capacity: number, refillMs: number, now: number) {
    this.#capacity = this.#tokens = capacity;
    this.#refillMs = refillMs;
    this.#refilledAt = now;
  }

  /** Takes one; false if there is none. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens--;
    return true;
  }

  /** Whether there is one to take. */
  has(now: number): boolean {
    const gained = Math.floor((now - this.#refilledAt) / this.#refillMs);
    if (gained > 0) {
      this.#tokens = Math.min(this.#capacity, this.#tokens + gained);
      this.#refilledAt += gained * this.#refillMs;
    }
    return this.#tokens > 0;
  }

  /** Gives one back. */
  give(): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + 1);
  }
}

/** How often something may be done. */
export interface TokenRate {
  /** Most at once. */
  readonly burst: number;
  /** Milliseconds until one more. */
  readonly refillMs: number;
}

/** A bucket for each cause; the least recent are forgotten. */
export class TokenBuckets {
  readonly #rate: TokenRate;
  readonly #max: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: TokenRate, max: number) {
    this.#rate = rate;
    this.#max = max;
  }

  /** The bucket of a cause. */
  of(cause: string, now: number): TokenBucket {
    const { burst, refillMs } = this.#rate;
    const bucket = this.#buckets.get(cause) ??
      new TokenBucket(burst, refillMs, now);
    this.#buckets.delete(cause);
    this.#buckets.set(cause, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#max && oldest !== undefined) {
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
