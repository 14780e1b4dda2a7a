/**
 * Limits the control frames of all peers without standing together: a key costs
 * nothing, so that a bound for each alone bounds nothing. Above the limit their sessions
 * are read by turns of the source that they come from.
 */
import {
  STRANGERS_BURST_BYTES,
  STRANGERS_BURST_FRAMES,
  STRANGERS_BYTES_PER_S,
  STRANGERS_FRAMES_PER_S,
} from "./session_limits.ts";
import type { Clock } from "../core/clock.ts";
import { TokenBucket } from "../core/token_bucket.ts";

/** Meter shared by all sessions of one node with peers without standing. */
export class StrangersMeter {
  readonly #clock: Clock;
  readonly #frames = new TokenBucket({
    burst: STRANGERS_BURST_FRAMES,
    refillMs: 1_000 / STRANGERS_FRAMES_PER_S,
  });
  readonly #bytes = new TokenBucket({
    burst: STRANGERS_BURST_BYTES,
    refillMs: 1_000 / STRANGERS_BYTES_PER_S,
  });
  /** Calls that wait for a turn, by source; the source whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #cancelTimer: (() => void) | undefined;
  #now: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.monotonic();
  }

  /** Counts a frame. */
  count(payloadBytes: number): void {
    this.#frames.spend(1, this.#now);
    this.#bytes.spend(payloadBytes, this.#now);
  }

  /** Whether frames may be handled without waiting for a turn. */
  get isFree(): boolean {
    return this.#waiting.size === 0 && this.#excessMs() === 0;
  }

  /**
   * Calls `handle`, which handles and counts some frames, when it is the turn of its
   * source, and resolves with its result, or with false once `cancel` is called.
   */
  wait(
    source: string,
    handle: () => boolean,
  ): { readonly done: Promise<boolean>; readonly cancel: () => void } {
    const { promise: done, resolve, reject } = Promise.withResolvers<boolean>();
    const run = () => {
      try {
        resolve(handle());
      } catch (error) {
        reject(error);
      }
    };
    const turns = this.#waiting.get(source) ?? new Set();
    turns.add(run);
    this.#waiting.set(source, turns);
    this.#schedule();
    const cancel = () => {
      resolve(false);
      turns.delete(run);
      if (turns.size > 0 || this.#waiting.get(source) !== turns) return;
      this.#waiting.delete(source);
      if (this.#waiting.size === 0) this.#stop();
    };
    return { done, cancel };
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#clock.after(
      Math.max(1, this.#excessMs()),
      () => this.#turn(),
    );
  }

  #turn(): void {
    this.#cancelTimer = undefined;
    while (this.#excessMs() === 0) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const [source, turns] = first;
      const [run] = turns;
      turns.delete(run!);
      this.#waiting.delete(source);
      if (turns.size > 0) this.#waiting.set(source, turns);
      run!();
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  #stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #excessMs(): number {
    const now = this.#now = this.#clock.monotonic();
    return Math.max(this.#frames.debtMs(now), this.#bytes.debtMs(now));
  }
}

/** The part of one session in a {@linkcode StrangersMeter}. */
export interface MeterShare {
  readonly meter: StrangersMeter;
  readonly source: string;
  /** Checked each time: peers with standing are not counted. */
  readonly hasStanding: () => boolean;
}
