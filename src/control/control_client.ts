/**
 * The other end of the control API: asks the node of a data directory, from
 * another process. What the node says is checked for size and shape; what it
 * means is up to the commands.
 */
import { type Clock, deadline, systemClock } from "../core/clock.ts";
import { codesWhere, type ErrorCode } from "../core/error_code.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import {
  CONTROL_ANSWER_TIMEOUT_MS,
  CONTROL_SILENCE_MS,
  MAX_CONTROL_ANSWER_BYTES,
} from "../limits.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { findControlEndpoint, notRunning } from "./control_endpoint.ts";

/** A question: what to do, and what goes with it. */
export interface ControlRequest {
  readonly method: "GET" | "POST";
  /** With the version: `/v1/status`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Bytes go as they are, anything else as JSON. */
  readonly body?: Uint8Array<ArrayBuffer> | Readonly<Record<string, unknown>>;
  /** How long the node may take beside the time that any answer needs, milliseconds. */
  readonly waitMs?: number;
}

/** Codes that an answer of a node can have. */
const KNOWN_CODES: ReadonlySet<string> = codesWhere(({ status }) =>
  status !== undefined
);

/** Something that happened at a node. */
export type WatchedEvent = { type: string } & Record<string, unknown>;

/** Options of `ControlClient.events`. */
export interface EventsOptions {
  readonly signal?: AbortSignal;
  /** Only what came after the event of this id, if the node still has it. */
  readonly since?: string;
  /** Called with the id of each event before that. */
  readonly onId?: (id: string) => void;
  /** The stream has begun. */
  readonly onOpen?: () => void;
}

/** A way to one node; dispose of it. */
export class ControlClient implements Disposable {
  /** Of the node. */
  readonly directory: string;
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #client: Deno.HttpClient | undefined;
  readonly #clock: Clock;

  private constructor(
    directory: string,
    clock: Clock,
    way: {
      readonly base: string;
      readonly token?: string;
      readonly client?: Deno.HttpClient;
    },
  ) {
    this.directory = directory;
    this.#clock = clock;
    this.#base = way.base;
    this.#token = way.token;
    this.#client = way.client;
  }

  /**
   * Finds the node of a data directory; whether it answers shows when it is asked.
   *
   * @throws {VerackError} `refused` when none has been running there, `permission`,
   * `bad-data`, `unsafe`.
   */
  static async find(
    directory: string,
    clock: Clock = systemClock,
  ): Promise<ControlClient> {
    const place = await findControlEndpoint(directory);
    if (place.kind === "http") {
      const { url: base, token } = place;
      return new ControlClient(directory, clock, { base, token });
    }
    const { path } = place;
    try {
      const client = Deno.createHttpClient({
        proxy: { transport: "unix", path },
      });
      return new ControlClient(directory, clock, {
        base: "http://localhost",
        client,
      });
    } catch (error) {
      throw clientError(error, directory);
    }
  }

