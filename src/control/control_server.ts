/**
 * The control API of a running node, served over HTTP: on a Unix socket in its data
 * directory, on loopback with a token, or elsewhere with TLS and a token.
 * `connection_limiter.ts` accepts connections, `guard.ts` checks each request, and `routes.ts`
 * handles it.
 */
import { type Clock, type Random, systemRandom } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { type Log, logger } from "../core/log.ts";
import {
  MAX_CONTROL_OPERATIONS,
  MAX_CONTROL_REQUESTS,
  MAX_CONTROL_STREAMS,
  SHARED_READING_MS,
} from "./control_limits.ts";
import { FLUSH_TIMEOUT_MS } from "../session/session_limits.ts";
import { TaskSet } from "../core/task_set.ts";
import type { Node } from "../mesh/node.ts";
import type { Listener } from "../transport/transport.ts";
import type { ControlFigures } from "./answers.ts";
import {
  ConnectionLimiter,
  type ConnectionLimiterOptions,
  HttpConnections,
} from "./connection_limiter.ts";
import type { StreamedEvent } from "./event_journal.ts";
import { EventStream, SERVER_SENT_EVENT } from "./event_stream.ts";
import {
  ApiError,
  guard,
  type GuardOptions,
  isPagePath,
  isWorkerRequest,
  jsonResponse,
  type Refusal,
  refusalOf,
  streamResponse,
} from "./guard.ts";
import type { ServedOperation } from "./handlers/handler.ts";
import { type OperationRun, OperationStream } from "./operation_stream.ts";
import { type EventChoice, NodeEvents } from "./node_events.ts";
import { SharedReading, statusAnswer } from "./node_snapshot.ts";
import { endWith, PageServer } from "./page_server.ts";
import { workerRemoval } from "./page_responses.ts";
import type { RouteContext, Routes } from "./routes.ts";

/** Options of {@linkcode ControlServer}. */
export interface ControlServerOptions {
  readonly node: Node;
  readonly clock: Clock;
  /** Makes the secrets of sign-ins. @default {systemRandom} */
  readonly random?: Random;
  /**
   * Opens a port for the page where none is, and returns the address of the page. @default the
   * page is at the ports that are opened
   */
  readonly openPage?: () => Promise<string>;
  /** Called when a client requests the process to stop. */
  readonly onStop: () => void;
  /** Operations besides those of the schema. @default none */
  readonly operations?: readonly ServedOperation[];
}

