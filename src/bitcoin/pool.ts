/**
 * A bounded number of jobs at once over any number of inputs: pulls the inputs as
 * it has room, hands out the results as they come, leaves nothing behind.
 */

/** Inputs one after the other. */
export type Inputs<T> = Iterable<T> | AsyncIterable<T>;

/** Options of {@linkcode pool}. */
export interface PoolOptions {
  /** Jobs under way, and results that nobody took yet, together. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The results of `work` on each of `inputs`, in order of completion.
 *
 * When the caller stops (`break`, an error, the signal) the jobs are aborted by
 * the signal they were given, and waited for. An input or a job that throws ends
 * everything with that error.
 *
 * @throws the signal's reason when it aborts.
 */
export async function* pool<T, R>(
  inputs: Inputs<T>,
  work: (input: T, signal: AbortSignal) => Promise<R>,
  options: PoolOptions,
): AsyncGenerator<R, void, void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const run = new Run(inputs, work, options.concurrency);
  const onAbort = () => run.fail(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const result = await run.next();
      if (result === undefined) return;
      yield result.value;
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await run.stop();
  }
}

class Run<T, R> {
  readonly #source:
    | { async: false; iterator: Iterator<T> }
    | { async: true; iterator: AsyncIterator<T> };
  readonly #work: (input: T, signal: AbortSignal) => Promise<R>;
  readonly #concurrency: number;
  readonly #stopping = new AbortController();
  /** Jobs under way. */
  #running = 0;
  readonly #ready: { value: R }[] = [];
  #pulling = false;
  #exhausted = false;
  #failure: { error: unknown } | undefined;
  #change = Promise.withResolvers<void>();

  constructor(
    inputs: Inputs<T>,
    work: (input: T, signal: AbortSignal) => Promise<R>,
    concurrency: number,
  ) {
    this.#source = Symbol.asyncIterator in inputs
      ? { async: true, iterator: inputs[Symbol.asyncIterator]() }
      : { async: false, iterator: inputs[Symbol.iterator]() };
    this.#work = work;
    this.#concurrency = concurrency;
  }

  /** The next result, or `undefined` when there are no more. */
  async next(): Promise<{ value: R } | undefined> {
    for (;;) {
      this.#fill();
      if (this.#failure !== undefined) throw this.#failure.error;
      const result = this.#ready.shift();
      if (result !== undefined) return result;
      if (this.#exhausted && this.#running === 0) return undefined;
      await this.#changed();
    }
  }

  /** Ends everything with this error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#change.resolve();
  }

  /** Aborts the jobs and waits for them. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException("No longer wanted", "AbortError"));
    if (!this.#exhausted) {
      this.#exhausted = true;
      const left = Promise.try(() => this.#source.iterator.return?.());
      // A source that still works on `next()` (standard input, say) gets to
      // `return()` only after it: nobody waits for that.
      if (this.#pulling) left.catch(() => {});
      else await left;
    }
    while (this.#running > 0) await this.#changed();
  }

  async #changed(): Promise<void> {
    await this.#change.promise;
    this.#change = Promise.withResolvers();
  }

  /** Starts jobs while there is room and the source does not make us wait. */
  #fill(): void {
    while (this.#hasRoom()) {
      const source = this.#source;
      if (source.async) {
        return this.#await(Promise.try(() => source.iterator.next()));
      }
      try {
        this.#take(source.iterator.next());
      } catch (error) {
        this.#exhausted = true;
        this.fail(error);
      }
    }
  }

  #hasRoom(): boolean {
    return !this.#exhausted && !this.#pulling && this.#failure === undefined &&
      this.#running + this.#ready.length < this.#concurrency;
  }

  #await(step: Promise<IteratorResult<T>>): void {
    this.#pulling = true;
    step.then((it) => this.#take(it), (error) => {
      this.#exhausted = true;
      this.fail(error);
    }).finally(() => {
      this.#pulling = false;
      this.#change.resolve();
    });
  }

  #take(step: IteratorResult<T>): void {
    if (step.done) this.#exhausted = true;
    else if (!this.#stopping.signal.aborted) this.#run(step.value);
  }

  /** Never rejects; {@linkcode stop} waits for its end by {@linkcode #running}. */
  async #run(input: T): Promise<void> {
    const { signal } = this.#stopping;
    this.#running++;
    try {
      const value = await this.#work(input, signal);
      this.#ready.push({ value });
    } catch (error) {
      this.fail(error); // nobody hears it once we stop
    } finally {
      this.#running--;
      this.#change.resolve();
    }
  }
}
