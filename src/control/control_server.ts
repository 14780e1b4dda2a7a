/**
 * The control API of a running node, served over HTTP: on a Unix socket in its
 * data directory, on loopback with a token, or elsewhere with TLS and a token.
 * This file listens, counts and ends; `routes.ts` says what can be asked.
 */
import type { Clock } from "../clock.ts";
import { messageOf, VerackError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import {
  FLUSH_TIMEOUT_MS,
  MAX_CONTROL_REQUESTS,
  MAX_CONTROL_STREAMS,
} from "../limits.ts";
import { type Log, logger } from "../log.ts";
import type { Node } from "../mesh/node.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { BodyReader } from "./body.ts";
import { EventStream, type StreamedEvent } from "./event_stream.ts";
import type { Front } from "./front.ts";
import { guard, type GuardOptions } from "./guard.ts";
import {
  errorResponse,
  jsonResponse,
  Refusal,
  streamResponse,
} from "./refusal.ts";
import { follow } from "./routes.ts";

/** Options of {@linkcode ControlServer}. */
export interface ControlServerOptions {
  readonly node: Node;
  readonly clock: Clock;
  /** Somebody asked the process to leave. */
  readonly onStop: () => void;
}

/** Where a server listens, and of whom it takes requests there. */
export interface Door {
  readonly listen:
    | { readonly path: string }
    | { readonly hostname: string; readonly port: number };
  readonly guard: GuardOptions;
}

/** Serves one node, at any number of doors. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlServerOptions;
  readonly #bodies: BodyReader;
  readonly #log: Log = logger("control");
  readonly #servers: Deno.HttpServer[] = [];
  readonly #fronts: Front[] = [];
  readonly #streams = new Set<EventStream>();
  /** Answers that are not out yet. */
  readonly #sending = new Set<Promise<void>>();
  /** Waits of requests end. */
  readonly #stop = new AbortController();
  /** Connections end, whatever they are in the middle of. */
  readonly #cut = new AbortController();
  #requests = 0;
  #slow = 0;
  #closing: Promise<void> | undefined;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#bodies = new BodyReader(options.clock);
  }

  /**
   * Listens at one more door.
   *
   * @returns The port, or 0 for a Unix socket.
   * @throws {VerackError} `address-in-use`, `address-not-available`, `permission`.
   */
  open(door: Door): number {
    const handler = (
      request: Request,
      info: Deno.ServeHandlerInfo<Deno.Addr>,
    ) => {
      const sending = info.completed.catch(() => {})
        .finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
      return this.#answer(request, door.guard);
    };
    try {
      const server = Deno.serve({
        ...door.listen,
        signal: this.#cut.signal,
        onListen: () => {},
        onError: (error: unknown) => this.#fault(error),
      } as Deno.ServeTcpOptions, handler);
      this.#servers.push(server);
      return "port" in server.addr ? server.addr.port : 0;
    } catch (error) {
      throw listenError(error, door);
    }
  }

  /** Closes a front with this server. */
  adopt(front: Front): void {
    this.#fronts.push(front);
  }

  /** Tells those who watch of something that is no event of the node. */
  publish(event: StreamedEvent): void {
    for (const stream of this.#streams) stream.push(event);
  }

  /** Ends streams, lets answers under way go out, and stops listening. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const stream of [...this.#streams]) stream.end();
    this.#stop.abort(new VerackError("stopped", "This node is closing"));
    // Who does not read its answer must not keep the process from ending; and
    // Deno's own shutdown() cannot be cut short once it waits.
    const { clock } = this.#options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(FLUSH_TIMEOUT_MS, late.resolve);
    await Promise.race([Promise.allSettled(this.#sending), late.promise]);
    cancel();
    this.#cut.abort();
    await Promise.all(this.#servers.map((server) => server.finished));
    await Promise.all(this.#fronts.map((front) => front.close()));
  }

  async #answer(request: Request, options: GuardOptions): Promise<Response> {
    if (this.#closing !== undefined) {
      return this.#failed(
        new Refusal(503, "unavailable", "This node is closing"),
      );
    }
    if (this.#requests >= MAX_CONTROL_REQUESTS) {
      return this.#failed(
        new Refusal(503, "busy", "Too many requests are being carried out"),
      );
    }
    this.#requests++;
    try {
      guard(request, options);
      const url = new URL(request.url);
      const { status, answer } = await follow({
        node: this.#options.node,
        bodies: this.#bodies,
        request,
        query: url.searchParams,
        patience: (ms) => this.#patience(ms),
        control: () => this.#figures(),
        watch: (query) => this.#watch(query),
        stop: () => this.#options.onStop(),
      }, url.pathname);
      return answer instanceof Response ? answer : jsonResponse(answer, status);
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#requests--;
    }
  }

  /** Waits; ends at once when the server closes. */
  #patience(ms: number): Promise<void> & Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { signal } = this.#stop;
    const cancel = this.#options.clock.after(ms, resolve);
    if (signal.aborted) resolve();
    const onStop = () => resolve();
    signal.addEventListener("abort", onStop, { once: true });
    return Object.assign(promise, {
      [Symbol.dispose]: () => {
        cancel();
        signal.removeEventListener("abort", onStop);
      },
    });
  }

  #watch(query: URLSearchParams): Response {
    if (this.#streams.size >= MAX_CONTROL_STREAMS) {
      throw new Refusal(
        503,
        "busy",
        `${MAX_CONTROL_STREAMS} are watching already, must be fewer`,
      );
    }
    const { node, clock } = this.#options;
    const gone = new AbortController();
    const stream = new EventStream(clock, {
      wanted: wantedEvents(query),
      onEnd: (slow) => {
        this.#streams.delete(stream);
        gone.abort();
        if (!slow) return;
        this.#slow++;
        this.#log.warn("stream dropped", { reason: "it is read too slowly" });
      },
    });
    this.#streams.add(stream);
    // It ends with the node, or when the stream does.
    void (async () => {
      for await (const event of node.events({ signal: gone.signal })) {
        stream.push(event);
      }
      stream.end();
    })();
    return streamResponse(stream.body);
  }

  #figures(): Record<string, number> {
    return {
      requests: this.#requests,
      streams: this.#streams.size,
      streamsDropped: this.#slow,
    };
  }

  #failed(error: unknown): Response {
    return errorResponse(error) ?? this.#fault(error);
  }

  /** A fault of ours: the log has it, the answer says no more than that. */
  #fault(error: unknown): Response {
    this.#log.error("request failed", { reason: messageOf(error) });
    const message = "This node has a fault; its log says more";
    return jsonResponse({ error: { code: "internal", message } }, 500);
  }
}

/** Which events a query asks for: of some types, messages of one topic. */
function wantedEvents(
  query: URLSearchParams,
): (event: StreamedEvent) => boolean {
  const types = query.get("type")?.split(",");
  const topic = query.get("topic");
  return (event) =>
    (types === undefined || types.includes(event.type)) &&
    (topic === null || !("topic" in event) || event.topic === topic);
}

function listenError(error: unknown, { listen }: Door): VerackError {
  const where = "path" in listen
    ? listen.path
    : `${listen.hostname}:${listen.port}`;
  const fail = (
    code: "address-in-use" | "address-not-available" | "permission",
    why: string,
  ) =>
    new VerackError(
      code,
      `Cannot serve control at ${escapeText(where)}: ${why}`,
      { cause: error },
    );
  if (error instanceof Deno.errors.AddrInUse) {
    return fail("address-in-use", "it is taken");
  }
  if (error instanceof Deno.errors.NotCapable) {
    return fail(
      "permission",
      escapeText(missingFlag(error.message), { max: 1_000 }),
    );
  }
  return fail("address-not-available", messageOf(error));
}
