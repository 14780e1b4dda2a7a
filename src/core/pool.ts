/**
 * A bounded number of jobs at once over any number of inputs: pulls an input when a job can
 * start, and yields the results in order of completion. (`pooledMap` of `@std/async` can
 * neither be aborted nor waits for its jobs at `break`.)
 */
import { Deque } from "./deque.ts";

/** Inputs one after the other. */
export type Inputs<T> = Iterable<T> | AsyncIterable<T>;

/** Options of {@linkcode pool}. */
export interface PoolOptions {
  /** The most jobs under way and results that are not consumed yet, together. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The results of `work` on each of `inputs`, in order of completion.
 *
 * When the caller stops (`break`, an error, the signal) the jobs are aborted by
 * the signal they were given, and waited for. An input or a job that throws ends
 * everything with that error, and the signal with its reason.
 */
export async function* pool<T, R>(
  inputs: Inputs<T>,
  work: (input: T, signal: AbortSignal) => Promise<R>,
  { concurrency, signal }: PoolOptions,
): AsyncGenerator<R, void, void> {
  signal?.throwIfAborted();
  const isAsync = Symbol.asyncIterator in inputs;
  const source = isAsync
    ? inputs[Symbol.asyncIterator]()
    : inputs[Symbol.iterator]();
  const stopping = new AbortController();
  const ready = new Deque<{ readonly value: R }>();
  let running = 0;
  let isPulling = false;
  let isExhausted = false;
  let failure: { readonly error: unknown } | undefined;
  let change = Promise.withResolvers<void>();

  const changed = async () => {
    await change.promise;
    change = Promise.withResolvers();
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    change.resolve();
  };
  /** Never rejects; its end is known from `running`. */
  const run = async (input: T) => {
    running++;
    try {
      ready.push({ value: await work(input, stopping.signal) });
    } catch (error) {
      fail(error); // Without effect once the caller has stopped.
    } finally {
      running--;
      change.resolve();
    }
  };
  const take = (step: IteratorResult<T>) => {
    if (step.done) isExhausted = true;
    else if (!stopping.signal.aborted) run(step.value);
  };
  const endInput = (error: unknown) => {
    isExhausted = true;
    fail(error);
  };
  /** Starts jobs up to the limit, while the source has inputs ready. */
  const fill = () => {
    while (
      !isExhausted && !isPulling && failure === undefined &&
      running + ready.length < concurrency
    ) {
      if (isAsync) {
        isPulling = true;
        Promise.try(() => source.next()).then(take, endInput).finally(() => {
          isPulling = false;
          change.resolve();
        });
      } else {
        try {
          take(source.next() as IteratorResult<T>);
        } catch (error) {
          endInput(error);
        }
      }
    }
  };
  const onAbort = () => fail(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      fill();
      if (failure !== undefined) throw failure.error;
      const result = ready.shift();
      if (result !== undefined) yield result.value;
      else if (isExhausted && running === 0) return;
      else await changed();
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    stopping.abort(new DOMException("No longer wanted", "AbortError"));
    if (!isExhausted) {
      isExhausted = true;
      const left = Promise.try(() => source.return?.());
      // A source that still works on `next()` (standard input, say) comes to
      // `return()` only after it, which is not waited for.
      if (isPulling) left.catch(() => {});
      else await left;
    }
    while (running > 0) await changed();
  }
}
