/** One request at its serving node: the context of its handler, its deadline, and how it ends. */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { SharedTimers } from "../core/shared_timers.ts";
import type { Share } from "../core/fair_share.ts";
import { serveSpan } from "../core/spans.ts";
import type { Span } from "../core/tracing.ts";
import type { PeerStream } from "./peer_stream.ts";
import type { BodyKind, RequestHead } from "./request_format.ts";
import type { RequestContext } from "./request_types.ts";
import { REQUEST_TRANSFER_MS } from "./streams_limits.ts";

/**
 * The context of a handler. Its signal and the watch over its stream are made when they are first
 * asked for, as most handlers are done at once.
 */
export class ServedRequest implements RequestContext {
  readonly peer: PeerId;
  readonly method: string;
  readonly kind: BodyKind;
  readonly stream: PeerStream;
  readonly timeoutMs: number;
  /** Settles as the handler does; `undefined` if it has settled. */
  running: Promise<unknown> | undefined = undefined;
  /** Whether its body is being read, which its deadline ends. */
  reading = false;
  readonly #span: Span | undefined;
  readonly #timers: SharedTimers;
  /** Monotonic clock, milliseconds. */
  readonly #deadline: number;
  #cancelTimer = () => {};
  #error: VerackError | undefined;
  #isLost = false;
  #isAnswering = false;
  #isClosed = false;
  #isWatched = false;
  #controller: AbortController | undefined;
  #ended: PromiseWithResolvers<never> | undefined;
  #share: Share | undefined;

  constructor(
    stream: PeerStream,
    { method, kind }: RequestHead,
    timers: SharedTimers,
    timeoutMs: number,
  ) {
    this.peer = stream.peer;
    this.method = method;
    this.kind = kind;
    this.stream = stream;
    this.timeoutMs = timeoutMs;
    this.#span = serveSpan(this.peer, method);
    this.#timers = timers;
    this.#deadline = timers.monotonic() + timeoutMs;
    this.#arm(Math.min(timeoutMs, REQUEST_TRANSFER_MS));
  }

  /** Does the work of the request, in its span if there is one. */
  async within(work: () => Promise<void>): Promise<void> {
    const span = this.#span;
    if (span === undefined) return await work();
    try {
      await span.run(work);
      if (this.#isLost) span.fail("session-lost");
      span.end();
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  /** It is answered with this error. */
  refused(code: string): void {
    this.#span?.fail(code);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#watch();
      if (this.#error !== undefined) this.#controller.abort(this.#error);
    }
    return this.#controller.signal;
  }

  /** Why it ended before it was answered. */
  get error(): VerackError | undefined {
    return this.#error;
  }

  /** Whether its stream has ended, so that it cannot be answered. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The body is there, and the handler runs: until the deadline only. */
  handling(): void {
    if (!this.#isLong) return;
    const leftMs = this.#deadline - this.#timers.monotonic();
    // Few different lengths, for which timers are shared.
    this.#arm(Math.max(0, Math.ceil(leftMs / 1_000) * 1_000));
  }

  /** The answer is written, which is given up after a while. */
  answering(): void {
    this.#isAnswering = true;
    if (this.#isLong || this.#error !== undefined) {
      this.#arm(REQUEST_TRANSFER_MS);
    }
  }

  /** Keeps what was taken for the body until the request is closed. */
  hold(share: Share | undefined): void {
    this.#share = share;
  }

  /** As `work`, unless the request ends before: then it rejects with that error. */
  async unlessEnded<T>(work: Promise<T>): Promise<T> {
    this.#watch();
    this.#ended ??= Promise.withResolvers<never>();
    if (this.#error !== undefined) this.#ended.reject(this.#error);
    return await Promise.race([work, this.#ended.promise]);
  }

  /** It has been answered, or cannot be. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#share?.[Symbol.dispose]();
    this.#share = undefined;
  }

  get #isLong(): boolean {
    return this.timeoutMs > REQUEST_TRANSFER_MS;
  }

  #arm(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#timers.after(delayMs, () => this.#onTime());
  }

  #onTime(): void {
    const error = new VerackError(
      "timeout",
      `Cannot answer "${this.method}": the deadline of the request passed`,
    );
    if (this.#isAnswering) this.stream.abort(error);
    else this.#end(error);
    if (this.reading) this.stream.stopReading();
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const { signal } = this.stream;
    const onAbort = () => {
      this.#isLost = true;
      const { reason } = signal;
      this.#end(
        reason instanceof VerackError
          ? reason
          : new VerackError("aborted", "The request was aborted", {
            cause: reason,
          }),
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }

  #end(error: VerackError): void {
    if (this.#error !== undefined || this.#isClosed) return;
    this.#error = error;
    this.#ended?.reject(error);
    this.#controller?.abort(error);
  }
}
