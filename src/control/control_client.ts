/**
 * The other end of the control API: asks the node of a data directory, from
 * another process. What the node says is checked for size and shape; what it
 * means is up to the commands.
 */
import { type ErrorCode, messageOf, VerackError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import { MAX_CONTROL_ANSWER_BYTES } from "../limits.ts";
import { findPlace, notRunning } from "./places.ts";

/** A question: what to do, and what goes with it. */
export interface ControlRequest {
  readonly method: "GET" | "POST";
  /** With the version: `/v1/status`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Bytes go as they are, anything else as JSON. */
  readonly body?: Uint8Array<ArrayBuffer> | Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
}

/** Reasons of a node that are passed on as its own. */
const KNOWN_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "ambiguous",
  "denied",
  "full",
  "rejected",
  "stopped",
  "timeout",
  "undelivered",
  "unknown-peer",
]);

/** A way to one node; dispose of it. */
export class ControlClient implements Disposable {
  readonly #directory: string;
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #client: Deno.HttpClient | undefined;

  private constructor(
    directory: string,
    base: string,
    token: string | undefined,
    client: Deno.HttpClient | undefined,
  ) {
    this.#directory = directory;
    this.#base = base;
    this.#token = token;
    this.#client = client;
  }

  /**
   * Finds the node of a data directory; whether it answers shows when it is asked.
   *
   * @throws {VerackError} `refused` when none has been running there, `permission`,
   * `bad-data`, `unsafe`.
   */
  static async find(directory: string): Promise<ControlClient> {
    const place = await findPlace(directory);
    if (place.kind === "http") {
      return new ControlClient(directory, place.url, place.token, undefined);
    }
    const { path } = place;
    try {
      const client = Deno.createHttpClient({
        proxy: { transport: "unix", path },
      });
      return new ControlClient(
        directory,
        "http://localhost",
        undefined,
        client,
      );
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
    const response = await this.#fetch(request);
    const bytes = await this.#read(response);
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
    signal?: AbortSignal,
  ): AsyncGenerator<{ type: string } & Record<string, unknown>> {
    const response = await this.#fetch({
      method: "GET",
      path: "/v1/events",
      query,
      ...(signal !== undefined && { signal }),
    });
    if (!response.ok || response.body === null) {
      const bytes = await this.#read(response);
      const fields = JSON.parse(new TextDecoder().decode(bytes));
      throw errorOf(fields.error) ?? this.#strange();
    }
    try {
      for await (const data of dataOf(response.body)) yield JSON.parse(data);
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof VerackError) throw error;
      throw new VerackError(
        "closed",
        `Lost the node in "${escapeText(this.#directory)}": ${
          messageOf(error)
        }`,
        { cause: error },
      );
    }
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }

  async #fetch(request: ControlRequest): Promise<Response> {
    const { method, path, query = {}, body, signal } = request;
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
        ...(signal !== undefined && { signal }),
        ...(this.#client !== undefined && { client: this.#client }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw clientError(error, this.#directory);
    }
  }

  async #read(response: Response): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MAX_CONTROL_ANSWER_BYTES) throw this.#strange();
      chunks.push(chunk);
    }
    return new Uint8Array(
      await new Blob(chunks.map((it) => it.slice())).arrayBuffer(),
    );
  }

  #strange(): VerackError {
    return new VerackError(
      "protocol",
      `Cannot understand the node in "${
        escapeText(this.#directory)
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
      `Cannot reach a node in "${
        escapeText(directory)
      }": Deno does not permit it, add --allow-net, --allow-read and --allow-write=${
        escapeText(directory)
      }`,
      { cause: error },
    );
  }
  // Nobody answers behind the socket: whoever made it has died.
  return notRunning(directory);
}

/** The data of each server-sent event; events without any, and comments, are skipped. */
async function* dataOf(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    let end = rest.indexOf("\n\n");
    for (; end >= 0; end = rest.indexOf("\n\n")) {
      const data = rest.slice(0, end).split("\n")
        .filter((line) => line.startsWith("data: "))
        .map((line) => line.slice("data: ".length)).join("\n");
      rest = rest.slice(end + 2);
      if (data !== "") yield data;
    }
    if (rest.length > MAX_CONTROL_ANSWER_BYTES) {
      throw new VerackError("oversize", "Cannot read events: one is too large");
    }
  }
}
