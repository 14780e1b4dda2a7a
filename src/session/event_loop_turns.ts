/**
 * Waits until the event loop has read everything that has arrived by now, before a
 * silent peer is taken for dead.
 *
 * One turn completes only a part of what is ready (tokio's budget of 128 operations
 * a task; tried on Deno 2.9.6). With thousands of busy sockets an answer can stay
 * unread for seconds while timers fire on time, and closing its session would only
 * add a handshake to the load.
 */
import type { Clock } from "../core/clock.ts";
import { SILENCE_CHECK_TURNS } from "../limits.ts";

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
    this.#cancel ??= this.#clock.after(0, () => this.#onTurn());
    return () => {
      this.#waiting.delete(waiting);
      if (this.#waiting.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #onTurn(): void {
    this.#turn++;
    this.#cancel = undefined;
    for (const waiting of this.#waiting) {
      if (waiting.due > this.#turn) break;
      this.#waiting.delete(waiting);
      waiting.look();
    }
    if (this.#waiting.size === 0) return;
    this.#cancel ??= this.#clock.after(0, () => this.#onTurn());
  }
}

const turns = new WeakMap<Clock, Turns>();

/** Calls `look` after `SILENCE_CHECK_TURNS` turns; returns a function that cancels it. */
export function afterTurns(clock: Clock, look: () => void): () => void {
  let shared = turns.get(clock);
  if (shared === undefined) turns.set(clock, shared = new Turns(clock));
  return shared.wait(look);
}
