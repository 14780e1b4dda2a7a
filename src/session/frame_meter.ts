/**
 * Limits the control frames of one peer and their bytes, each by a token bucket.
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
import { TokenBucket, type TokenRate } from "../core/token_bucket.ts";
import type { MeterShare } from "./strangers_meter.ts";

const FRAMES: TokenRate = {
  burst: CONTROL_BURST_FRAMES,
  refillMs: 1_000 / CONTROL_FRAMES_PER_S,
};
const BYTES: TokenRate = {
  burst: CONTROL_BURST_BYTES,
  refillMs: 1_000 / CONTROL_BYTES_PER_S,
};

/** Counts the control frames of one session. */
export class FrameMeter {
  readonly #free: ReadonlySet<string>;
  readonly #frames = new TokenBucket(FRAMES);
  readonly #bytes = new TokenBucket(BYTES);
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
    this.#frames.spend(1, this.#now);
    this.#bytes.spend(payloadBytes, this.#now);
    return true;
  }

  /** The share that the session counts for now. */
  get share(): MeterShare | undefined {
    return this.#share?.hasStanding() === false ? this.#share : undefined;
  }

  /** Milliseconds to pause reading, at most `MAX_STALL_MS`; throws `flood` far above the burst. */
  stallMs(now: number): number {
    this.#now = now;
    const framesMs = this.#frames.debtMs(now);
    const bytesMs = this.#bytes.debtMs(now);
    if (isFlood(framesMs, FRAMES) || isFlood(bytesMs, BYTES)) {
      throw new VerackError(
        "flood",
        `Cannot read on: the peer sends more than ${CONTROL_FRAMES_PER_S} frames or ${CONTROL_BYTES_PER_S} bytes a second besides messages, and did not slow down`,
      );
    }
    return Math.min(Math.max(framesMs, bytesMs), MAX_STALL_MS);
  }
}

/** Whether more than `FLOOD_FACTOR` bursts have come. */
function isFlood(debtMs: number, { burst, refillMs }: TokenRate): boolean {
  return debtMs > (FLOOD_FACTOR - 1) * burst * refillMs;
}
