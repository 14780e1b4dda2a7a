/**
 * When the handshake of an accepted connection begins. A handshake costs the other end no more
 * than this node, so that few run at once and sources take turns: a flood of them leaves time
 * to other work.
 */
import {
  HANDSHAKE_TURN_MS,
  MAX_HANDSHAKES_AT_ONCE,
} from "./connection_limits.ts";
import type { Clock } from "../../core/clock.ts";

/** The turn of one handshake, disposed of when that is over. */
export interface Turn extends Disposable {
  /** It is not counted any longer. */
  readonly isOver: boolean;
}

/** Resolves the wait of a handshake. */
type Begin = (turn: Turn) => void;

/** The turn of a connection that was dropped, which needs no disposal. */
const NO_TURN: Turn = { isOver: true, [Symbol.dispose]() {} };

/** The turns of one kind of connections. */
export class HandshakeTurns {
  readonly #clock: Clock;
  /** By source, the one served last at the end. */
  readonly #waiting = new Map<string, Set<Begin>>();
  /** Turns that go on, by source. */
  readonly #taken = new Map<string, number>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves, never rejects, when a handshake may begin, or when `signal` aborts.
   * One that is slow or silent goes on, and is not counted any longer after
   * `HANDSHAKE_TURN_MS`.
   */
  async begin(source: string, signal: AbortSignal): Promise<Turn> {
    if (signal.aborted) return NO_TURN;
    const { promise, resolve } = Promise.withResolvers<Turn>();
    const onAbort = () => {
      this.#drop(source, resolve);
      resolve(NO_TURN);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const siblings = this.#waiting.get(source) ?? new Set();
    this.#waiting.set(source, siblings.add(resolve));
    this.#grant();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #grant(): void {
    while (this.#count < MAX_HANDSHAKES_AT_ONCE) {
      const source = this.#next();
      const siblings = this.#waiting.get(source ?? "");
      if (source === undefined || siblings === undefined) return;
      // The last to come: its dialer still waits, and the first are the next to be evicted.
      const begin = [...siblings].at(-1);
      this.#waiting.delete(source);
      this.#waiting.set(source, siblings);
      if (begin === undefined) return;
      this.#drop(source, begin);
      begin(this.#turn(source));
    }
  }

  /** The source that waits and has the fewest turns. */
  #next(): string | undefined {
    let found: string | undefined;
    let fewest = Infinity;
    for (const source of this.#waiting.keys()) {
      const taken = this.#taken.get(source) ?? 0;
      if (taken >= fewest) continue;
      found = source;
      fewest = taken;
    }
    return found;
  }

  #drop(source: string, begin: Begin): void {
    const siblings = this.#waiting.get(source);
    if (!siblings?.delete(begin)) return;
    if (siblings.size === 0) this.#waiting.delete(source);
  }

  #turn(source: string): Turn {
    this.#account(source, 1);
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#account(source, -1);
      this.#grant();
    };
    const cancel = this.#clock.after(HANDSHAKE_TURN_MS, end);
    return {
      get isOver() {
        return isOver;
      },
      [Symbol.dispose]: end,
    };
  }

  #account(source: string, sign: 1 | -1): void {
    this.#count += sign;
    const taken = (this.#taken.get(source) ?? 0) + sign;
    if (taken > 0) this.#taken.set(source, taken);
    else this.#taken.delete(source);
  }
}
