/**
 * A second look before a peer is given up for its silence: the event loop turns
 * often enough to read all that has arrived by now.
 *
 * A turn completes a part of what is ready only (tokio's budget of 128 operations a
 * task, 2.9.6, tried): with thousands of busy sockets in one process an answer can
 * lie there for seconds while timers are on time. Giving up its sender would make
 * more work, a new handshake, and so more such silence. Where little happens a turn
 * takes a millisecond; who asks does so in good time.
 */
import type { Clock } from "../core/clock.ts";
import { SILENCE_CHECK_TURNS } from "../limits.ts";

interface Waiting {
  readonly due: number;
  readonly look: () => void;
}

/** The turns of one clock, which all who wait share: one timer, however many they are. */
class Turns {
  readonly #clock: Clock;
  /** In the order in which they are due. */
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

/** Calls `look` when the event loop has turned often enough; returns what cancels it. */
export function afterTurns(clock: Clock, look: () => void): () => void {
  let shared = turns.get(clock);
  if (shared === undefined) turns.set(clock, shared = new Turns(clock));
  return shared.wait(look);
}
