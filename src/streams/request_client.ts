/**
 * Sends requests: one stream each, so many to a peer at a time, and exactly one outcome, which is
 * the answer, the peer's error, the deadline, the caller's abort, or the end of the session.
 */
import type { Clock } from "../core/clock.ts";
import { Deque } from "../core/deque.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import { SharedTimers } from "../core/shared_timers.ts";
import { fillFrom, requireEnd, writeBody } from "./body_transfer.ts";
import type { OpenOptions, PeerStream } from "./peer_stream.ts";
import { RequestError } from "./request_error.ts";
import {
  ANSWER_HEAD_BYTES,
  type AnswerStatus,
  type BodyKind,
  checkMethod,
  decodeAnswerHead,
  decodeBody,
  decodeError,
  encodeBody,
  encodeRequestHead,
  REQUEST_PROTOCOL,
} from "./request_format.ts";
import type { RequestMethod, RequestOptions } from "./request_types.ts";
import { checkValue, requireSchema } from "./standard_schema.ts";
import {
  MAX_REQUEST_TIMEOUT_MS,
  MAX_REQUESTS_PER_PEER,
  MAX_WAITING_REQUESTS,
  REQUEST_TIMEOUT_MS,
} from "./streams_limits.ts";

/** Dependencies of a {@linkcode RequestClient}. */
export interface RequestClientOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  /** Opens a stream to a peer. */
  readonly open: (
    peer: PeerId,
    protocol: string,
    options: OpenOptions,
  ) => PeerStream;
}

/** Head and body of nearly all answers fit into the first read. */
const FIRST_READ_BYTES = 1_024;

/** A longer answer is given memory as it comes, not as it is announced. */
const FIRST_BODY_BYTES = 262_144;

/** Requests to one peer. */
interface PeerWindow {
  sent: number;
  readonly waiting: Deque<Call>;
}

/** One request. */
interface Call {
  /** Why it has ended before its answer came. */
  error: VerackError | undefined;
  /** Ends it unless it has ended. */
  readonly end: (error: VerackError) => void;
  /** While it waits to be sent: sends it, or rejects. */
  onTurn: (() => void) | undefined;
  stream: PeerStream | undefined;
}

/** What the caller has set for a request. */
interface CallLimits {
  readonly timeoutMs: number;
  /** Monotonic clock, milliseconds. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  /** For errors. */
  readonly action: string;
}

interface ReceivedAnswer {
  readonly status: AnswerStatus;
  readonly kind: BodyKind;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The requests of one node. */
export class RequestClient {
  readonly #options: RequestClientOptions;
  readonly #timers: SharedTimers;
  readonly #windows = new Map<PeerId, PeerWindow>();

  constructor(options: RequestClientOptions) {
    this.#options = options;
    this.#timers = new SharedTimers(options.clock, { lingers: true });
  }

  /** The node closes. */
  close(): void {
    this.#timers[Symbol.dispose]();
  }

  /** See `Node.request`. */
  async request(
    peer: PeerId,
    method: string | RequestMethod,
    value: unknown,
    options: RequestOptions = {},
  ): Promise<unknown> {
    const name = typeof method === "object" ? method?.name : method;
    const { timeoutMs = REQUEST_TIMEOUT_MS, signal } = options;
    checkMethod(name);
    checkTimeout(timeoutMs);
    const action = `Cannot request "${name}" of ${shortId(peer)}`;
    const input = typeof method === "string" ? undefined : method.input;
    const output = typeof method === "string" ? options.output : method.output;
    requireSchema("output", output);
    const limits = {
      timeoutMs,
      deadline: this.#options.clock.monotonic() + timeoutMs,
      signal,
      action,
    };
    // Encoded before any wait: the caller may change it afterwards.
    const { kind, bytes } = encodeBody(value, action);
    if (input !== undefined) {
      const checked = checkValue(input, value, (issues) => {
        throw new VerackError("bad-input", `${action}: ${issues}`);
      });
      if (checked instanceof Promise) await this.#inTime(checked, limits);
    }
    const answer = await this.#exchange({ peer, name, kind, bytes }, limits);
    if (answer.status !== "ok") throw remoteError(answer, action);
    const received = decodeBody(answer.kind, answer.body);
    if (output === undefined) return received;
    const result = checkValue(output, received, (it) => {
      throw new VerackError(
        "bad-output",
        `${action}: the answer is wrong: ${it}`,
      );
    });
    return result instanceof Promise
      ? await this.#inTime(result, limits)
      : result;
  }

  /** Calls `end` when the time is over or the caller aborts, until disposed of. */
  #watch(
    { timeoutMs, deadline, signal, action }: CallLimits,
    end: (error: VerackError) => void,
  ): Disposable {
    const onAbort = () =>
      end(
        new VerackError("aborted", `${action}: it was aborted`, {
          cause: signal?.reason,
        }),
      );
    const leftMs = deadline - this.#options.clock.monotonic();
    const cancelTimer = this.#timers.after(
      // Few different lengths, for which timers are shared.
      Math.max(0, Math.ceil(leftMs)),
      () =>
        end(
          new VerackError(
            "timeout",
            `${action}: no answer came within ${timeoutMs} ms`,
          ),
        ),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    return {
      [Symbol.dispose]: () => {
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      },
    };
  }

