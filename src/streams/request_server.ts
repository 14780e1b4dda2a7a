/**
 * Serves requests: each is admitted within the bounds that all peers share, its body read and
 * checked, its handler run until the deadline, and its answer checked and written.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { FairShare, type Share } from "../core/fair_share.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { PeerId } from "../core/peer_id.ts";
import { SharedTimers } from "../core/shared_timers.ts";
import { fillFrom, writeBody } from "./body_transfer.ts";
import type { PeerStream } from "./peer_stream.ts";
import {
  type AnswerStatus,
  checkMethod,
  decodeBody,
  decodeRequestHead,
  encodeAnswerHead,
  encodeBody,
  type EncodedBody,
  encodeError,
  type RequestHead,
  sentError,
} from "./request_format.ts";
import type {
  RequestHandler,
  RequestMethod,
  ServeOptions,
} from "./request_types.ts";
import { ServedRequest } from "./served_request.ts";
import {
  checkValue,
  isPromiseLike,
  requireSchema,
  type StandardSchema,
} from "./standard_schema.ts";
import {
  MAX_REQUEST_TIMEOUT_MS,
  MAX_SERVED_BYTES,
  MAX_SERVED_BYTES_PER_PEER,
  MAX_SERVED_REQUESTS,
  MAX_SERVED_REQUESTS_PER_PEER,
  STRANGERS_REQUEST_SHARE,
  UNCOUNTED_BODY_BYTES,
} from "./streams_limits.ts";

/** Dependencies of a {@linkcode RequestServer}. */
export interface RequestServerOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly hasStanding: (peer: PeerId) => boolean;
}

/** A method that is served. */
interface Method {
  readonly name: string;
  readonly handler: RequestHandler;
  readonly input: StandardSchema | undefined;
  readonly output: StandardSchema | undefined;
  readonly maxConcurrent: number;
  readonly timeoutMs: number;
  /** Requests whose handler has not settled. */
  running: number;
}

/** An answer other than the handler's. */
class Refusal extends Error {
  readonly status: AnswerStatus;
  readonly body: EncodedBody;

  constructor(
    status: Exclude<AnswerStatus, "ok">,
    error: string | ReturnType<typeof sentError>,
  ) {
    const sent = typeof error === "string"
      ? { code: status, message: error }
      : error;
    super(sent.message);
    this.status = status;
    this.body = encodeError(sent);
  }
}

/** The methods of one node. */
export class RequestServer {
  readonly #counters: NodeCounters;
  readonly #timers: SharedTimers;
  readonly #methods = new Map<string, Method>();
  readonly #slots: FairShare;
  readonly #bytes: FairShare;

