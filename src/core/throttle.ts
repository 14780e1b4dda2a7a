/** Spaces the runs of a function out, however often it is requested. */
import type { Clock } from "./clock.ts";

/** Runs a function on request, but at most once in a period. */
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

  /** Drops a request. */
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
