/**
 * Sends requests to the control API of one node, and returns answers and events that match the
 * schema, or errors.
 */
import * as v from "npm:valibot@1.5.0";
import { type Clock, deadline, isTimeout } from "../core/clock.ts";
import { codesWhere, type ErrorCode } from "../core/error_code.ts";
import { detailsOf, messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { isErrorCode, RequestError } from "../streams/request_error.ts";
import {
  CONTROL_ANSWER_TIMEOUT_MS,
  MAX_CONTROL_ANSWER_BYTES,
} from "./control_limits.ts";
import type { ControlEvent } from "./answers.ts";
import { API } from "./api.ts";
import type {
  Endpoint,
  Fields,
  Input,
  Operation,
  OperationRecord,
} from "./api/endpoint.ts";
import { EVENTS } from "./api/event_endpoints.ts";
import type { ControlEndpoint } from "./control_endpoint.ts";
import { unreachableNode } from "./remote_endpoint.ts";
import { serverSentEvents, SilenceTimer } from "./server_sent_events.ts";

/** Which events a stream has. */
export interface EventQuery {
  /** Types, separated by commas. @default all */
  readonly type?: string;
  /** Messages of this topic only. */
  readonly topic?: string;
}

/** Options of {@linkcode ControlClient.events}. */
export interface EventsOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /** Begins after the event with this id, if the node still has it. */
  readonly since?: string;
  /** Called with the id that ends the beginning, and that of each event before the event. */
  readonly onId?: (id: string) => void;
  /** Called when the stream has begun. */
  readonly onOpen?: () => void;
}

/** Options of a request besides its input. */
interface CallOptions {
  /** Sent as the body; the input is in the query then. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined;
  /** How much longer than usual the answer may take, milliseconds. */
  readonly waitMs?: number | undefined;
  readonly lastEventId?: string | undefined;
}

/** A connection to one node. */
export class ControlConnection implements Disposable {
  /** Where the node is. */
  readonly endpoint: ControlEndpoint;
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #client: Deno.HttpClient | undefined;
  readonly #clock: Clock;

