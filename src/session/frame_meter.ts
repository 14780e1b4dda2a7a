/**
 * Limits the control frames of one peer and their bytes, each by a leaky bucket.
 * Above the burst, reading pauses, so that TCP slows the peer down; far above it,
 * the session ends. Messages with flow control of their own are not counted.
 */
import { VerackError } from "../core/errors.ts";
import {
  CONTROL_BURST_BYTES,
  CONTROL_BURST_FRAMES,
  CONTROL_BYTES_PER_S,
  CONTROL_FRAMES_PER_S,
  FLOOD_FACTOR,
  MAX_STALL_MS,
} from "../budget_limits.ts";

/** A leaky bucket. */
class Bucket {
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

  get isFlooded(): boolean {
    return this.#level > FLOOD_FACTOR * this.#burst;
  }
}

/** Counts the control frames of one session. */
export class FrameMeter {
  readonly #free: ReadonlySet<string>;
  readonly #frames = new Bucket(CONTROL_BURST_FRAMES, CONTROL_FRAMES_PER_S);
  readonly #bytes = new Bucket(CONTROL_BURST_BYTES, CONTROL_BYTES_PER_S);
  #now: number;

  /** Does not count the commands in `free`; `now` is of the monotonic clock, milliseconds. */
  constructor(free: ReadonlySet<string>, now: number) {
    this.#free = free;
    this.#now = now;
  }

  /** Counts a received frame. */
  count(command: string, payloadBytes: number): void {
    if (this.#free.has(command)) return;
    this.#frames.add(1);
    this.#bytes.add(payloadBytes);
  }

  /** Milliseconds to pause reading, at most `MAX_STALL_MS`; throws `flood` far above the burst. */
  stallMs(now: number): number {
    this.#frames.leak(now - this.#now);
    this.#bytes.leak(now - this.#now);
    this.#now = now;
    if (this.#frames.isFlooded || this.#bytes.isFlooded) {
      throw new VerackError(
        "flood",
        `Cannot read on: the peer sends more than ${CONTROL_FRAMES_PER_S} frames or ${CONTROL_BYTES_PER_S} bytes a second besides messages, and did not slow down`,
      );
    }
    const excessMs = Math.max(this.#frames.excessMs, this.#bytes.excessMs);
    return Math.min(excessMs, MAX_STALL_MS);
  }
}