  /**
   * Asks, and returns the answer.
   *
   * @throws {VerackError} the node's own error, or `refused` when no node runs there.
   * @throws {RangeError} when the node finds the request itself wrong.
   */
  async ask(request: ControlRequest): Promise<Record<string, unknown>> {
    const limitMs = CONTROL_ANSWER_TIMEOUT_MS + (request.waitMs ?? 0);
    using limit = deadline(this.#clock, limitMs);
    const response = await this.#fetch(request, limit.signal);
    const bytes = await this.#read(response, limit.signal);
    let answer: unknown;
    try {
      answer = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      throw this.#strange();
    }
    if (typeof answer !== "object" || answer === null) throw this.#strange();
    const fields: Record<string, unknown> = { ...answer };
    if (response.ok) return fields;
    throw errorOf(fields.error) ?? this.#strange();
  }

  /**
   * What happens at the node, until it stops: each an object with `type` and `time`.
   *
   * @throws {VerackError} as {@linkcode ask}; `closed` when the stream breaks off.
   */
  async *events(
    query: Readonly<Record<string, string>> = {},
    { signal, since, onId, onOpen }: EventsOptions = {},
  ): AsyncGenerator<WatchedEvent> {
    using silence = new Silence(this.#clock, signal);
    const response = await this.#fetch(
      { method: "GET", path: "/v1/events", query },
      silence.signal,
      since === undefined ? {} : { "last-event-id": since },
    );
    if (!response.ok || response.body === null) {
      const bytes = await this.#read(response, silence.signal);
      const fields = JSON.parse(new TextDecoder().decode(bytes));
      throw errorOf(fields.error) ?? this.#strange();
    }
    try {
      const chunks = silence.watch(response.body);
      onOpen?.();
      for await (const { id, data } of serverSentEvents(chunks)) {
        if (id !== undefined) onId?.(id);
        yield JSON.parse(data);
      }
    } catch (error) {
      if (signal?.aborted) return;
      throw this.#lost(error);
    }
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }

  async #fetch(
    request: ControlRequest,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const { method, path, query = {}, body } = request;
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      url.searchParams.set(name, value);
    }
    const bytes = body instanceof Uint8Array;
    try {
      return await fetch(url, {
        method,
        redirect: "error",
        headers: {
          ...headers,
          ...(this.#token !== undefined && {
            authorization: `Bearer ${this.#token}`,
          }),
          ...(body !== undefined && {
            "content-type": bytes
              ? "application/octet-stream"
              : "application/json",
          }),
        },
        ...(body !== undefined &&
          { body: bytes ? body : JSON.stringify(body) }),
        signal,
        ...(this.#client !== undefined && { client: this.#client }),
      });
    } catch (error) {
      if (signal.aborted) throw this.#lost(signal.reason);
      throw clientError(error, this.directory);
    }
  }

  async #read(response: Response, signal: AbortSignal): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
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
    return new Uint8Array(
      await new Blob(chunks.map((it) => it.slice())).arrayBuffer(),
    );
  }

  /** It began to answer, or took the question, and was not heard of again. */
  #lost(error: unknown): Error {
    if (error instanceof VerackError) return error;
    const silent = error instanceof DOMException &&
      error.name === "TimeoutError";
    return new VerackError(
      silent ? "timeout" : "closed",
      `Lost the node in "${escapeText(this.directory)}": ${
        silent ? "it does not answer" : messageOf(error)
      }`,
      { cause: error },
    );
  }

  #strange(): VerackError {
    return new VerackError(
      "protocol",
      `Cannot understand the node in "${
        escapeText(this.directory)
      }": its answer is not that of verack's control API`,
    );
  }
}

function errorOf(error: unknown): Error | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, message } = { code: "", message: "", ...error };
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  const shown = escapeText(message, { max: 1_024 });
  if (code === "bad-request") return new RangeError(shown);
  const known = KNOWN_CODES.has(code) ? code as ErrorCode : "rejected";
  return new VerackError(known, shown);
}

function clientError(error: unknown, directory: string): VerackError {
  if (error instanceof Deno.errors.NotCapable) {
    return new VerackError(
      "permission",
      `Cannot reach a node in "${escapeText(directory)}": ${
        escapeText(missingFlag(error.message), { max: 1_000 })
      }`,
      { cause: error },
    );
  }
  // Nobody answers behind the socket: whoever made it has died.
  return notRunning(directory);
}

/** Aborts when a stream has been silent for too long. */
class Silence implements Disposable {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #until: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort(this.#until?.reason);
  #cancel: () => void = () => {};

  constructor(clock: Clock, until: AbortSignal | undefined) {
    this.#clock = clock;
    this.#until = until;
    if (until?.aborted) this.#onAbort();
    until?.addEventListener("abort", this.#onAbort, { once: true });
    this.#restart(CONTROL_ANSWER_TIMEOUT_MS);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async *watch(
    body: ReadableStream<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    this.#restart(CONTROL_SILENCE_MS);
    for await (const chunk of body) {
      // While the reader is busy with it, the node is not the one that is silent.
      this.#cancel();
      yield chunk;
      this.#restart(CONTROL_SILENCE_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#until?.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
  }

  #restart(limitMs: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(limitMs, () => {
      this.#controller.abort(new DOMException("silent", "TimeoutError"));
    });
  }
}

/** Each server-sent event; those without data, and comments, are skipped. */
async function* serverSentEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly id: string | undefined; readonly data: string }> {
  const decoder = new TextDecoder();
  const field = (lines: string[], name: string) =>
    lines.filter((line) => line.startsWith(`${name}: `))
      .map((line) => line.slice(name.length + 2));
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\n");
      const data = field(lines, "data").join("\n");
      if (data !== "") yield { id: field(lines, "id")[0], data };
    }
    if (rest.length > MAX_CONTROL_ANSWER_BYTES) {
      throw new VerackError("oversize", "Cannot read events: one is too large");
    }
  }
}