  constructor({ clock, counters, hasStanding }: RequestServerOptions) {
    this.#counters = counters;
    this.#timers = new SharedTimers(clock, { lingers: true });
    this.#slots = new FairShare({
      total: MAX_SERVED_REQUESTS,
      perPeer: MAX_SERVED_REQUESTS_PER_PEER,
      strangers: STRANGERS_REQUEST_SHARE * MAX_SERVED_REQUESTS,
      hasStanding,
    });
    this.#bytes = new FairShare({
      total: MAX_SERVED_BYTES,
      perPeer: MAX_SERVED_BYTES_PER_PEER,
      strangers: STRANGERS_REQUEST_SHARE * MAX_SERVED_BYTES,
      hasStanding,
    });
  }

  /** The node closes. */
  close(): void {
    this.#timers[Symbol.dispose]();
  }

  /** Requests whose handler has not settled, and bytes of bodies and answers. */
  get usage(): { readonly requests: number; readonly bytes: number } {
    return { requests: this.#slots.used, bytes: this.#bytes.used };
  }

  /** See `Node.serve`. */
  serve(
    named: string | RequestMethod,
    handler: RequestHandler,
    options: ServeOptions = {},
  ): Disposable {
    const method = methodOf(named, handler, options);
    const { name } = method;
    if (this.#methods.has(name)) {
      throw new TypeError(
        `Cannot serve "${name}": it is served already; dispose of the other handler first`,
      );
    }
    this.#methods.set(name, method);
    return {
      [Symbol.dispose]: () => {
        if (this.#methods.get(name) === method) this.#methods.delete(name);
      },
    };
  }

  /** Handles a stream of protocol `request/1`. Rejects when its peer breaks the protocol. */
  async handle(stream: PeerStream): Promise<void> {
    const head = decodeRequestHead(stream.metadata);
    this.#counters.requestsReceived++;
    const method = this.#methods.get(head.method);
    if (method === undefined) {
      return await this.#refuse(
        stream,
        "unknown-method",
        "it has no such method",
      );
    }
    if (method.running >= method.maxConcurrent) {
      return await this.#refuse(
        stream,
        "full",
        `${method.running} requests for the method are handled, the most there may be`,
      );
    }
    const slot = this.#slots.take(stream.peer);
    if (slot === undefined) {
      return await this.#refuse(
        stream,
        "full",
        "it handles as many requests as it may, of this peer or in all",
      );
    }
    method.running++;
    const timeoutMs = Math.min(
      head.timeoutMs,
      method.timeoutMs,
      MAX_REQUEST_TIMEOUT_MS,
    );
    const served = new ServedRequest(stream, head, this.#timers, timeoutMs);
    try {
      await served.within(() => this.#serve(served, head, method));
    } finally {
      served.close();
      // A handler that ignores its signal keeps its place until it has settled.
      const release = () => {
        method.running--;
        slot[Symbol.dispose]();
      };
      if (served.running === undefined) release();
      else served.running.finally(release).catch(() => {});
    }
  }

  async #refuse(
    stream: PeerStream,
    status: Exclude<AnswerStatus, "ok">,
    message: string,
  ): Promise<void> {
    this.#counters.requestsRefused++;
    stream.stopReading();
    await writeAnswer(stream, status, encodeError({ code: status, message }));
  }

  async #serve(
    served: ServedRequest,
    head: RequestHead,
    method: Method,
  ): Promise<void> {
    const { stream } = served;
    let answer: EncodedBody;
    let status: AnswerStatus = "ok";
    let share: Share | undefined;
    try {
      try {
        const result = await this.#result(served, head, method);
        answer = answerBody(result, method.name);
        share = this.#shareOf(served, answer);
      } catch (error) {
        // The stream has ended: no answer can be sent.
        if (served.isLost) return;
        if (!(error instanceof Refusal)) throw error;
        ({ status, body: answer } = error);
        served.refused(status);
        stream.stopReading();
      }
      served.answering();
      this.#counters[status === "ok" ? "requestsServed" : "requestsRefused"]++;
      await writeAnswer(stream, status, answer);
    } finally {
      share?.[Symbol.dispose]();
    }
  }

  /** What the handler returns; throws a {@linkcode Refusal}, or what the stream fails with. */
  async #result(
    served: ServedRequest,
    head: RequestHead,
    { handler, input, output, name }: Method,
  ): Promise<unknown> {
    if (served.timeoutMs <= 0) throw tooLate();
    let body = await this.#body(served, head);
    if (input !== undefined) {
      body = await checked(served, input, body, (issues) => {
        throw new Refusal("bad-input", issues);
      });
    }
    let result: unknown;
    try {
      result = handler(body, served);
      if (isPromiseLike(result)) {
        served.handling();
        served.running = Promise.resolve(result);
        result = await served.unlessEnded(served.running);
        served.running = undefined;
      }
    } catch (error) {
      if (served.error !== undefined) throw tooLate();
      served.running = undefined;
      throw new Refusal("failed", sentError(error));
    }
    if (served.error !== undefined) throw tooLate();
    if (output === undefined) return result;
    // Checked, and sent as it is: the caller's schema makes of it what it makes.
    await checked(served, output, result, (issues) => {
      throw new Refusal(
        "bad-output",
        `the answer of "${name}" is wrong: ${issues}`,
      );
    });
    return result;
  }

  /** Reads the body, within memory that peers share. */
  async #body(
    served: ServedRequest,
    { kind, length }: RequestHead,
  ): Promise<unknown> {
    if (length === 0) return decodeBody(kind, new Uint8Array(0));
    const { stream } = served;
    let share: Share | undefined;
    if (length > UNCOUNTED_BODY_BYTES) {
      const wait = this.#bytes.wait(stream.peer, length);
      try {
        share = await served.unlessEnded(wait.taken);
      } catch {
        wait.cancel();
        void wait.taken.then((late) => late[Symbol.dispose]());
        throw tooLate();
      }
    }
    served.hold(share);
    const bytes = new Uint8Array(length);
    try {
      served.reading = true;
      await fillFrom(stream, bytes, 0, length);
      served.reading = false;
    } catch (error) {
      if (served.error !== undefined) throw tooLate();
      throw error;
    }
    return decodeBody(kind, bytes);
  }

  #shareOf(served: ServedRequest, { bytes }: EncodedBody): Share | undefined {
    if (bytes.length <= UNCOUNTED_BODY_BYTES) return undefined;
    const share = this.#bytes.take(served.peer, bytes.length);
    if (share !== undefined) return share;
    throw new Refusal(
      "full",
      `its answer of ${bytes.length} bytes does not fit beside those that wait to be read`,
    );
  }
}

