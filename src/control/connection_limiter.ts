/**
 * The connections of the control API's listeners: {@linkcode ConnectionLimiter} bounds
 * their number and idle time, {@linkcode HttpConnections} speaks HTTP/1.1 on them by
 * `node:http`. `guard.ts` decides for each request whether it is allowed.
 *
 * Not by `Deno.serve`: it bounds neither connections nor their idle time, and ends for
 * good when it runs out of file descriptors (Deno 2.9.6).
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type Duplex, Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import type { Clock } from "../core/clock.ts";
import {
  CONTROL_IDLE_MS,
  CONTROL_READ_BYTES,
  CONTROL_STRANGER_MS,
  MAX_CONTROL_CONNECTIONS,
  MAX_CONTROL_HEAD_BYTES,
  MAX_CONTROL_HEADERS,
  MAX_CONTROL_PIPELINED,
} from "./control_limits.ts";
import { FLUSH_TIMEOUT_MS } from "../session/session_limits.ts";
import { TcpStream } from "../transport/tls_connection.ts";
import type { Connection, Incoming, Listener } from "../transport/transport.ts";
import { jsonLine } from "../core/escape.ts";
import { badRequest } from "./guard.ts";

/** Options of {@linkcode ConnectionLimiter}. */
export interface ConnectionLimiterOptions {
  readonly listener: Listener;
  readonly http: HttpConnections;
  /**
   * Calls `onAllowed` once the guard lets the request through, or `onVisitor` if it needs no
   * permission. Must not reject.
   */
  readonly answer: (
    request: Request,
    callbacks: {
      readonly onAllowed: () => void;
      readonly onVisitor: () => void;
    },
  ) => Promise<Response>;
  readonly clock: Clock;
}

/** One accepted connection. */
class ClientConnection {
  readonly closing = new AbortController();
  /** One of its requests was allowed. */
  isAllowed = false;
  /** Requests without a complete response. */
  busy = 0;
  readonly #clock: Clock;
  #cancel: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Closes it after this time, if it is open; replaces an earlier limit. */
  limit(ms: number): void {
    this.#cancel();
    if (this.closing.signal.aborted) return;
    this.#cancel = this.#clock.after(ms, () => this.closing.abort());
  }

  /** Removes the limit. */
  unlimited(): void {
    this.#cancel();
    this.#cancel = () => {};
  }
}

/** Accepts connections, at most {@linkcode MAX_CONTROL_CONNECTIONS} at once. */
export class ConnectionLimiter {
  readonly #options: ConnectionLimiterOptions;
  /** Oldest first. */
  readonly #clients = new Map<ClientConnection, Promise<void>>();
  readonly #loop: Promise<void>;
  #busy = 0;
  #onIdle: () => void = () => {};

  constructor(options: ConnectionLimiterOptions) {
    this.#options = options;
    this.#loop = this.#accept();
  }