/** Serves one node, on any number of listeners. */
export class ControlServer implements AsyncDisposable {
  readonly page: PageServer;
  readonly #options: ControlServerOptions;
  readonly #log: Log = logger("control");
  readonly #http: HttpConnections;
  readonly #limiters: ConnectionLimiter[] = [];
  readonly #streams = new Set<EventStream>();
  readonly #operations = new TaskSet();
  readonly #events: NodeEvents;
  /** Ends the waits of requests. */
  readonly #stop = new AbortController();
  #routes: Promise<Routes> | undefined;
  #requests = 0;
  #url: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    const { node, clock, random = systemRandom, openPage: open } = options;
    const { id } = node.identity;
    this.page = new PageServer({ id, clock, random, open });
    this.#http = new HttpConnections(clock);
    this.#events = new NodeEvents(node, clock);
  }

  /**
   * Serves one more listener, which is closed with this server.
   *
   * @param clock Times its connections. @default that of the server
   */
  open(
    listener: Listener,
    guard: GuardOptions,
    clock: Clock = this.#options.clock,
  ): void {
    this.#limiters.push(
      new ConnectionLimiter({
        listener,
        http: this.#http,
        clock,
        answer: (request, callbacks) => this.#answer(request, guard, callbacks),
      }),
    );
    // A failure is reported to the first request, which loads them again.
    this.#load().catch(() => {});
    if (guard.required !== undefined) this.page.load().catch(() => {});
  }

  /**
   * Serves metrics and health at a listener without a token, which may be off loopback: they show
   * neither names nor ids nor addresses.
   */
  openMetrics(listener: Listener, clock: Clock = this.#options.clock): void {
    const reading = new SharedReading(
      clock,
      SHARED_READING_MS,
      () =>
        statusAnswer({
          node: this.#options.node,
          figures: () => this.#figures(),
        }),
    );
    const load = () => import("./metrics/metrics_response.ts");
    load().catch(() => {});
    this.#limiters.push(
      new ConnectionLimiter({
        listener,
        http: this.#http,
        clock,
        // No client is told from another, so that none keeps a connection from the rest.
        answer: async (request) => {
          try {
            const { publicResponse } = await load();
            return publicResponse(request, reading);
          } catch (error) {
            return this.#failed(error);
          }
        },
      }),
    );
  }

  /** Its URL besides the directory, for `status`. */
  announce(url: string): void {
    this.#url = url;
  }

  /** Its figures, as the status has them. */
  get figures(): ControlFigures {
    return this.#figures();
  }

  /** Adds an event that is not the node's to streams. */
  publish(event: StreamedEvent): void {
    this.#events.push(event);
  }

  /** Ends streams, completes answers under way, and stops listening. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#events.end();
    this.#stop.abort(new VerackError("stopped", "This node is closing"));
    // A client that does not read its answer must not keep the process from ending.
    const { clock } = this.#options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(FLUSH_TIMEOUT_MS, late.resolve);
    const drained = this.#limiters.map((limiter) => limiter.drain());
    const settled = Promise.all([...drained, this.#operations.settled()]);
    await Promise.race([settled, late.promise]);
    cancel();
    // Not before: pages, too, read to the end that the node has stopped.
    this.page[Symbol.dispose]();
    await Promise.all(this.#limiters.map((limiter) => limiter.close()));
    await this.#routes?.catch(() => {});
    await this.page.loaded();
  }

  async #answer(
    request: Request,
    options: GuardOptions,
    { onAllowed, onVisitor }: Parameters<
      ConnectionLimiterOptions["answer"]
    >[1],
  ): Promise<Response> {
    if (this.#closing !== undefined) {
      return this.#failed(
        new ApiError(503, "unavailable", "This node is closing"),
      );
    }
    if (this.#requests >= MAX_CONTROL_REQUESTS) {
      return this.#failed(
        new ApiError(503, "busy", "Too many requests are being carried out"),
      );
    }
    this.#requests++;
    try {
      const access = guard(request, options);
      if (access.kind === "public") onVisitor();
      else onAllowed();
      if (isWorkerRequest(request)) return workerRemoval();
      if (isPagePath(new URL(request.url).pathname)) {
        return await this.page.respond(request);
      }
      const routes = await this.#load();
      const page = options.required?.page;
      const caller = { access, ...(page !== undefined && { page }) };
      const response = await routes(request, caller);
      return access.kind === "page"
        ? endWith(response, access.session.signal)
        : response;
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#requests--;
    }
  }

  /**
   * Loads the routes and their packages, which takes 20 ms: a node that starts listens
   * meanwhile. Not at the first request, when no file descriptor may be left.
   */
  #load(): Promise<Routes> {
    return this.#routes ??= import("./routes.ts").then(
      ({ createRoutes }) => createRoutes(this.#routeContext()),
      (error) => {
        this.#routes = undefined;
        throw error;
      },
    );
  }

  #routeContext(): RouteContext {
    const { node, clock, onStop, operations = [] } = this.#options;
    return {
      node,
      clock,
      closing: this.#stop.signal,
      figures: () => this.#figures(),
      events: this.#events,
      stream: (choice) => this.#stream(choice),
      operate: (run) => this.#operate(run),
      operations,
      page: this.page,
      publish: (event) => this.publish(event),
      isWatched: () => this.#events.isRecording,
      stop: onStop,
      failed: (error) => this.#failed(error),
    };
  }

  async #stream(choice: EventChoice): Promise<Response> {
    if (this.#streams.size >= MAX_CONTROL_STREAMS) {
      throw new ApiError(
        503,
        "busy",
        `${MAX_CONTROL_STREAMS} are watching already, must be fewer`,
      );
    }
    const stream = new EventStream({
      clock: this.#options.clock,
      open: (onChange) =>
        this.#events.open(choice, { format: SERVER_SENT_EVENT, onChange }),
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    await stream.begin();
    return streamResponse(stream.body);
  }

  async #operate(run: OperationRun): Promise<Response> {
    if (this.#operations.size >= MAX_CONTROL_OPERATIONS) {
      throw new ApiError(
        503,
        "busy",
        `${MAX_CONTROL_OPERATIONS} operations are carried out already, must be fewer`,
      );
    }
    const stream = new OperationStream({
      clock: this.#options.clock,
      closing: this.#stop.signal,
      failure: (error) => this.#refusal(error).body,
    });
    this.#operations.add(stream.done);
    await stream.begin(run);
    return streamResponse(stream.body);
  }

  #figures(): ControlFigures {
    return {
      requests: this.#requests,
      streams: this.#streams.size,
      operations: this.#operations.size,
      eventsMissed: this.#events.missed,
      ...(this.#url !== undefined && { url: this.#url }),
      ...(this.page.url !== undefined && { page: this.page.url }),
    };
  }

  #failed(error: unknown): Response {
    const { body, status, headers } = this.#refusal(error);
    return jsonResponse(body, status, headers);
  }

  #refusal(error: unknown): Refusal {
    const refusal = refusalOf(error);
    if (refusal !== undefined) return refusal;
    // A bug: the reason is in the log, and not sent to the client.
    this.#log.error("request failed", { reason: messageOf(error) });
    const message = "Internal error; the node's log has details";
    return { status: 500, body: { error: { code: "internal", message } } };
  }
}
