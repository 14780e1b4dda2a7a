/**
 * Whole lines to a stream that may not be read for a while. Writing never waits:
 * lines go to a queue of bounded size, which one write at a time empties, so that
 * neither a full pipe nor Ctrl-S holds up the event loop. A producer that can wait
 * awaits {@linkcode LineWriter.ready}; one that cannot sets `onLoss`, and loses
 * lines, counted, when the queue is full.
 */
import { type Clock, sleep } from "../core/clock.ts";
import { MAX_OUTPUT_BYTES, OUTPUT_WRITE_BYTES } from "./cli_limits.ts";
import { wrapText } from "./wrap.ts";

/** A stream of bytes: `Deno.stdout`, `Deno.stderr`. */
export interface ByteSink {
  /** Writes some of `data` and returns how much. */
  write(data: Uint8Array): Promise<number>;
}

/** A sink of lines. */
export interface LineOutput {
  /**
   * Writes `text`, which may be several lines, and a line feed.
   *
   * @param keep Does not drop it: the caller waits until it is written.
   * @param indent Columns before what does not fit the first row of a terminal;
   * false leaves the line as it is, for JSON.
   */
  line(text: string, keep?: boolean, indent?: number | false): void;
}

/** How long to wait before a full pipe is tried again that does not block. */
const FULL_PIPE_RETRY_MS = 5;

/** A stream waits this long for earlier lines of another one, unless that is stuck. */
const ORDER_WAIT_MS = 50;

const encoder = new TextEncoder();

interface Piece {
  readonly bytes: Uint8Array;
  readonly number: number;
  readonly lines: number;
}

/** Lines of several streams, such as stdout and stderr of one terminal, in order. */
export class OutputOrder {
  readonly #writers: LineWriter[] = [];
  #wake: (() => void)[] = [];
  #count = 0;

  /** Adds a stream. */
  add(writer: LineWriter): void {
    this.#writers.push(writer);
  }

  /** The place of the next line. */
  next(): number {
    return ++this.#count;
  }

  /** The first place that another stream than `writer` has still to write. */
  limit(writer: LineWriter): number {
    return Math.min(
      ...this.#writers.map((it) =>
        it === writer || it.isStuck ? Infinity : it.oldest
      ),
    );
  }

  /** Reports that something was written. */
  advance(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  /** Waits for the earlier lines of others; a stream that takes too long is stuck. */
  async turn(writer: LineWriter, number: number, clock: Clock): Promise<void> {
    const enough = new AbortController();
    const late = sleep(clock, ORDER_WAIT_MS, enough.signal).catch(() => {});
    let over = false;
    void late.then(() => {
      over = true;
      this.advance();
    });
    while (!over && this.limit(writer) < number) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    enough.abort();
    if (this.limit(writer) >= number) return;
    for (const it of this.#writers) {
      if (it !== writer && it.oldest < number) it.isStuck = true;
    }
  }
}

/** Options of {@linkcode LineWriter}. */
export interface LineWriterOptions {
  readonly clock: Clock;
  /** Shared by streams whose lines must keep their order. */
  readonly order?: OutputOrder;
  /** Bytes that wait at the most. @default {MAX_OUTPUT_BYTES} */
  readonly maxBytes?: number;
}

/** Writes whole lines. After the first failure it drops everything. */
export class LineWriter implements LineOutput {
  /**
   * Makes the line in the place of lost lines, by their number. Unless it is set, no line is
   * lost, and a producer of many lines must await {@linkcode ready}.
   */
  onLoss: ((lines: number) => string) | undefined;
  /** The columns of the terminal at present; unset where lines are not broken into rows. */
  columns: (() => number) | undefined;
  /** The reader has not read for a while: other streams do not wait for it. */
  isStuck = false;
  readonly #sink: ByteSink;
  readonly #clock: Clock;
  readonly #order: OutputOrder;
  readonly #maxBytes: number;
  readonly #failure = new AbortController();
  readonly #queue: Piece[] = [];
  /** What is being written. */
  #current: readonly Piece[] = [];
  #bytes = 0;
  #lost = 0;
  #pumping = false;
  #waiting: (() => void)[] = [];

  constructor(sink: ByteSink, options: LineWriterOptions) {
    const { clock, order = new OutputOrder(), maxBytes = MAX_OUTPUT_BYTES } =
      options;
    this.#sink = sink;
    this.#clock = clock;
    this.#order = order;
    this.#maxBytes = maxBytes;
    order.add(this);
  }

  /**
   * Aborts when nothing can be written any more, with the error as its reason;
   * `Deno.errors.BrokenPipe` means that the reader went away.
   */
  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  /** Whether writing failed; more lines are dropped then. */
  get failed(): boolean {
    return this.#failure.signal.aborted;
  }

