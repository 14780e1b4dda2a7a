/**
 * Which stream of a session sends next.
 *
 * Turns follow FQ-CoDel (RFC 8290): a stream that has been idle gets its first turn before those
 * with a backlog, and each stream may send as many bytes a turn as the others.
 */
import type { Clock } from "../core/clock.ts";
import { Deque } from "../core/deque.ts";
import type { TurnTaker } from "../session/send_turns.ts";
import type { MultiplexedStream } from "./multiplexed_stream.ts";
import { SHORT_QUEUE_KEPT_MS, TURN_BYTES } from "./streams_limits.ts";

/** Those streams of one session that have something to send, own or relayed ones. */
export class StreamTurns implements TurnTaker {
  /** See `TurnTaker`. */
  readonly ahead: () => number;
  readonly #clock: Clock;
  readonly #fresh = new Deque<MultiplexedStream>();
  readonly #backlog = new Deque<MultiplexedStream>();
  /** When something short was last sent ahead of a backlog, monotonic clock, milliseconds. */
  #shortAt = -Infinity;

  constructor(clock: Clock, ahead: () => number) {
    this.#clock = clock;
    this.ahead = ahead;
  }

  /**
   * Whether little may be in flight: only while something short is sent beside what has a
   * backlog. A lone file fills the path as messages do.
   */
  get needsShortQueue(): boolean {
    return this.#clock.monotonic() - this.#shortAt < SHORT_QUEUE_KEPT_MS;
  }

  /** Adds an idle stream, which may have sent something right before. */
  add(stream: MultiplexedStream, hasSent: boolean): void {
    if (hasSent) {
      stream.deficit = 0;
      this.#moveBack(stream);
    } else {
      stream.place = "fresh";
      stream.deficit = TURN_BYTES;
      this.#fresh.push(stream);
    }
  }

  /** An idle stream has sent its first bytes; one that sends a whole turn has more. */
  overtook(bytes: number): void {
    if (bytes >= TURN_BYTES || this.#backlog.length === 0) return;
    this.#shortAt = this.#clock.monotonic();
  }

  /** Lets the next stream send; false when none has anything left to send. */
  takeTurn(): boolean {
    for (;;) {
      const isFresh = this.#fresh.length > 0;
      const stream = (isFresh ? this.#fresh : this.#backlog).shift();
      if (stream === undefined) return false;
      if (stream.deficit <= 0) {
        stream.deficit += TURN_BYTES;
        this.#moveBack(stream);
        continue;
      }
      const hasSent = stream.isReady;
      if (hasSent) {
        const bytes = stream.takeTurn();
        if (isFresh) this.overtook(bytes);
        stream.deficit -= Math.max(1, bytes);
      }
      // One that was fresh does not become so again while others wait.
      const waits = stream.isReady || isFresh && this.#backlog.length > 0;
      if (waits) this.#moveBack(stream);
      else stream.place = "idle";
      if (hasSent) return this.#fresh.length > 0 || this.#backlog.length > 0;
    }
  }

  /** Drops all. */
  clear(): void {
    this.#fresh.clear();
    this.#backlog.clear();
  }

  #moveBack(stream: MultiplexedStream): void {
    stream.place = "backlog";
    this.#backlog.push(stream);
  }
}
