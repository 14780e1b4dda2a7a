/**
 * What thousands of connections wait on together: timers, and a signal. Each wait takes constant
 * time, and keeps nothing from the garbage collector once it is over.
 */
import type { Clock } from "./clock.ts";

/**
 * Takes the place of a callback that is removed from a `Set`. Tables of a `Set` that it has
 * outgrown keep their elements, and are in V8's old space if the set is: without this, all that the
 * callbacks of thousands of ended connections refer to would stay until the next full collection.
 */
const REMOVED = () => {};

/** A peer may choose lengths, and each that is remembered takes some hundred bytes. */
const MAX_SHARED_LENGTHS = 64;

/**
 * A clock on which timers of equal length share one timer of the clock underneath, as they are due
 * in the order in which they were set. For the deadlines of many connections, nearly all of which are
 * cancelled, and of few different lengths: the first {@linkcode MAX_SHARED_LENGTHS} that were used are
 * remembered, and timers of other lengths have one each.
 */
export class SharedTimers implements Clock, Disposable {
  readonly #clock: Clock;
  readonly #lingers: boolean;
  readonly #lists = new Map<number, TimerList>();

  /**
   * @param options `lingers`: a timer of the clock is not cancelled with the last one that it
   * stands for, but waits for the next, as setting and cancelling one takes microseconds. Such
   * timers must be disposed of.
   */
  constructor(clock: Clock, options: { readonly lingers?: boolean } = {}) {
    this.#clock = clock;
    this.#lingers = options.lingers ?? false;
  }

  /** Cancels what lingers; timers that are set keep theirs. */
  [Symbol.dispose](): void {
    for (const list of this.#lists.values()) list.endLinger();
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, callback: () => void): () => void {
    let list = this.#lists.get(delayMs);
    if (list === undefined) {
      if (this.#lists.size >= MAX_SHARED_LENGTHS) {
        return this.#clock.after(delayMs, callback);
      }
      this.#lists.set(
        delayMs,
        list = new TimerList(this.#clock, delayMs, this.#lingers),
      );
    }
    return list.add(callback);
  }
}

interface SharedTimer {
  readonly dueAt: number;
  callback: () => void;
}

/** Timers of one length, the next first. */
class TimerList {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #timers = new Set<SharedTimer>();
  #lingers: boolean;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, delayMs: number, lingers: boolean) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#lingers = lingers;
  }

  /** From now on the timer is cancelled when none is left. */
  endLinger(): void {
    this.#lingers = false;
    if (this.#timers.size === 0) this.#stop();
  }

  add(callback: () => void): () => void {
    const dueAt = this.#clock.monotonic() + this.#delayMs;
    const timer = { dueAt, callback };
    this.#timers.add(timer);
    this.#cancel ??= this.#wait(this.#delayMs);
    return () => {
      this.#timers.delete(timer);
      timer.callback = REMOVED;
      if (this.#timers.size === 0 && !this.#lingers) this.#stop();
    };
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(delayMs: number): () => void {
    return this.#clock.after(delayMs, () => this.#fire());
  }

  /** What it waited for may have been cancelled: then it waits on, for what is the first now. */
  #fire(): void {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    try {
      for (const timer of this.#timers) {
        if (timer.dueAt > now) break;
        this.#timers.delete(timer);
        const { callback } = timer;
        timer.callback = REMOVED;
        callback();
      }
    } finally {
      // Also after a callback that threw or set another.
      this.#stop();
      const [first] = this.#timers;
      this.#cancel = first && this.#wait(Math.max(0, first.dueAt - now));
    }
  }
}

/**
 * A signal that thousands wait on: each wait takes constant time, where `removeEventListener`
 * searches the listeners of all.
 */
export class SharedSignal implements Disposable {
  readonly #signal: AbortSignal | undefined;
  readonly #waiting = new Set<{ callback: () => void }>();
  readonly #onAbort = () => {
    for (const { callback } of this.#waiting) callback();
  };

  /** Without a signal it never aborts. */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Leaves nothing with the signal, which may live on: no callback is called any more. */
  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  get aborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  get reason(): unknown {
    return this.#signal?.reason;
  }

  /** Calls back, which must not throw, when it aborts, or at once if it has, until disposed of. */
  onAbort(callback: () => void): Disposable {
    const wait = { callback };
    if (this.aborted) callback();
    else this.#waiting.add(wait);
    return {
      [Symbol.dispose]: () => {
        this.#waiting.delete(wait);
        wait.callback = REMOVED;
      },
    };
  }
}