function methodOf(
  named: string | RequestMethod,
  handler: RequestHandler,
  options: ServeOptions,
): Method {
  const { name, input, output } = typeof named === "string"
    ? { name: named, ...options }
    : named;
  checkMethod(name);
  requireSchema("input", input);
  requireSchema("output", output);
  if (typeof handler !== "function") {
    throw new TypeError(
      `Cannot serve "${name}": the handler is ${typeof handler}, must be a function`,
    );
  }
  const {
    maxConcurrent = MAX_SERVED_REQUESTS,
    timeoutMs = MAX_REQUEST_TIMEOUT_MS,
  } = options;
  if (!Number.isSafeInteger(maxConcurrent) || maxConcurrent < 1) {
    throw new RangeError(
      `Cannot serve "${name}": maxConcurrent is ${maxConcurrent}, must be an integer of at least 1`,
    );
  }
  if (!(timeoutMs > 0)) {
    throw new RangeError(
      `Cannot serve "${name}": timeoutMs is ${timeoutMs}, must be above 0`,
    );
  }
  return {
    name,
    handler,
    input,
    output,
    maxConcurrent,
    timeoutMs,
    running: 0,
  };
}

/**
 * A schema may throw, which is the handler's failure; and take for ever, when the request keeps its
 * place as it does while its handler runs.
 */
async function checked<T>(
  served: ServedRequest,
  schema: StandardSchema<unknown, T>,
  value: unknown,
  refuse: (issues: string) => never,
): Promise<T> {
  try {
    let made = checkValue(schema, value, refuse);
    if (made instanceof Promise) {
      served.running = made;
      made = await served.unlessEnded(made);
      served.running = undefined;
    }
    return made;
  } catch (error) {
    if (served.error !== undefined) throw tooLate();
    served.running = undefined;
    if (error instanceof Refusal) throw error;
    throw new Refusal("failed", sentError(error));
  }
}

function answerBody(result: unknown, method: string): EncodedBody {
  try {
    return encodeBody(result, `Cannot answer "${method}"`);
  } catch (error) {
    throw new Refusal("bad-output", messageOf(error));
  }
}

/** The head and a small body leave together. */
async function writeAnswer(
  stream: PeerStream,
  status: AnswerStatus,
  { kind, bytes }: EncodedBody,
): Promise<void> {
  const { length } = bytes;
  const isSmall = length <= UNCOUNTED_BODY_BYTES;
  const head = encodeAnswerHead({ status, kind, length }, isSmall ? length : 0);
  if (!isSmall) return await writeBody(stream, head, bytes);
  head.set(bytes, head.length - length);
  await writeBody(stream, head);
}

function tooLate(): Refusal {
  return new Refusal("timeout", "the deadline passed at its end");
}
