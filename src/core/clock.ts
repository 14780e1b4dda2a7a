/**
 * Time and chance, injected: everything that waits or rolls dice takes a
 * {@linkcode Clock} or a {@linkcode Random}, so that tests and the simulator
 * decide both. Nothing else in `src/` calls `Date.now`, `setTimeout` or
 * `crypto.getRandomValues` for anything but keys.
 */

/** Wall clock, monotonic clock and timers. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump; never use it for durations. */
  now(): number;
  /** Milliseconds since some fixed instant; never steps back. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`; returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Randomness for nonces, challenges and jitter. */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** A number in [0, 1). */
  float(): number;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const id = setTimeout(callback, delayMs);
    return () => clearTimeout(id);
  },
};

/** The operating system's cryptographic random source. */
export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  float: () => {
    const word = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    return word / 2 ** 32;
  },
};

/**
 * A clock whose timers of equal length share one timer of the clock underneath, as they are due in
 * the order in which they were set. For the deadlines of many connections, nearly all of which are
 * cancelled, and of few different lengths: each length that was used is remembered.
 */
export class SharedTimers implements Clock {
  readonly #clock: Clock;
  readonly #lists = new Map<number, TimerList>();

  constructor(clock: Clock) {
    this.#clock = clock;
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
      this.#lists.set(delayMs, list = new TimerList(this.#clock, delayMs));
    }
    return list.add(callback);
  }
}

interface SharedTimer {
  readonly dueAt: number;
  callback: () => void;
}

/**
 * Takes the place of a callback that is removed from a `Set`. Tables of a `Set` that it has
 * outgrown keep their elements, and are in V8's old space if the set is: without this, all that the
 * callbacks of thousands of ended connections refer to would stay until the next full collection.
 */
const REMOVED = () => {};

/** Timers of one length, the next first. */
class TimerList {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #timers = new Set<SharedTimer>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  add(callback: () => void): () => void {
    const dueAt = this.#clock.monotonic() + this.#delayMs;
    const timer = { dueAt, callback };
    this.#timers.add(timer);
    this.#cancel ??= this.#wait(this.#delayMs);
    return () => {
      this.#timers.delete(timer);
      timer.callback = REMOVED;
      if (this.#timers.size === 0) this.#stop();
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
export class SharedSignal {
  readonly #signal: AbortSignal | undefined;
  readonly #waiting = new Set<{ callback: () => void }>();

  /** Without a signal it never aborts. */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    const onAbort = () => {
      for (const { callback } of this.#waiting) callback();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
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

/** Resolves after `delayMs`; rejects with the signal's reason when it aborts. */
export function sleep(
  clock: Clock,
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The reason of an abort because time is up; its name is `TimeoutError`. */
export class DeadlineError extends DOMException {
  constructor(message: string) {
    super(message, "TimeoutError");
  }
}

/** Whether this is a {@linkcode DeadlineError}, or the reason of an `AbortSignal.timeout()`. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}

/**
 * A signal that aborts with a {@linkcode DeadlineError} after `delayMs` of `clock`, or with
 * `signal`'s reason. Dispose of it as soon as the wait is over.
 */
export function deadline(
  clock: Clock,
  delayMs: number,
  signal?: AbortSignal,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const cancel = clock.after(
    delayMs,
    () =>
      controller.abort(
        new DeadlineError(`Signal timed out after ${delayMs} ms`),
      ),
  );
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      cancel();
      signal?.removeEventListener("abort", onAbort);
    },
  };
}