  /** A schema's promise; what the caller has set for the request holds for it, too. */
  async #inTime<T>(work: Promise<T>, limits: CallLimits): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    using _watch = this.#watch(limits, reject);
    return await Promise.race([work, promise]);
  }

  async #exchange(
    { peer, name, kind, bytes }: {
      readonly peer: PeerId;
      readonly name: string;
      readonly kind: BodyKind;
      readonly bytes: Uint8Array;
    },
    limits: CallLimits,
  ): Promise<ReceivedAnswer> {
    const call: Call = {
      error: undefined,
      onTurn: undefined,
      stream: undefined,
      end(error) {
        if (call.error !== undefined) return;
        call.error = error;
        call.stream?.abort(error);
        call.onTurn?.();
      },
    };
    const { clock, counters, open } = this.#options;
    const { action, deadline } = limits;
    using _watch = this.#watch(limits, call.end);
    if (call.error !== undefined) throw call.error;
    const window = this.#windowOf(peer);
    let isSent = false;
    let isCounted = false;
    try {
      if (window.sent >= MAX_REQUESTS_PER_PEER) {
        await this.#turn(window, call, action);
      } else window.sent++;
      isSent = true;
      if (call.error !== undefined) throw call.error;
      const left = Math.max(1, deadline - clock.monotonic());
      const length = bytes.length;
      const stream = open(peer, REQUEST_PROTOCOL, {
        metadata: encodeRequestHead({
          method: name,
          kind,
          length,
          timeoutMs: left,
        }),
      });
      call.stream = stream;
      counters.requestsSent++;
      isCounted = true;
      // The peer may answer before it has read all, so the answer decides.
      writeBody(stream, bytes).catch(() => {});
      const answer = await receiveAnswer(stream);
      // It may have ended between the last byte and now, and must have one outcome.
      if (call.error !== undefined) throw call.error;
      counters[
        answer.status === "ok" ? "requestsAnswered" : "requestsFailed"
      ]++;
      return answer;
    } catch (error) {
      if (isCounted) counters.requestsFailed++;
      call.stream?.abort(error);
      throw call.error ?? error;
    } finally {
      if (isSent) this.#release(peer, window);
      else this.#forget(peer, window);
    }
  }

  #windowOf(peer: PeerId): PeerWindow {
    let window = this.#windows.get(peer);
    if (window === undefined) {
      this.#windows.set(peer, window = { sent: 0, waiting: new Deque() });
    }
    return window;
  }

  /** Resolves when another request to the peer has ended, whose place this one takes. */
  #turn(window: PeerWindow, call: Call, action: string): Promise<void> {
    if (window.waiting.length >= MAX_WAITING_REQUESTS) {
      // Those that have ended wait no more.
      window.waiting.retain(({ onTurn }) => onTurn !== undefined);
    }
    if (window.waiting.length >= MAX_WAITING_REQUESTS) {
      throw new VerackError(
        "full",
        `${action}: ${window.waiting.length} requests wait to be sent to it, the most there may be`,
      );
    }
    window.waiting.push(call);
    return new Promise((resolve, reject) => {
      call.onTurn = () => {
        call.onTurn = undefined;
        if (call.error === undefined) resolve();
        else reject(call.error);
      };
    });
  }

  #release(peer: PeerId, window: PeerWindow): void {
    while (true) {
      const next = window.waiting.shift();
      if (next === undefined) break;
      // Those that have ended are left in the queue until their turn.
      if (next.onTurn !== undefined) return next.onTurn();
    }
    window.sent--;
    this.#forget(peer, window);
  }

  #forget(peer: PeerId, window: PeerWindow): void {
    if (window.sent === 0) this.#windows.delete(peer);
  }
}

async function receiveAnswer(stream: PeerStream): Promise<ReceivedAnswer> {
  const first = new Uint8Array(FIRST_READ_BYTES);
  let filled = await fillFrom(stream, first, 0, ANSWER_HEAD_BYTES);
  const { status, kind, length } = decodeAnswerHead(first);
  const whole = ANSWER_HEAD_BYTES + length;
  let bytes = first;
  while (filled < whole) {
    if (filled === bytes.length) {
      const grown = new Uint8Array(
        Math.min(whole, Math.max(FIRST_BODY_BYTES, 2 * bytes.length)),
      );
      grown.set(bytes);
      bytes = grown;
    }
    const end = Math.min(whole, bytes.length);
    filled = await fillFrom(stream, bytes.subarray(0, end), filled, filled + 1);
  }
  // What came behind the answer in the first read is too much as well.
  if (filled === whole) await requireEnd(stream);
  else throw tooLong();
  const body = bytes.subarray(ANSWER_HEAD_BYTES, whole);
  // An application that keeps a small answer must not keep a large buffer.
  return { status, kind, body: kind === "bytes" ? body.slice() : body };
}

function tooLong(): VerackError {
  return new VerackError(
    "malformed",
    "Cannot read the answer to a request: it is longer than announced",
  );
}

/** The error that the peer answered with. */
function remoteError(
  { status, body }: ReceivedAnswer,
  action: string,
): VerackError {
  const { code, message, data } = decodeError(body);
  if (status === "failed") return new RequestError(code, message, { data });
  return new VerackError(
    status as Exclude<AnswerStatus, "ok">,
    `${action}: ${escapeText(message, { max: 2_048 })}`,
  );
}

function checkTimeout(timeoutMs: number): void {
  if (timeoutMs > 0 && timeoutMs <= MAX_REQUEST_TIMEOUT_MS) return;
  throw new RangeError(
    `Cannot wait ${timeoutMs} ms for an answer: must be above 0 and at most ${MAX_REQUEST_TIMEOUT_MS}`,
  );
}