  /** @throws {VerackError} `permission`, or `connection-refused` where no node can be. */
  constructor(endpoint: ControlEndpoint, clock: Clock) {
    const { url, token, socket: path, caCerts } = endpoint;
    this.endpoint = endpoint;
    this.#clock = clock;
    this.#base = url;
    this.#token = token;
    if (path === undefined && caCerts === undefined) return;
    try {
      this.#client = Deno.createHttpClient({
        ...(path !== undefined && { proxy: { transport: "unix", path } }),
        ...(caCerts !== undefined && { caCerts: [...caCerts] }),
      });
    } catch (error) {
      throw unreachableNode(error, endpoint);
    }
  }

  /** As {@linkcode ControlClient.events}. */
  async *events(
    query: EventQuery = {},
    { signal, since, onId, onOpen }: EventsOptions = {},
  ): AsyncGenerator<ControlEvent> {
    using silence = new SilenceTimer(this.#clock, signal);
    const response = await this.#fetch(API.events, query, silence.signal, {
      lastEventId: since,
    });
    if (!response.ok || response.body === null) {
      return await this.#refuse(response, silence.signal);
    }
    await this.#requireEvents(response);
    try {
      const chunks = silence.watch(response.body);
      onOpen?.();
      for await (const { id, data } of serverSentEvents(chunks)) {
        if (id !== undefined) onId?.(id);
        if (data === "") continue;
        const event = this.#event(data);
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      throw this.#lost(error);
    }
  }

  /**
   * Carries out an operation: its records, until it has ended. Types that this version does not
   * know are skipped. To leave the iteration, or `signal`, ends the operation.
   *
   * @throws {VerackError} the error of the operation; `closed` or `timeout` when the connection
   * broke before its end; `aborted` by the signal.
   */
  async *operate<I extends Fields, R extends OperationRecord>(
    operation: Operation<I, R>,
    input: Input<Operation<I, R>>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<R> {
    using silence = new SilenceTimer(this.#clock, signal);
    try {
      const response = await this.#fetch(operation, input, silence.signal, {});
      if (!response.ok || response.body === null) {
        return await this.#refuse(response, silence.signal);
      }
      await this.#requireEvents(response);
      const chunks = silence.watch(response.body);
      for await (const { event, data } of serverSentEvents(chunks)) {
        if (event === "end") return;
        const value = this.#json(data);
        if (event === "error") throw this.#failure(value, ALL_CODES);
        const { type } = this.#parse(TYPED, value);
        const { records } = operation;
        const schema = Object.hasOwn(records, type) ? records[type] : undefined;
        if (schema !== undefined) yield this.#parse(schema, value);
      }
    } catch (error) {
      if (signal?.aborted) {
        const text = `Cannot complete ${operation.path}: it was aborted`;
        throw new VerackError("aborted", text, { cause: error });
      }
      if (error instanceof RangeError) throw error;
      throw this.#lost(error);
    }
    throw lostNode(this.endpoint, "it ended before the operation did");
  }

  /** Closes its connections. */
  [Symbol.dispose](): void {
    this.#client?.close();
  }

  /** Sends a request, and returns its answer. */
  async call<I extends Fields, A>(
    endpoint: Endpoint<I, A>,
    input: Input<Endpoint<I, A>>,
    options: CallOptions = {},
  ): Promise<A> {
    const limitMs = CONTROL_ANSWER_TIMEOUT_MS + (options.waitMs ?? 0);
    using limit = deadline(this.#clock, limitMs);
    const { signal } = limit;
    const response = await this.#fetch(endpoint, input, signal, options);
    const value = await this.#value(response, signal);
    // The same status may be that of an error.
    const isAnswer = response.ok ||
      response.status === endpoint.failingStatus && !isFailure(value);
    if (!isAnswer) throw this.#failure(value);
    return this.#parse(endpoint.answer, value);
  }

  async #fetch(
    { method, path }: Pick<Endpoint, "method" | "path">,
    input: object,
    signal: AbortSignal,
    { bytes, lastEventId }: CallOptions,
  ): Promise<Response> {
    const url = new URL(path, this.#base);
    if (method === "GET" || bytes !== undefined) {
      for (const [name, value] of Object.entries(input)) {
        url.searchParams.set(name, `${value}`);
      }
    }
    const headers = new Headers();
    if (this.#token !== undefined) {
      headers.set("authorization", `Bearer ${this.#token}`);
    }
    if (lastEventId !== undefined) headers.set("last-event-id", lastEventId);
    if (method === "POST") {
      const type = bytes === undefined ? "json" : "octet-stream";
      headers.set("content-type", `application/${type}`);
    }
    try {
      return await fetch(url, {
        method,
        redirect: "error",
        headers,
        ...(method === "POST" && { body: bytes ?? JSON.stringify(input) }),
        signal,
        ...(this.#client !== undefined && { client: this.#client }),
      });
    } catch (error) {
      if (signal.aborted) throw this.#lost(signal.reason);
      throw unreachableNode(error, this.endpoint);
    }
  }

  /** Refuses the page of a web server, which would be a stream without events. */
  async #requireEvents({ headers, body }: Response): Promise<void> {
    const type = headers.get("content-type") ?? EVENT_STREAM;
    if (type.startsWith(EVENT_STREAM)) return;
    await body?.cancel().catch(() => {});
    throw this.#strange("content-type");
  }

  /** Throws the error in an answer that is not a success. */
  async #refuse(response: Response, signal: AbortSignal): Promise<never> {
    const value = await this.#value(response, signal);
    throw response.ok ? this.#strange() : this.#failure(value);
  }

  /** The JSON of an answer. */
  async #value(response: Response, signal: AbortSignal): Promise<unknown> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    try {
      for await (const chunk of response.body ?? []) {
        length += chunk.length;
        if (length > MAX_CONTROL_ANSWER_BYTES) throw this.#strange();
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#lost(signal.aborted ? signal.reason : error);
    }
    return this.#json(await new Blob(chunks).text());
  }

  /** The error in the answer to a request that failed. */
  #failure(
    value: unknown,
    passedOn: ReadonlySet<string> = PASSED_ON,
  ): RangeError | VerackError {
    const { error } = this.#parse(FAILURE, value);
    const message = escapeText(error.message, { max: 1_024 });
    if (error.code === "bad-request") return new RangeError(message);
    const { data, remoteCode } = error;
    if (isErrorCode(remoteCode)) {
      return new RequestError(remoteCode, message, { data });
    }
    const code = passedOn.has(error.code)
      ? error.code as ErrorCode
      : "rejected";
    return new VerackError(code, message, detailsOf(error));
  }

  #event(data: string): ControlEvent | undefined {
    const value = this.#json(data);
    const { type } = this.#parse(TYPED, value);
    return isKnownType(type)
      ? this.#parse<ControlEvent>(EVENTS[type], value)
      : undefined;
  }

  #json(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#strange();
    }
  }

  #parse<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
    const { success, output, issues } = v.safeParse(schema, value);
    if (success) return output;
    throw this.#strange(v.getDotPath(issues[0]) ?? undefined);
  }

  /** The connection ended, or the node did not answer in time. */
  #lost(error: unknown): Error {
    if (error instanceof VerackError) return error;
    const silent = isTimeout(error);
    const why = silent ? "it does not answer" : messageOf(error);
    const code = silent ? "timeout" : "closed";
    return lostNode(this.endpoint, why, code, { cause: error });
  }

  /** @param field The wrong field of the answer. */
  #strange(field?: string): VerackError {
    return new VerackError(
      "protocol",
      `Cannot understand the node ${this.endpoint.label}: its answer is not that of verack's control API${
        field === undefined ? "" : ` (${escapeText(field, { max: 128 })})`
      }`,
    );
  }
}

const EVENT_STREAM = "text/event-stream";

/** The error for a node that was reached and is not any more. */
export function lostNode(
  { label }: Pick<ControlEndpoint, "label">,
  why: string,
  code: "closed" | "timeout" = "closed",
  options?: ErrorOptions,
): VerackError {
  const text = `Lost the node ${label}: ${why}`;
  return new VerackError(code, text, options);
}

/** Error codes of a request that are passed on; any other becomes `rejected`. */
const PASSED_ON = codesWhere(({ status }) => status !== undefined);
/** Those of an operation that had begun. */
const ALL_CODES = codesWhere(() => true);

const detail = v.exactOptional(v.union([v.string(), v.number()]));
const FAILURE = v.looseObject({
  error: v.looseObject({
    code: v.string(),
    message: v.string(),
    expected: detail,
    actual: detail,
    remoteCode: v.exactOptional(v.string()),
    data: v.exactOptional(v.unknown()),
  }),
});

function isFailure(value: unknown): boolean {
  return v.is(FAILURE, value);
}

const TYPED = v.looseObject({ type: v.string() });

function isKnownType(type: string): type is ControlEvent["type"] {
  return Object.hasOwn(EVENTS, type);
}
