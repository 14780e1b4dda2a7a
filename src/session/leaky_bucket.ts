/** A leaky bucket, which counts amounts that leak away at a fixed rate. The caller gives the time. */

/** One sum of a meter. */
export class LeakyBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #level = 0;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1_000;
  }

  add(amount: number): void {
    this.#level += amount;
  }

  leak(elapsedMs: number): void {
    this.#level = Math.max(0, this.#level - elapsedMs * this.#perMs);
  }

  /** Milliseconds until the level is down to the burst. */
  get excessMs(): number {
    return Math.max(0, this.#level - this.#burst) / this.#perMs;
  }

  /** Whether it holds more than `factor` times its burst. */
  exceeds(factor: number): boolean {
    return this.#level > factor * this.#burst;
  }
}
