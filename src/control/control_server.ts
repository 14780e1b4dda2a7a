/**
 * The control API of a running node, served over HTTP: on a Unix socket in its
 * data directory, on loopback with a token, or elsewhere with TLS and a token.
 * This file answers, counts and ends; `routes.ts` says what can be asked, `front.ts`
 * accepts connections.
 */
import type { Clock } from "../core/clock.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import {
  FLUSH_TIMEOUT_MS,
  MAX_CONTROL_REQUESTS,
  MAX_CONTROL_STREAMS,
} from "../limits.ts";
import { type Log, logger } from "../core/log.ts";
import type { NodeEvent } from "../mesh/events.ts";
import type { Node } from "../mesh/node.ts";
import type { Listener } from "../transport/transport.ts";
import { BodyReader } from "./body.ts";
import { EventJournal, type StreamedEvent } from "./event_journal.ts";
import { wantedEvents } from "./event_query.ts";
import { EventStream } from "./event_stream.ts";
import { ConnectionLimiter } from "./connection_limiter.ts";
import { guard, type GuardOptions } from "./guard.ts";
import { HttpConnections } from "./http_connection.ts";
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

/** Serves one node, at any number of doors. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlServerOptions;
  readonly #bodies: BodyReader;
  readonly #log: Log = logger("control");
  readonly #http: HttpConnections;
  readonly #fronts: ConnectionLimiter[] = [];
  readonly #streams = new Set<EventStream>();
  readonly #journal: EventJournal;
  /** Waits of requests end. */
  readonly #stop = new AbortController();
  #requests = 0;
  #missed = 0;
  #url: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#bodies = new BodyReader(options.clock);
    this.#http = new HttpConnections(options.clock);
    this.#journal = new EventJournal({
      clock: options.clock,
      record: (signal) => void this.#record(signal),
    });
  }

  /**
   * Serves one more way in, which is closed with this server.
   *
   * @param clock Times its connections. @default that of the server
   */
  open(
    listener: Listener,
    guard: GuardOptions,
    clock: Clock = this.#options.clock,
  ): void {
    this.#fronts.push(
      new ConnectionLimiter({
        listener,
        http: this.#http,
        clock,
        answer: (request, onKnown) => this.#answer(request, guard, onKnown),
      }),
    );
  }

  /** Where it listens besides its directory, which `status` tells. */
  announce(url: string): void {
    this.#url = url;
  }

  /** Tells those who watch of something that is no event of the node. */
  publish(event: StreamedEvent): void {
    this.#journal.push(event);
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
    this.#journal.end();
    this.#stop.abort(new VerackError("stopped", "This node is closing"));
    // A reader that does not take its answer must not keep the process from ending.
    const { clock } = this.#options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(FLUSH_TIMEOUT_MS, late.resolve);
    const drained = this.#fronts.map((front) => front.drain());
    await Promise.race([Promise.all(drained), late.promise]);
    cancel();
    await Promise.all(this.#fronts.map((front) => front.close()));
  }

  async #answer(
    request: Request,
    options: GuardOptions,
    onKnown: () => void,
  ): Promise<Response> {
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
      onKnown();
      const url = new URL(request.url);
      const { status, answer } = await follow({
        node: this.#options.node,
        bodies: this.#bodies,
        request,
        query: url.searchParams,
        patience: (ms) => this.#patience(ms),
        control: () => this.#figures(),
        watch: (query) =>
          this.#watch(query, request.headers.get("last-event-id")),
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

  async #watch(
    query: URLSearchParams,
    since: string | null,
  ): Promise<Response> {
    const wanted = wantedEvents(query);
    if (this.#streams.size >= MAX_CONTROL_STREAMS) {
      throw new Refusal(
        503,
        "busy",
        `${MAX_CONTROL_STREAMS} are watching already, must be fewer`,
      );
    }
    const resumed = since === null ? undefined : this.#journal.resume(since);
    const { number: position, missed } = resumed ??
      { number: this.#journal.last, missed: 0 };
    this.#missed += missed;
    const stream = new EventStream(this.#journal, {
      clock: this.#options.clock,
      wanted,
      position,
      missed,
      onMissed: (count) => this.#missed += count,
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    if (resumed === undefined) stream.open(await stateOf(this.#options.node));
    return streamResponse(stream.body);
  }

  /** The journal has what happens at the node, until it closes. */
  async #record(signal: AbortSignal): Promise<void> {
    const events = this.#options.node.events({ signal });
    await skipState(events);
    for await (const event of events) this.#journal.push(event);
    if (!signal.aborted) this.#journal.end();
  }

  #figures(): Record<string, unknown> {
    return {
      requests: this.#requests,
      streams: this.#streams.size,
      eventsMissed: this.#missed,
      ...(this.#url !== undefined && { url: this.#url }),
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

/** What is the case now: the first events of any listener, of which `mesh` is the last. */
async function stateOf(node: Node): Promise<NodeEvent[]> {
  const state: NodeEvent[] = [];
  for await (const event of node.events()) {
    state.push(event);
    if (event.type === "mesh") break;
  }
  return state;
}

/** Skips what {@linkcode stateOf} has. */
async function skipState(events: AsyncIterator<NodeEvent>): Promise<void> {
  while (true) {
    const { value, done } = await events.next();
    if (done || value.type === "mesh") return;
  }
}
