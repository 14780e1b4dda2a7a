/** Calls that come in heaps, made one: at once, and again only after a while. */
import type { Clock } from "../../core/clock.ts";

/** Runs something when asked to, but not more often than every so many milliseconds. */
export class Throttle {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  readonly #run: () => void;
  #ranAt = -Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, pauseMs: number, run: () => void) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
    this.#run = run;
  }

  /** Runs it now, or as soon as the pause is over. */
  request(): void {
    if (this.#cancelTimer !== undefined) return;
    const waitMs = this.#ranAt + this.#pauseMs - this.#clock.monotonic();
    if (waitMs <= 0) return this.#fire();
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#fire());
  }

  /** What was requested is not run any more. */
  cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #fire(): void {
    this.#cancelTimer = undefined;
    this.#ranAt = this.#clock.monotonic();
    this.#run();
  }
}
