/**
 * Turns of what is sent on one session: messages and streams send one piece after the other.
 * They go on while little waits in the queue of the session and on the way.
 */
import {
  OVERTAKE_BYTES,
  SEND_AHEAD_BYTES,
  SEND_AHEAD_TOTAL_BYTES,
  SEND_REFILL_SHARE,
} from "./session_limits.ts";

/** What takes turns. */
export interface TurnTaker {
  /** Whether other streams must not wait behind it, so that little may be on the way. */
  readonly needsShortQueue: boolean;
  /** Bytes that may wait in the session's queue. */
  ahead(): number;
  /** Sends one piece; false when there is nothing left that may be sent. */
  takeTurn(): boolean;
}

/** Bounds the bytes in flight to one peer; a session's is in `pacer.ts`. */
export interface Pacing {
  /** Whether nothing more should be queued now. */
  readonly isFull: boolean;
  /** Whether a short piece of what has been idle should not be queued either. */
  readonly isOverfull: boolean;
  /** Whether only what the path needs may be in flight. */
  isShort: boolean;
  /** A good size of one frame. */
  readonly chunkBytes: number;
  /** Bytes of a body, a message or a stream were queued. */
  sent(bytes: number): void;
  /** Resolves when more may be queued, or the session has ended. */
  ready(): Promise<void>;
}

/** The session of turns; a `Session` is one. */
export interface TurnSession {
  readonly isOpen: boolean;
  /** Bytes that wait to be written. */
  readonly queuedBytes: number;
  readonly pacer: Pacing;
  /** Resolves when at most `bytes` wait to be written, or the session has ended. */
  drained(bytes: number): Promise<void>;
}

/** The turns of one session. */
export class SendTurns {
  readonly #session: TurnSession;
  /** Those with something to send, in their order; at most one of each kind. */
  readonly #takers: TurnTaker[] = [];
  /** Bytes that were sent out of turn since the last turn. */
  #overtaken = 0;
  #isRunning = false;
  #refilling = false;

  constructor(session: TurnSession) {
    this.#session = session;
  }

  /** Gives turns to `taker`, which has something to send, and takes those that are due. */
  wake(taker: TurnTaker): void {
    if (!this.#takers.includes(taker)) this.#takers.push(taker);
    // Not within a turn, in which more may have been found to send.
    if (!this.#isRunning) this.#run();
  }

  /** Gives no more turns. */
  leave(taker: TurnTaker): void {
    const at = this.#takers.indexOf(taker);
    if (at >= 0) this.#takers.splice(at, 1);
  }

  /**
   * Whether what has been idle may send a piece of `bytes` out of turn: at most
   * `OVERTAKE_BYTES` between two turns, so that those that wait get at least half.
   */
  mayOvertake(bytes: number, ahead: number): boolean {
    const { isOpen, pacer, queuedBytes } = this.#session;
    if (!isOpen || queuedBytes >= 2 * ahead || pacer.isOverfull) return false;
    if (this.#takers.length === 0) return true;
    if (this.#overtaken >= OVERTAKE_BYTES) return false;
    this.#overtaken += bytes;
    return true;
  }

  /** Whether a piece may be sent now for which no other waits. */
  maySend(taker: TurnTaker): boolean {
    return this.#takers.length === 0 && !this.#isFull(taker);
  }

  #run(): void {
    this.#isRunning = true;
    try {
      for (
        let taker = this.#takers[0];
        taker !== undefined && this.#session.isOpen;
        taker = this.#takers[0]
      ) {
        if (this.#isFull(taker)) return void this.#refill(taker.ahead());
        this.#overtaken = 0;
        const isMore = taker.takeTurn();
        // It may have left, and what it sent may have ended the session.
        if (this.#takers[0] !== taker) continue;
        if (isMore && this.#takers.length === 1) continue;
        this.#takers.shift();
        if (isMore) this.#takers.push(taker);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #isFull(taker: TurnTaker): boolean {
    const { pacer, queuedBytes } = this.#session;
    pacer.isShort = taker.needsShortQueue ||
      this.#takers.some((it) => it.needsShortQueue);
    return queuedBytes >= taker.ahead() || pacer.isFull;
  }

  /** Goes on when enough of the session's queue was written. */
  async #refill(ahead: number): Promise<void> {
    if (this.#refilling) return;
    this.#refilling = true;
    await this.#session.drained(ahead * SEND_REFILL_SHARE);
    await this.#session.pacer.ready();
    this.#refilling = false;
    if (!this.#isRunning) this.#run();
  }
}

/** Bytes that may wait in the queue of each of so many sessions. */
export function aheadOf(sessions: number): number {
  const share = SEND_AHEAD_TOTAL_BYTES / Math.max(1, sessions);
  return Math.min(SEND_AHEAD_BYTES, share);
}
