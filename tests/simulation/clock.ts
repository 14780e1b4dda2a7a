/**
 * Virtual time for whole nodes: one clock that all share, and one in front of it
 * for each process, which can be stopped, put to sleep or set wrong.
 *
 * Between two timers everything settles: whatever a node does without waiting for
 * a timer is a promise reaction, and all of those run before the next turn of the
 * event loop. Nothing here looks at real time or other threads.
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../../src/core/clock.ts";
import { VIRTUAL_EPOCH_MS } from "../../src/testing/virtual_clock.ts";

interface Timer {
  readonly dueMs: number;
  /** Of timers due together the one set first fires first. */
  readonly order: number;
  /** Gone when cancelled. */
  callback: (() => void) | undefined;
}

/** Cancelled timers that may lie about before the heap is swept. */
const MAX_CANCELLED = 1_024;

/** The time of one simulation. */
export class SimulatedClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #cancelled = 0;
  /** Binary heap, the next timer first. */
  #heap: Timer[] = [];

  now(): number {
    return VIRTUAL_EPOCH_MS + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      callback,
    };
    this.#push(timer);
    return () => {
      if (timer.callback === undefined) return;
      timer.callback = undefined;
      this.#cancelled++;
      if (this.#cancelled > MAX_CANCELLED) this.#sweep();
    };
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  /**
   * Lets time pass up to `untilMs`, timer after timer. After each one, once all it
   * set off has settled, `step` is called, and stops the clock there by `true`.
   * Rejects with what a timer or `step` threw.
   */
  run(untilMs: number, step: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn = () => {
      try {
        if (step()) return resolve();
        const timer = this.#take(untilMs);
        if (timer === undefined) {
          this.#nowMs = Math.max(this.#nowMs, untilMs);
          return resolve();
        }
        this.#nowMs = timer.dueMs;
        const { callback } = timer;
        timer.callback = undefined;
        callback?.();
      } catch (error) {
        return reject(error);
      }
      setImmediate(turn);
    };
    setImmediate(turn);
    return promise;
  }

  #take(untilMs: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.callback === undefined) this.#cancelled--;
      else if (first.dueMs > untilMs) return undefined;
      this.#pop();
      if (first.callback !== undefined) return first;
    }
  }

  #sweep(): void {
    const timers = this.#heap.filter((timer) => timer.callback !== undefined);
    this.#heap = timers.sort((a, b) => isBefore(a, b) ? -1 : 1);
    this.#cancelled = 0;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above]!;
      if (!isBefore(timer, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (
        below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)
      ) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** A timer of one process, in its own time. */
interface OwnTimer {
  readonly dueMs: number;
  readonly callback: () => void;
  cancel: () => void;
}

/** The clock of one process: it can stand still, and its wall clock can be wrong. */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #onTimer: () => void;
  /** Insertion order is the order in which they were set. */
  readonly #timers = new Set<OwnTimer>();
  #wallOffsetMs = 0;
  /** Whether the wall clock was ever set. */
  wasSet = false;
  /** Time spent asleep, which the monotonic clock does not count. */
  #sleptMs = 0;
  /** Time spent stopped or asleep. */
  #stoodStillMs = 0;
  #frozenAtMs: number | undefined;
  #lastPauseMs = 0;

  /** `onTimer` is called before each timer. */
  constructor(world: Clock, onTimer: () => void = () => {}) {
    this.#world = world;
    this.#onTimer = onTimer;
  }

  now(): number {
    return this.#world.now() + this.#wallOffsetMs;
  }

  /** Sets the wall clock so far off, milliseconds. */
  set(offsetMs: number): void {
    this.wasSet = true;
    this.#wallOffsetMs = offsetMs;
  }

  monotonic(): number {
    return this.#world.monotonic() - this.#sleptMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: OwnTimer = {
      dueMs: this.monotonic() + Math.max(0, delayMs),
      callback,
      cancel: () => {},
    };
    this.#timers.add(timer);
    if (this.#frozenAtMs === undefined) this.#arm(timer);
    return () => {
      if (this.#timers.delete(timer)) timer.cancel();
    };
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /** How long the process has run since the world began, without its pauses. */
  get ranMs(): number {
    return this.#world.monotonic() - this.#stoodStillMs;
  }

  /** How long it stood still last, or stands still; its timers were late by as much. */
  get lastPauseMs(): number {
    return this.#lastPauseMs;
  }

  /** Stops all timers, as SIGSTOP and a closed lid do. */
  freeze(): void {
    if (this.#frozenAtMs !== undefined) return;
    this.#frozenAtMs = this.#world.monotonic();
    for (const timer of this.#timers) timer.cancel();
  }

  /**
   * Lets them run again. Those that are due fire at once, in their order. After
   * `slept` the monotonic clock has not moved, as Linux's CLOCK_MONOTONIC.
   */
  thaw(options: { slept: boolean }): void {
    if (this.#frozenAtMs === undefined) return;
    const stoodStillMs = this.#world.monotonic() - this.#frozenAtMs;
    this.#stoodStillMs += stoodStillMs;
    this.#lastPauseMs = stoodStillMs;
    if (options.slept) this.#sleptMs += stoodStillMs;
    this.#frozenAtMs = undefined;
    const due = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
    for (const timer of due) this.#arm(timer);
  }

  #arm(timer: OwnTimer): void {
    timer.cancel = this.#world.after(timer.dueMs - this.monotonic(), () => {
      this.#timers.delete(timer);
      this.#onTimer();
      timer.callback();
    });
  }
}
