/**
 * How much one peer may say: control frames and their bytes, each by a leaky
 * bucket. Over it, reading is put off, which TCP passes on to the peer; far over
 * it, the session ends. What has a flow control of its own is not counted. Pure;
 * time is handed in.
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

/** One side of the meter: fills with what comes, leaks at a rate. */
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

  /** Milliseconds until what is above the burst has leaked. */
  get excessMs(): number {
    return Math.max(0, this.#level - this.#burst) / this.#perMs;
  }

  get isFlooded(): boolean {
    return this.#level > FLOOD_FACTOR * this.#burst;
  }
}

/** Meter of one session. */
export class FrameMeter {
  readonly #free: ReadonlySet<string>;
  readonly #frames = new Bucket(CONTROL_BURST_FRAMES, CONTROL_FRAMES_PER_S);
  readonly #bytes = new Bucket(CONTROL_BURST_BYTES, CONTROL_BYTES_PER_S);
  #now: number;

  /**
   * @param free Commands that are not counted.
   * @param now Monotonic clock, milliseconds.
   */
  constructor(free: ReadonlySet<string>, now: number) {
    this.#free = free;
    this.#now = now;
  }

  /** A frame came. */
  count(command: string, payloadBytes: number): void {
    if (this.#free.has(command)) return;
    this.#frames.add(1);
    this.#bytes.add(payloadBytes);
  }

  /**
   * Milliseconds to wait before reading on, at most `MAX_STALL_MS`.
   *
   * @throws {VerackError} `flood`.
   */
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
