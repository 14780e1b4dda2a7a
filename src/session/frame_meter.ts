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
} from "./session_limits.ts";
import { LeakyBucket } from "./leaky_bucket.ts";
import type { MeterShare } from "./strangers_meter.ts";

/** Counts the control frames of one session. */
export class FrameMeter {
  readonly #free: ReadonlySet<string>;
  readonly #frames = new LeakyBucket(
    CONTROL_BURST_FRAMES,
    CONTROL_FRAMES_PER_S,
  );
  readonly #bytes = new LeakyBucket(CONTROL_BURST_BYTES, CONTROL_BYTES_PER_S);
  readonly #share: MeterShare | undefined;
  #now: number;

  /**
   * Does not count the commands in `free`; `now` is of the monotonic clock, milliseconds.
   * Counts for `share` as well while the peer has no standing.
   */
  constructor(free: ReadonlySet<string>, now: number, share?: MeterShare) {
    this.#free = free;
    this.#now = now;
    this.#share = share;
  }

  /** Counts a received frame; false if its command is free. */
  count(command: string, payloadBytes: number): boolean {
    if (this.#free.has(command)) return false;
    this.#frames.add(1);
    this.#bytes.add(payloadBytes);
    return true;
  }

  /** The share that the session counts for now. */
  get share(): MeterShare | undefined {
    return this.#share?.hasStanding() === false ? this.#share : undefined;
  }

  /** Milliseconds to pause reading, at most `MAX_STALL_MS`; throws `flood` far above the burst. */
  stallMs(now: number): number {
    this.#frames.leak(now - this.#now);
    this.#bytes.leak(now - this.#now);
    this.#now = now;
    const isFlooded = this.#frames.exceeds(FLOOD_FACTOR) ||
      this.#bytes.exceeds(FLOOD_FACTOR);
    if (isFlooded) {
      throw new VerackError(
        "flood",
        `Cannot read on: the peer sends more than ${CONTROL_FRAMES_PER_S} frames or ${CONTROL_BYTES_PER_S} bytes a second besides messages, and did not slow down`,
      );
    }
    const excessMs = Math.max(this.#frames.excessMs, this.#bytes.excessMs);
    return Math.min(excessMs, MAX_STALL_MS);
  }
}
