/** How long something may be worked on: a burst, and then a share of the time. Pure; time is handed in. */

/** A bucket of milliseconds that refills with time. */
export class TimeShare {
  readonly #burstMs: number;
  readonly #share: number;
  #leftMs: number;
  #at: number;

  /** @param share Milliseconds of work for each that passes, below 1. */
  constructor(burstMs: number, share: number, now: number) {
    this.#burstMs = this.#leftMs = burstMs;
    this.#share = share;
    this.#at = now;
  }

  /** Whether there is time left. */
  has(now: number): boolean {
    const gainedMs = (now - this.#at) * this.#share;
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + gainedMs);
    this.#at = now;
    return this.#leftMs > 0;
  }

  /** Takes what was used, at most to be a burst in debt. */
  spend(ms: number): void {
    this.#leftMs = Math.max(this.#leftMs - ms, -this.#burstMs);
  }

  /** Milliseconds until so much is left. */
  waitMs(wantedMs: number): number {
    return Math.max(0, (wantedMs - this.#leftMs) / this.#share);
  }
}
