/**
 * HTTP/1.1 by `node:http` over connections that `connection_limiter.ts` accepts, with
 * `Request` and `Response` as types.
 *
 * Not `Deno.serve`: it bounds neither connections nor their idle time, and ends for
 * good when it runs out of file descriptors (Deno 2.9.6).
 */
import { Buffer } from "node:buffer";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { Duplex } from "node:stream";
import type { Clock } from "../core/clock.ts";
import {
  CONTROL_READ_BYTES,
  MAX_CONTROL_HEAD_BYTES,
  MAX_CONTROL_HEADERS,
} from "../limits.ts";
import { FLUSH_TIMEOUT_MS } from "../session/session_limits.ts";
import type { Connection } from "../transport/transport.ts";
import { badRequest, jsonResponse } from "./refusal.ts";

/** Answers the requests of one connection. */
export interface HttpHandler {
  /** Must not reject. A response without `content-length` is a stream of events. */
  answer(request: Request): Promise<Response>;
  /** Called when a response is complete or was given up. */
  answered(): void;
}

/** A connection as a Node stream. */
class HttpStream extends Duplex {
  readonly handler: HttpHandler;
  /** Part of a request is left unread when it closes. */
  lingers = false;
  /** Resolves when the client sends no more. */
  readonly ended: Promise<void>;
  readonly #connection: Connection;
  readonly #onEnded: () => void;
  readonly #clock: Clock;
  readonly #buffer = new Uint8Array(CONTROL_READ_BYTES);

  constructor(connection: Connection, handler: HttpHandler, clock: Clock) {
    super({ allowHalfOpen: true, emitClose: true });
    this.handler = handler;
    this.#connection = connection;
    this.#clock = clock;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#onEnded = resolve;
    // An error without a listener would end the process.
    this.on("error", () => {});
  }

  /**
   * Called by `node:http` after the last response. To close with bytes unread would
   * reset the connection, and the client could lose the response: it has a second to
   * read it.
   */
  destroySoon(): void {
    this.end(() => {
      if (!this.lingers) return void this.destroy();
      const cancel = this.#clock.after(FLUSH_TIMEOUT_MS, () => this.destroy());
      this.once("close", cancel);
      this.resume();
    });
    void this.ended.then(() => this.destroy());
  }

  override _read(): void {
    this.#connection.read(this.#buffer).then((count) => {
      if (count === null) this.#onEnded();
      this.push(
        count === null ? null : Buffer.from(this.#buffer.slice(0, count)),
      );
    }, (error) => this.destroy(error));
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    this.#send(chunk).then(() => callback(), callback);
  }

  override _destroy(
    error: Error | null,
    callback: (error?: Error | null) => void,
  ): void {
    this.#connection.close();
    this.#onEnded();
    callback(error);
  }

  async #send(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      at += await this.#connection.write(chunk.subarray(at));
    }
  }
}

/** Serves HTTP on any number of connections. */
export class HttpConnections {
  readonly #server: Server;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    const options = { maxHeaderSize: MAX_CONTROL_HEAD_BYTES };
    this.#server = createServer(options, (incoming, outgoing) => {
      void exchange(incoming, outgoing);
    });
    this.#server.maxHeadersCount = MAX_CONTROL_HEADERS;
    // The connection limiter has deadlines, by the injected clock.
    this.#server.timeout = 0;
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.headersTimeout = 0;
    // A client that has ended its side may still wait for a response.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // A server that is not listening closes a connection after its first response.
    Object.defineProperty(this.#server, "listening", { value: true });
  }

  /** Serves a connection; resolves once it is closed, by either end or by `signal`. */
  async serve(
    connection: Connection,
    handler: HttpHandler,
    signal: AbortSignal,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stream = new HttpStream(connection, handler, this.#clock);
    const destroy = () => void stream.destroy();
    stream.once("close", resolve);
    signal.addEventListener("abort", destroy, { once: true });
    if (signal.aborted) destroy();
    else this.#server.emit("connection", stream);
    await promise;
    signal.removeEventListener("abort", destroy);
  }
}

/** Handles one request. */
async function exchange(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const stream = incoming.socket as unknown as HttpStream;
  outgoing.on("error", () => {});
  incoming.on("error", () => {});
  const request = requestOf(incoming);
  const answer = request === undefined
    ? Promise.resolve(malformed())
    : stream.handler.answer(request);
  try {
    await send(await answer, { incoming, outgoing, stream });
  } catch {
    stream.destroy();
  } finally {
    if (request !== undefined) stream.handler.answered();
  }
}

function malformed(): Response {
  const code = "bad-request";
  const message = "The request line or a header is none that the web has";
  return jsonResponse({ error: { code, message } }, 400, {
    connection: "close",
  });
}

/** As a `Request`; `undefined` if it cannot be one. */
function requestOf(incoming: IncomingMessage): Request | undefined {
  const { method = "", url = "", rawHeaders } = incoming;
  try {
    const headers = new Headers();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      headers.append(`${rawHeaders[i]}`, `${rawHeaders[i + 1]}`);
    }
    const hasBody = method !== "GET" && method !== "HEAD" &&
      (headers.has("content-length") || headers.has("transfer-encoding"));
    const target = url.startsWith("/")
      ? `http://${headers.get("host")}${url}`
      : url;
    return new Request(target, {
      method,
      headers,
      ...(hasBody && { body: ReadableStream.from(bodyOf(incoming)) }),
    });
  } catch {
    return undefined;
  }
}

/** Not destroyed when its reader stops early, so that a response can still be sent. */
async function* bodyOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* incoming.iterator({ destroyOnReturn: false });
  } catch {
    throw badRequest("The body broke off");
  }
}

/** One request and its response. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly stream: HttpStream;
}

async function send(
  response: Response,
  { incoming, outgoing, stream }: Exchange,
): Promise<void> {
  const gone = Promise.withResolvers<void>();
  outgoing.once("close", gone.resolve);
  if (outgoing.destroyed) gone.resolve();
  // The rest of a request that was refused is not read.
  if (!incoming.complete) {
    stream.lingers = true;
    response.headers.set("connection", "close");
  }
  outgoing.writeHead(response.status, [...response.headers].flat());
  const reader = response.body?.getReader();
  if (reader !== undefined) {
    // A stream of events ends when the client ends its side.
    if (!response.headers.has("content-length")) {
      void stream.ended.then(gone.resolve);
    }
    let isGone = false;
    void gone.promise.then(() => {
      isGone = true;
      return reader.cancel();
    }).catch(() => {});
    for (
      let { value } = await reader.read();
      value !== undefined && !isGone;
      { value } = await reader.read()
    ) {
      if (outgoing.write(value)) continue;
      const drained = Promise.withResolvers<void>();
      outgoing.once("drain", drained.resolve);
      await Promise.race([drained.promise, gone.promise]);
    }
    if (isGone) return void stream.destroy();
  }
  outgoing.end();
  const finished = Promise.withResolvers<void>();
  outgoing.once("finish", finished.resolve);
  await Promise.race([finished.promise, gone.promise]);
}
