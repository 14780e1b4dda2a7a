/** A clock that stands still until it is advanced. */
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Milliseconds since the epoch at which every virtual clock starts: 2026-01-01. */
export const VIRTUAL_EPOCH_MS = 1_767_225_600_000;

/** Milliseconds of real time to wait for work on other threads. */
const MAX_IDLE_TURNS = 500;

/** A clock for tests; see {@linkcode VirtualClock.advance}. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  /** Added to {@linkcode now}, so that tests can let the wall clock jump. */
  wallOffsetMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return VIRTUAL_EPOCH_MS + this.#nowMs + this.wallOffsetMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired yet. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Advances by `ms`: runs the timers due by then, in order, and after each waits until all
   * that it started has settled.
   */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    while (await this.#runNext(endMs)) { /* One after the other. */ }
    this.#nowMs = endMs;
  }

  /**
   * Advances from timer to timer until `predicate` holds.
   *
   * @throws {Error} when it does not within `limitMs`, or when no timer is left.
   */
  async runUntil(
    predicate: () => boolean,
    options: { limitMs: number },
  ): Promise<void> {
    const endMs = this.#nowMs + options.limitMs;
    await settle();
    for (let idle = 0; !predicate();) {
      if (await this.#runNext(endMs)) {
        idle = 0;
        continue;
      }
      // Real work, such as WebCrypto's, may still be under way on its thread.
      if (++idle > MAX_IDLE_TURNS) {
        throw new Error(
          `Condition not met within ${options.limitMs} ms of virtual time, ${this.#timers.size} timers left`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Runs the earliest timer due by `endMs`, of several the one set first; false if none is. */
  async #runNext(endMs: number): Promise<boolean> {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (first === undefined || timer.dueMs < first.dueMs) first = timer;
    }
    if (first === undefined) return false;
    this.#timers.delete(first);
    this.#nowMs = Math.max(this.#nowMs, first.dueMs);
    first.callback();
    await settle();
    return true;
  }
}

/** Lets pending promise reactions and ready events run, several turns of the event loop. */
export async function settle(turns: number = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    await setImmediate();
  }
}
