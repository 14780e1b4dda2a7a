/** The events of transfers on their way to the loop that takes them. */
import { Deque } from "../../core/deque.ts";
import type { FileProgress } from "./file_progress.ts";
import { MAX_WAITING_PROGRESS } from "./files_limits.ts";

/** Work that reports progress until it is done, or `signal` aborts. */
export type ProgressTask = (
  queue: ProgressQueue,
  signal: AbortSignal,
) => Promise<void>;

/** What the loop waits with. */
interface Waiter {
  resolve(result: IteratorResult<FileProgress, undefined>): void;
  reject(error: unknown): void;
}

/**
 * An iteration over the events of a task. The task waits in {@linkcode push} while too many
 * events wait; a `progress` replaces one of the same file. When the loop is left, the task's
 * signal aborts, and the loop goes on once the task has ended.
 */
export class ProgressQueue
  implements AsyncIterableIterator<FileProgress, undefined> {
  /** A hundred or two at most. */
  readonly #events: FileProgress[] = [];
  readonly #waiters = new Deque<Waiter>();
  readonly #left = new AbortController();
  readonly #task: ProgressTask;
  /** Resolves when events were taken. */
  #room: PromiseWithResolvers<void> | undefined;
  #running: Promise<void> | undefined;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  /** A task that begins with the first step, or now. */
  constructor(task: ProgressTask, begins: "first-step" | "now" = "first-step") {
    this.#task = task;
    if (begins === "now") this.#start();
  }

  /** Adds an event; resolves when there is room for more. */
  push(event: FileProgress): Promise<void> | undefined {
    if (this.#left.signal.aborted) return undefined;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value: event, done: false });
      return undefined;
    }
    const last = this.#events.at(-1);
    if (last?.type === "progress" && isSameStep(last, event)) {
      this.#events.pop();
    }
    this.#events.push(event);
    if (this.#events.length <= MAX_WAITING_PROGRESS) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  next(): Promise<IteratorResult<FileProgress, undefined>> {
    this.#start();
    const event = this.#events.shift();
    if (event !== undefined) {
      if (this.#events.length <= MAX_WAITING_PROGRESS) this.#makeRoom();
      return Promise.resolve({ value: event, done: false });
    }
    if (!this.#hasEnded) {
      return new Promise((resolve, reject) =>
        this.#waiters.push({ resolve, reject })
      );
    }
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined
      ? Promise.resolve({ value: undefined, done: true })
      : Promise.reject(failure.error);
  }

  async return(): Promise<IteratorResult<FileProgress, undefined>> {
    this.#left.abort();
    this.#events.length = 0;
    this.#makeRoom();
    this.#running ??= Promise.resolve();
    await this.#running;
    this.#end();
    this.#failure = undefined;
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      await this.#task(this, this.#left.signal);
    } catch (error) {
      this.#failure = { error };
    }
    this.#end();
  }

  #end(): void {
    this.#hasEnded = true;
    for (let waiter; (waiter = this.#waiters.shift()) !== undefined;) {
      if (this.#failure === undefined) {
        waiter.resolve({ value: undefined, done: true });
      } else {
        waiter.reject(this.#failure.error);
        this.#failure = undefined;
      }
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function isSameStep(a: FileProgress, b: FileProgress): boolean {
  return b.type === "progress" && a.transfer === b.transfer &&
    a.peer === b.peer && a.file === b.file;
}