  /** Lines that are not written yet. */
  get pending(): number {
    return [...this.#current, ...this.#queue]
      .reduce((sum, { lines }) => sum + lines, this.#lost);
  }

  /** Place of the first line that is not written; infinite if all are. */
  get oldest(): number {
    return (this.#current[0] ?? this.#queue[0])?.number ?? Infinity;
  }

  line(text: string, keep = false, indent?: number | false): void {
    this.put(`${this.rows(text, indent)}\n`, keep);
  }

  /** A line as {@linkcode line} writes it, in rows of the terminal if it is one. */
  rows(text: string, indent?: number | false): string {
    return this.columns === undefined || indent === false
      ? text
      : wrapText(text, this.columns(), indent);
  }

  /** As {@linkcode line}, without a line feed; bytes as they are. */
  put(text: string | Uint8Array, keep = false): void {
    if (this.failed || text.length === 0) return;
    const isText = typeof text === "string";
    const bytes = isText ? encoder.encode(text) : text;
    const lines = isText && text.endsWith("\n") ? 1 : 0;
    const full = this.#bytes > 0 &&
      this.#bytes + bytes.length > this.#maxBytes;
    const mayLose = this.onLoss !== undefined && !keep;
    if (mayLose && (full || this.#lost > 0)) {
      this.#lost += lines;
      return;
    }
    this.#add({ bytes, number: this.#order.next(), lines });
  }

  /** Resolves when there is room for more, nothing can be written, or `signal` aborts. */
  ready(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.#bytes <= this.#maxBytes / 2, signal);
  }

  /** As {@linkcode ready}, when all lines up to now are written. */
  flushed(signal?: AbortSignal): Promise<void> {
    const number = this.#queue.at(-1)?.number ?? this.#current.at(-1)?.number;
    if (number === undefined) return Promise.resolve();
    return this.#until(() => this.oldest > number, signal);
  }

  async #until(done: () => boolean, signal?: AbortSignal): Promise<void> {
    const over = () => done() || this.failed || signal?.aborted === true;
    if (over()) return;
    const wake = () => this.#notify();
    signal?.addEventListener("abort", wake, { once: true });
    while (!over()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    signal?.removeEventListener("abort", wake);
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #add(piece: Piece): void {
    this.#queue.push(piece);
    this.#bytes += piece.bytes.length;
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    // Lines of one turn of the event loop go out together.
    await Promise.resolve();
    while (true) {
      const [first] = this.#queue;
      if (first === undefined) break;
      if (this.#order.limit(this) < first.number) {
        await this.#order.turn(this, first.number, this.#clock);
      }
      const bytes = this.#take();
      try {
        await this.#write(bytes);
      } catch (error) {
        this.#fail(error);
        break;
      }
      this.isStuck = false;
      this.#current = [];
      this.#bytes -= bytes.length;
      this.#tellLoss();
      this.#notify();
      this.#order.advance();
    }
    this.#pumping = false;
  }

  /** Some of the waiting lines, up to where another stream comes first; at least one part. */
  #take(): Uint8Array {
    const limit = this.#order.limit(this);
    let count = 0;
    let length = 0;
    for (const { bytes, number } of this.#queue) {
      const fits = number < limit &&
        length + bytes.length <= OUTPUT_WRITE_BYTES;
      if (count > 0 && !fits) break;
      length += bytes.length;
      count++;
    }
    this.#current = this.#queue.splice(0, count);
    const [first] = this.#current;
    if (count === 1 && first !== undefined) return first.bytes;
    const all = new Uint8Array(length);
    let offset = 0;
    for (const { bytes } of this.#current) {
      all.set(bytes, offset);
      offset += bytes.length;
    }
    return all;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(await this.#sink.write(rest));
      } catch (error) {
        if (error instanceof Deno.errors.Interrupted) continue;
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        // Another process that shares the pipe made it non-blocking.
        await sleep(this.#clock, FULL_PIPE_RETRY_MS);
      }
    }
  }

  #tellLoss(): void {
    if (this.#lost === 0 || this.#bytes > this.#maxBytes / 2) return;
    const text = this.onLoss?.(this.#lost);
    this.#lost = 0;
    if (text === undefined) return;
    const bytes = encoder.encode(`${text}\n`);
    this.#add({ bytes, number: this.#order.next(), lines: 1 });
  }

  #fail(error: unknown): void {
    this.#queue.length = this.#bytes = this.#lost = 0;
    this.#current = [];
    const reason = error instanceof Error ? error : new Error(`${error}`);
    this.#failure.abort(reason);
    this.#notify();
    this.#order.advance();
  }
}
