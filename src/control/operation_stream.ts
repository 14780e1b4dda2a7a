/**
 * The answer to an operation: its records as server-sent events (WHATWG HTML §9.2), until an
 * event `end` or `error`. Nothing is buffered: the next record is requested when
 * the client has read the one before.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { jsonLine } from "../core/escape.ts";
import type { OperationRecord } from "./api/endpoint.ts";
import { CONTROL_HEARTBEAT_MS } from "./control_limits.ts";
import type { EventFormat } from "./event_reader.ts";

/** Begins an operation; `signal` aborts when the client disconnects or the node closes. */
export type OperationRun = (
  signal: AbortSignal,
) => AsyncIterable<OperationRecord> | Promise<AsyncIterable<OperationRecord>>;

/** Options of {@linkcode OperationStream}. */
export interface OperationStreamOptions {
  readonly clock: Clock;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  /** The body of the answer to a request that failed with this error. */
  readonly failure: (error: unknown) => object;
}

/** Records that many operations give, as text. */
const shared = new WeakMap<OperationRecord, string>();

/** Has a record that many operations give encoded once; returns its text. */
export function shareRecord(record: OperationRecord): string {
  const text = jsonLine(record);
  shared.set(record, text);
  return text;
}

/** What stands around the JSON of a record in the stream. */
const RECORD = { before: "data: ", after: "\n\n" };

/** An event in a record, among those of an operation. */
export const EVENT_RECORD: EventFormat = {
  before: (_, id) =>
    `${RECORD.before}{"type":"event",${
      id === undefined ? "" : `"id":"${id}",`
    }"event":`,
  after: `}${RECORD.after}`,
  id: (id) => `${RECORD.before}{"type":"event","id":"${id}"}${RECORD.after}`,
};

/** Records as they are sent, in any number. */
export class EncodedRecords implements OperationRecord {
  readonly type = "encoded";

  constructor(readonly chunks: readonly Uint8Array[]) {}
}

const encoder = new TextEncoder();
const OPENING = encoder.encode(": verack operation\n\n");
const HEARTBEAT = encoder.encode(": heartbeat\n\n");
const END = encoder.encode("event: end\ndata: {}\n\n");

/** One operation that is carried out for one client. */
export class OperationStream {
  readonly #options: OperationStreamOptions;
  readonly #abort = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  readonly #onClosing = () => this.#abort.abort(this.#options.closing.reason);
  #records: AsyncIterator<OperationRecord> | undefined;
  #next: Promise<IteratorResult<OperationRecord>> | undefined;
  /** Whether `#next` is settled. */
  #settled = false;
  #wake: () => void = () => {};
  #opened = false;

  constructor(options: OperationStreamOptions) {
    this.#options = options;
  }

  /** Body of the response. */
  readonly body: ReadableStream<Uint8Array> = new ReadableStream({
    pull: async (controller) => {
      const { chunks, isLast } = await this.#read();
      for (const chunk of chunks) controller.enqueue(chunk);
      if (isLast) controller.close();
    },
    cancel: () => this.#cancel(),
  }, { highWaterMark: 0 });

  /** Resolves when the operation has ended, also if it never began. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Begins the operation. Rejects as `run` does, after which the stream has ended. */
  async begin(run: OperationRun): Promise<void> {
    const { closing } = this.#options;
    closing.addEventListener("abort", this.#onClosing, { once: true });
    if (closing.aborted) this.#onClosing();
    try {
      const records = await run(this.#abort.signal);
      this.#records = records[Symbol.asyncIterator]();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async #read(): Promise<
    { chunks: readonly Uint8Array[]; isLast?: true }
  > {
    if (!this.#opened) {
      this.#opened = true;
      // Shows the client that the operation has begun.
      return { chunks: [OPENING] };
    }
    try {
      const result = await this.#orHeartbeat();
      if (result === undefined) return { chunks: [HEARTBEAT] };
      if (!result.done) {
        const { value } = result;
        if (value instanceof EncodedRecords) return { chunks: value.chunks };
        const data = shared.get(value) ?? jsonLine(value);
        const { before, after } = RECORD;
        return { chunks: [encoder.encode(`${before}${data}${after}`)] };
      }
      // What was cut short is no success, whatever the handler makes of it.
      this.#abort.signal.throwIfAborted();
      this.#end();
      return { chunks: [END], isLast: true };
    } catch (error) {
      const { aborted, reason } = this.#abort.signal;
      const cause = aborted && !(error instanceof VerackError) ? reason : error;
      this.#end();
      const data = jsonLine(this.#options.failure(cause));
      const chunk = encoder.encode(`event: error\ndata: ${data}\n\n`);
      return { chunks: [chunk], isLast: true };
    }
  }

  /** The next record; `undefined` if it does not come within a heartbeat. */
  async #orHeartbeat(): Promise<IteratorResult<OperationRecord> | undefined> {
    const next = this.#next ??= this.#ask();
    const cancel = this.#options.clock.after(
      CONTROL_HEARTBEAT_MS,
      () => this.#wake(),
    );
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#settled) resolve();
    });
    cancel();
    if (!this.#settled) return undefined;
    this.#next = undefined;
    return await next;
  }

  #ask(): Promise<IteratorResult<OperationRecord>> {
    this.#settled = false;
    const next = this.#records?.next() ??
      Promise.resolve({ done: true, value: undefined } as const);
    const settle = () => {
      this.#settled = true;
      this.#wake();
    };
    next.then(settle, settle);
    return next;
  }

  async #cancel(): Promise<void> {
    const text = "The client that began it has ended it";
    this.#abort.abort(new VerackError("aborted", text));
    // Handlers end with their signal, so the last errors have been answered by it.
    await this.#next?.catch(() => {});
    await this.#records?.return?.().catch(() => {});
    this.#end();
  }

  #end(): void {
    this.#options.closing.removeEventListener("abort", this.#onClosing);
    this.#done.resolve();
  }
}