  /** Stops listening; resolves once all responses under way are complete. */
  async drain(): Promise<void> {
    this.#options.listener.close();
    await this.#loop;
    if (this.#busy === 0) return;
    await new Promise<void>((resolve) => this.#onIdle = resolve);
  }

  /** Stops listening, and closes all connections at once. */
  async close(): Promise<void> {
    this.#options.listener.close();
    await this.#loop;
    for (const client of this.#clients.keys()) client.closing.abort();
    await Promise.all(this.#clients.values());
  }

  async #accept(): Promise<void> {
    const { listener, clock } = this.#options;
    for (
      let incoming = await listener.accept();
      incoming !== null;
      incoming = await listener.accept()
    ) {
      if (!this.#makeRoom()) {
        incoming.close();
        continue;
      }
      const client = new ClientConnection(clock);
      const served = this.#serve(client, incoming)
        .finally(() => this.#clients.delete(client));
      this.#clients.set(client, served);
    }
  }

  /** Evicts the oldest without an allowed request, else the oldest idle one. */
  #makeRoom(): boolean {
    if (this.#clients.size < MAX_CONTROL_CONNECTIONS) return true;
    const all = [...this.#clients.keys()];
    const victim = all.find((it) => !it.isAllowed) ??
      all.find((it) => it.busy === 0);
    if (victim === undefined) return false;
    this.#clients.delete(victim);
    victim.closing.abort();
    return true;
  }

  async #serve(client: ClientConnection, incoming: Incoming): Promise<void> {
    const { http } = this.#options;
    const { signal } = client.closing;
    client.limit(CONTROL_STRANGER_MS);
    try {
      const connection = await incoming.open(signal);
      const handle: HttpHandler = (request, respond) =>
        this.#handle(client, request, respond);
      await http.serve(connection, handle, signal);
    } catch {
      // The connection has broken or was closed here.
    } finally {
      client.closing.abort();
      client.unlimited();
    }
  }

  async #handle(
    client: ClientConnection,
    ...[request, respond]: Parameters<HttpHandler>
  ): Promise<void> {
    client.busy++;
    this.#busy++;
    let isAllowed = false;
    let isVisitor = false;
    try {
      const response = await this.#options.answer(request, {
        onAllowed: () => {
          isAllowed = true;
          client.isAllowed = true;
          // Whatever the request waits for has a deadline of its own.
          client.unlimited();
        },
        onVisitor: () => isVisitor = true,
      });
      // More requests of a client that is not allowed are not worth a response. One that loads
      // the page stays a stranger, for as long as strangers have.
      if (!isAllowed) {
        if (!isVisitor || response.status >= 400) {
          response.headers.set("connection", "close");
        }
        // A stream of events lasts as long as its reader; any other body must be read soon.
      } else if (response.headers.has("content-length")) {
        client.limit(CONTROL_IDLE_MS);
      }
      await respond(response);
    } finally {
      client.busy--;
      this.#busy--;
      if (client.busy === 0 && client.isAllowed) client.limit(CONTROL_IDLE_MS);
      if (this.#busy === 0) this.#onIdle();
    }
  }
}

/**
 * Handles a request of one connection: `respond` resolves when the response is complete.
 * A response without `content-length` is a stream of events.
 */
export type HttpHandler = (
  request: Request,
  respond: (response: Response) => Promise<void>,
) => Promise<void>;

/** A connection of a client, for `node:http`. */
class HttpStream extends TcpStream {
  readonly handler: HttpHandler;
  /** Whether part of a request is left unread when it closes. */
  lingers = false;
  /** Resolves when the client sends no more. */
  readonly ended: Promise<void>;
  /** Those of requests that are being handled: aborted when the client sends no more. */
  readonly requests = new Set<AbortController>();
  readonly #clock: Clock;

  constructor(connection: Connection, handler: HttpHandler, clock: Clock) {
    super(connection, CONTROL_READ_BYTES);
    this.handler = handler;
    this.#clock = clock;
    this.ended = finished(this, { writable: false }).catch(() => {})
      .then(() => {
        for (const controller of this.requests) controller.abort();
      });
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
    // One more, as the rest is dropped without a word.
    this.#server.maxHeadersCount = MAX_CONTROL_HEADERS + 1;
    // The connection limiter has deadlines, by the injected clock.
    this.#server.timeout = 0;
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.headersTimeout = 0;
    this.#server.on("clientError", refuse);
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
  const controller = new AbortController();
  stream.requests.add(controller);
  // Each holds its response until the client reads it.
  if (stream.requests.size > MAX_CONTROL_PIPELINED) {
    return void stream.destroy();
  }
  const request = requestOf(incoming, controller.signal);
  const respond = (response: Response) =>
    send(response, { incoming, outgoing, stream });
  try {
    if (request !== undefined) await stream.handler(request, respond);
    else {
      const message =
        "The request line or a header is none that the web has, or there are too many";
      const response = badRequest(message).response();
      response.headers.set("connection", "close");
      await respond(response);
    }
  } catch {
    stream.destroy();
  } finally {
    stream.requests.delete(controller);
  }
}

/** Answers what is no HTTP, or has a head that is too large, and closes the connection. */
function refuse(error: Error & { code?: string }, socket: Duplex): void {
  const stream = socket as HttpStream;
  if (stream.lingers || !stream.writable) return void stream.destroy();
  stream.lingers = true;
  const [status, code, message] = error.code === "HPE_HEADER_OVERFLOW"
    ? [
      "431 Request Header Fields Too Large",
      "too-large",
      `The head of the request is too large, must be at most ${MAX_CONTROL_HEAD_BYTES} bytes; a browser sends the cookies of all ports of a host: delete those of this one`,
    ]
    : ["400 Bad Request", "bad-request", "This is no request of HTTP/1.1"];
  const body = `${jsonLine({ error: { code, message } })}\n`;
  stream.write(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nCache-Control: no-store\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  stream.destroySoon();
}

/** As a `Request`; `undefined` if it cannot be one. */
function requestOf(
  incoming: IncomingMessage,
  signal: AbortSignal,
): Request | undefined {
  const { method = "", url = "", rawHeaders } = incoming;
  if (rawHeaders.length > 2 * MAX_CONTROL_HEADERS) return undefined;
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
      signal,
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
  // The rest of a request that was refused is not read.
  if (!incoming.complete) {
    stream.lingers = true;
    response.headers.set("connection", "close");
  }
  outgoing.writeHead(response.status, [...response.headers].flat());
  const body = Readable.fromWeb(response.body ?? new Blob().stream(), {
    highWaterMark: 1,
  });
  // A stream of events ends when the client ends its side.
  if (!response.headers.has("content-length")) {
    void stream.ended.then(() => body.destroy());
  }
  await pipeline(body, outgoing);
}
