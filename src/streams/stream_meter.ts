/**
 * Counts what a peer sends about streams that costs it nothing and is of no use: streams that
 * are refused or given up at once, frames of streams that have ended, and too many credits.
 */
import { VerackError } from "../core/errors.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import {
  ABANDONED_BURST,
  ABANDONED_PER_S,
  LATE_BURST_FRAMES,
  LATE_FRAMES_PER_STREAM,
} from "./streams_limits.ts";

/** Of one session. */
export class StreamMeter {
  readonly #abandoned = new TokenBucket({
    burst: ABANDONED_BURST,
    refillMs: 1_000 / ABANDONED_PER_S,
  });
  /** Frames without bytes, and bytes, that may still come for streams that have ended. */
  #lateFrames = LATE_BURST_FRAMES;
  #lateBytes = 0;
  #credits = LATE_BURST_FRAMES;

  /** A stream of the peer was refused, or reset by it; `flood` if these go on. */
  abandoned(now: number): void {
    if (this.#abandoned.take(now)) return;
    throw new VerackError(
      "flood",
      `Cannot accept streams: more than ${ABANDONED_BURST} were given up or refused, and then ${ABANDONED_PER_S} a second`,
    );
  }

  /** A stream has ended here, on which the peer may have sent so many bytes more. */
  ended(bytes: number): void {
    this.#lateBytes += bytes;
    this.#lateFrames += LATE_FRAMES_PER_STREAM;
  }

  /** A frame has come for a stream that has ended, with `bytes` of it. */
  late(bytes: number): void {
    if (bytes > 0) this.#lateBytes -= bytes;
    else this.#lateFrames--;
    if (this.#lateBytes >= 0 && this.#lateFrames >= 0) return;
    throw new VerackError(
      "flood",
      "Cannot accept frames of a stream: it has ended, and more came than can have been on the way",
    );
  }

  /** Data was sent, for which one `credit` may come. */
  sent(): void {
    this.#credits++;
  }

  /** A `credit` has come. */
  credit(): void {
    if (--this.#credits >= 0) return;
    throw new VerackError(
      "flood",
      "Cannot accept credit: more came than data was sent",
    );
  }
}
