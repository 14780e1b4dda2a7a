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
  OWN_ABANDONED_BURST,
  OWN_ABANDONED_PER_S,
} from "./streams_limits.ts";

const OWN_REFILL_MS = 1_000 / OWN_ABANDONED_PER_S;

/** Of one session. */
export class StreamMeter {
  readonly #abandoned = new TokenBucket({
    burst: ABANDONED_BURST,
    refillMs: 1_000 / ABANDONED_PER_S,
  });
  /** Own streams that count as given up at the peer; its debt is their number. */
  readonly #ownAbandoned = new TokenBucket({
    burst: 0,
    refillMs: OWN_REFILL_MS,
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

  /** An own stream was reset, or refused by the peer, which counts it. */
  ownAbandoned(now: number): void {
    this.#ownAbandoned.spend(1, now);
  }

  /** Throws `full` if one more than `open` own streams, all given up, could be a flood at the peer. */
  requireOpenable(open: number, now: number, action: string): void {
    const abandoned = Math.ceil(this.#ownAbandoned.debtMs(now) / OWN_REFILL_MS);
    if (open + abandoned < OWN_ABANDONED_BURST) return;
    throw new VerackError(
      "full",
      `${action}: ${abandoned} were given up or refused in a short time, must be at most ${OWN_ABANDONED_BURST} with those that are open, and then ${OWN_ABANDONED_PER_S} a second`,
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
