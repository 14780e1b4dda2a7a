/**
 * When to ping a peer and when it is dead: a pure rule for silence, and the wait until
 * everything that has arrived was read. Progress in either direction counts as a sign of
 * life. A pause of this process is not the peer's silence: `mesh/pause_detector.ts` finds it, and
 * the caller moves the times forward by it.
 */
import type { Clock } from "../core/clock.ts";
import { SILENCE_CHECK_TURNS } from "./session_limits.ts";

/** Times in milliseconds of the monotonic clock. */
export interface LivenessState {
  readonly now: number;
  /** When the last byte was received. */
  readonly lastReceived: number;
  /** When the peer's TCP last accepted bytes that had to wait; -Infinity if never. */
  readonly lastAccepted: number;
  /** When the last byte was written. */
  readonly lastWritten: number;
  /** When the last heartbeat ping was sent; -Infinity if never. */
  readonly lastPing: number;
  /** Time without a byte in one of the directions after which a ping is due. */
  readonly heartbeatMs: number;
  /** Time without progress after which the peer is dead. */
  readonly deadAfterMs: number;
}

/** The action that is due for a session. */
export function livenessStep(state: LivenessState): "wait" | "ping" | "dead" {
  const { now, lastReceived, lastAccepted, lastWritten, heartbeatMs } = state;
  if (now - Math.max(lastReceived, lastAccepted) >= state.deadAfterMs) {
    return "dead";
  }
  // The sender of a long body receives nothing until all of it has arrived, unless
  // its receiver pings meanwhile.
  const quiet = now - Math.min(lastReceived, lastWritten) >= heartbeatMs;
  return quiet && now - state.lastPing >= heartbeatMs ? "ping" : "wait";
}

/**
 * Whether everything that had arrived was handled since the last progress, so that a lack of
 * progress is the peer's.
 */
export class ArrivalCheck {
  readonly #clock: Clock;
  #doneFor = NaN;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether that is so for progress at this time; if not, it is checked from now on. */
  isDone(progressAt: number): boolean {
    if (this.#doneFor === progressAt) return true;
    this.#cancel ??= afterTurns(this.#clock, () => {
      this.#cancel = undefined;
      this.#doneFor = progressAt;
    });
    return false;
  }

  /** Ends a check. */
  stop(): void {
    this.#cancel?.();
  }
}

/**
 * Calls `look` once the event loop has read everything that has arrived by now; returns
 * a function that cancels it.
 *
 * One turn completes only a part of what is ready (tokio's budget of 128 operations
 * a task; tried on Deno 2.9.6). With thousands of busy sockets an answer can stay
 * unread for seconds while timers fire on time, and closing its session would only
 * add a handshake to the load.
 */
export function afterTurns(clock: Clock, look: () => void): () => void {
  let shared = turns.get(clock);
  if (shared === undefined) turns.set(clock, shared = new Turns(clock));
  return shared.wait(look);
}

interface Waiting {
  readonly due: number;
  readonly look: () => void;
}

/** Turns of one clock: all waits share one timer. */
class Turns {
  readonly #clock: Clock;
  /** Ordered by when they are due. */
  readonly #waiting = new Set<Waiting>();
  #turn = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(look: () => void): () => void {
    const waiting = { due: this.#turn + SILENCE_CHECK_TURNS, look };
    this.#waiting.add(waiting);
    this.#schedule();
    return () => {
      this.#waiting.delete(waiting);
      if (this.#waiting.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #schedule(): void {
    this.#cancel ??= this.#clock.after(0, () => this.#onTurn());
  }

  #onTurn(): void {
    this.#turn++;
    this.#cancel = undefined;
    for (const waiting of this.#waiting) {
      if (waiting.due > this.#turn) break;
      this.#waiting.delete(waiting);
      waiting.look();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}

const turns = new WeakMap<Clock, Turns>();
