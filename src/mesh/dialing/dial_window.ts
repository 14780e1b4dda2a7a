/**
 * How many dials may be under way at once, by how starved this process or the machine is. Each
 * dial takes milliseconds of the processor at both ends. If more begin than can be served, all
 * take longer together until they reach their deadlines, and are begun anew: the work is thrown
 * away, and a large crowd on one machine never connects (congestion collapse). So a node whose
 * timers fire late, or whose dials take long although they succeed, begins fewer: the window is
 * halved, and grows by one in each period without such a sign (additive increase,
 * multiplicative decrease, as in RFC 5681).
 *
 * Dials that fail are no sign, or gossip with addresses that hang would delay other dials.
 */
import type { Clock } from "../../core/clock.ts";
import {
  DIAL_GROWTH_MS,
  LAG_SAMPLE_MS,
  MAX_CONCURRENT_DIALS,
  MIN_DIALS,
  SLOW_DIAL_MS,
  STARVED_LAG_MS,
} from "./dialing_limits.ts";
import { DIAL_TIMEOUT_MS } from "../../transport/transport_limits.ts";

/** Settings of a {@linkcode DialWindow}. */
export interface DialWindowOptions {
  readonly clock: Clock;
  /** Whether so many dials are under way that the window matters. */
  readonly isUsed: () => boolean;
  /** Called when it has grown. */
  readonly onGrown: () => void;
  /** Called when this process was starved for so many milliseconds. */
  readonly onStarved: (ms: number) => void;
}

/** The window of one node. Times are of the monotonic clock, milliseconds. */
export class DialWindow {
  readonly #options: DialWindowOptions;
  #limit = MAX_CONCURRENT_DIALS;
  /** When it was last halved. */
  #halvedAt = -Infinity;
  #changedAt = -Infinity;
  #cancel: (() => void) | undefined;

  constructor(options: DialWindowOptions) {
    this.#options = options;
  }

  /** Dials that may be under way, of each kind. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether there was a sign of starvation so lately that dials under way take long. */
  get isStarved(): boolean {
    const { clock } = this.#options;
    return clock.monotonic() - this.#halvedAt < DIAL_TIMEOUT_MS;
  }

  /** A dial has begun: timers are checked from now on, for as long as the window is used. */
  watch(): void {
    const { clock, isUsed } = this.#options;
    if (this.#cancel !== undefined || !isUsed()) return;
    const dueAt = clock.monotonic() + LAG_SAMPLE_MS;
    this.#cancel = clock.after(LAG_SAMPLE_MS, () => {
      this.#cancel = undefined;
      this.#sample(clock.monotonic(), dueAt);
      this.watch();
    });
  }

  /** A dial that began then has led to a session. */
  succeeded(begunAt: number): void {
    const now = this.#options.clock.monotonic();
    // One begun before the last reduction says nothing about its effect.
    if (now - begunAt >= SLOW_DIAL_MS && begunAt >= this.#halvedAt) {
      this.#halve(now);
    }
  }

  /** Ends the checks. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #sample(now: number, dueAt: number): void {
    const { onGrown, onStarved } = this.#options;
    const lateMs = now - dueAt;
    if (lateMs >= STARVED_LAG_MS) {
      this.#halve(now);
      return onStarved(lateMs);
    }
    if (this.#limit >= MAX_CONCURRENT_DIALS) return;
    if (now - this.#changedAt < DIAL_GROWTH_MS) return;
    this.#limit++;
    this.#changedAt = now;
    onGrown();
  }

  #halve(now: number): void {
    this.#limit = Math.max(MIN_DIALS, Math.floor(this.#limit / 2));
    this.#halvedAt = this.#changedAt = now;
  }
}
