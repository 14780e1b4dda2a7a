/**
 * The ticks of a node, several a heartbeat, and what their lateness tells.
 *
 * A tick that comes late means that this process stood still (stopped, asleep,
 * a busy event loop) and could have heard no peer: that time is not held against
 * any other (Lifeguard's thought, arXiv:1707.00788). After a long one
 * others have most likely given us up, and what was put off is due now.
 */
import type { Clock } from "../core/clock.ts";

/** Ticks a heartbeat: how finely silence is watched. */
const TICKS_PER_HEARTBEAT = 4;

/** A tick later than this many periods means that the process stood still. */
const TICK_SLACK = 1.25;

/** What one tick found. */
export interface Tick {
  /** Monotonic clock, milliseconds. */
  readonly now: number;
  /** Milliseconds of the monotonic clock for which this process stood still. */
  readonly pausedMs: number;
  /** It stood still for so long that others may have given it up. */
  readonly hasResumed: boolean;
}

/** Settings of a {@linkcode Ticker}. */
export interface TickerOptions {
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** How long a silence others take before they give a peer up. */
  readonly deadAfterMs: number;
  readonly onTick: (tick: Tick) => void;
}

/** Ticks until it is stopped. */
export class Ticker {
  readonly #options: TickerOptions;
  readonly #period: number;
  #cancel: (() => void) | undefined;
  #tickedAt: number;
  #wallAt: number;

  /** Starts to tick. */
  constructor(options: TickerOptions) {
    const { clock, heartbeatMs } = options;
    this.#options = options;
    this.#period = heartbeatMs / TICKS_PER_HEARTBEAT;
    this.#tickedAt = clock.monotonic();
    this.#wallAt = clock.now();
    this.#schedule();
  }

  /** Idempotent. */
  stop(): void {
    this.#cancel?.();
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.after(this.#period, () => {
      this.#schedule();
      this.#options.onTick(this.#tick());
    });
  }

  #tick(): Tick {
    const { clock, deadAfterMs } = this.#options;
    const now = clock.monotonic();
    const wall = clock.now();
    const elapsed = now - this.#tickedAt;
    const wallElapsed = wall - this.#wallAt;
    this.#tickedAt = now;
    this.#wallAt = wall;
    const pausedMs = elapsed > TICK_SLACK * this.#period
      ? elapsed - this.#period
      : 0;
    // A machine that sleeps may stop its monotonic clock with it: then only the
    // wall clock tells. If it was merely set, waking costs a ping a peer.
    const hasResumed =
      Math.max(elapsed, wallElapsed) - this.#period >= deadAfterMs;
    return { now, pausedMs, hasResumed };
  }
}
