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
