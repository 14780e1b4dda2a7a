/**
 * The ticks of a node, several a heartbeat. A tick that comes late means that this process was
 * paused (stopped, asleep, a busy event loop) and could receive nothing, so that the pause does
 * not count as silence of peers (as in Lifeguard, arXiv:1707.00788). After a long one, peers
 * have most likely closed their sessions, and postponed dials are due.
 */
import type { Clock } from "../core/clock.ts";

/** Ticks a heartbeat: the resolution of silence. */
const TICKS_PER_HEARTBEAT = 4;

/** A tick later than this many periods means that the process was paused. */
const TICK_SLACK = 1.25;

/** The result of one tick. */
export interface Tick {
  /** Monotonic clock, milliseconds. */
  readonly now: number;
  /** Milliseconds of the monotonic clock for which this process was paused. */
  readonly pausedMs: number;
  /** The same by whichever clock shows more, as one may stand still while the machine sleeps. */
  readonly awayMs: number;
  /** Milliseconds by which the tick is late, however few. */
  readonly lateMs: number;
  /** Whether `awayMs` is so long that peers may have closed their sessions. */
  readonly hasResumed: boolean;
}

/** Settings of a {@linkcode PauseDetector}. */
export interface PauseDetectorOptions {
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** Silence after which peers declare this node dead. */
  readonly deadAfterMs: number;
  readonly onTick: (tick: Tick) => void;
}

/** Ticks until it is stopped, and tells how long this process was paused before each tick. */
export class PauseDetector {
  readonly #options: PauseDetectorOptions;
  readonly #period: number;
  #cancel: (() => void) | undefined;
  #tickedAt: number;
  #wallAt: number;

  /** Starts to tick. */
  constructor(options: PauseDetectorOptions) {
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
    const lateMs = Math.max(0, elapsed - this.#period);
    const pausedMs = elapsed > TICK_SLACK * this.#period
      ? elapsed - this.#period
      : 0;
    // A machine that sleeps may stop its monotonic clock, so that only the wall clock shows the
    // pause. If that was merely set, the cost is one ping a peer.
    const awayMs = Math.max(0, elapsed, wallElapsed) - this.#period;
    return { now, pausedMs, awayMs, lateMs, hasResumed: awayMs >= deadAfterMs };
  }
}
