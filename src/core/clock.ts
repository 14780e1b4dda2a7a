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

/** Resolves when a signal aborts. Waits as long as the signal lives, so that this should be short. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
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
