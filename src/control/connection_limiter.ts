/**
 * The front of a way into the control API: accepts its connections as the mesh
 * accepts its own, and bounds their number and their silence. Whether a request is
 * carried out is not decided here but in `guard.ts`, for each one.
 */
import type { Clock } from "../core/clock.ts";
import {
  CONTROL_IDLE_MS,
  CONTROL_STRANGER_MS,
  MAX_CONTROL_CONNECTIONS,
} from "../limits.ts";
import type { Incoming, Listener } from "../transport/transport.ts";
import type { HttpConnections } from "./http_connection.ts";

/** Options of {@linkcode ConnectionLimiter}. */
export interface ConnectionLimiterOptions {
  readonly listener: Listener;
  readonly http: HttpConnections;
  /** Calls `onKnown` once the request is past the guard. Must not reject. */
  readonly answer: (
    request: Request,
    onKnown: () => void,
  ) => Promise<Response>;
  readonly clock: Clock;
}

/** One connection. */
class Visitor {
  readonly gone = new AbortController();
  /** A request over it got past the guard. */
  isKnown = false;
  /** Requests whose answer is not out. */
  busy = 0;
  readonly #clock: Clock;
  #cancel: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It goes after so long, unless told otherwise. */
  limit(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => this.gone.abort());
  }

  /** It may stay as it is. */
  unlimited(): void {
    this.#cancel();
    this.#cancel = () => {};
  }
}

/** Accepts connections, many at once, and never more than it may. */
export class ConnectionLimiter {
  readonly #options: ConnectionLimiterOptions;
  /** Oldest first. */
  readonly #visitors = new Map<Visitor, Promise<void>>();
  readonly #loop: Promise<void>;
  #busy = 0;
  #onIdle: () => void = () => {};

  constructor(options: ConnectionLimiterOptions) {
    this.#options = options;
    this.#loop = this.#accept();
  }

  /** Takes no more connections; resolves once all answers under way are out. */
  async drain(): Promise<void> {
    this.#options.listener.close();
    await this.#loop;
    if (this.#busy === 0) return;
    await new Promise<void>((resolve) => this.#onIdle = resolve);
  }

  /** Closes all connections, whatever they are in the middle of. */
  async close(): Promise<void> {
    this.#options.listener.close();
    await this.#loop;
    for (const visitor of this.#visitors.keys()) visitor.gone.abort();
    await Promise.all(this.#visitors.values());
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
      const visitor = new Visitor(clock);
      const served = this.#serve(visitor, incoming)
        .finally(() => this.#visitors.delete(visitor));
      this.#visitors.set(visitor, served);
    }
  }

  /** The oldest that has shown nothing goes first, then the oldest that asks nothing. */
  #makeRoom(): boolean {
    if (this.#visitors.size < MAX_CONTROL_CONNECTIONS) return true;
    const all = [...this.#visitors.keys()];
    const victim = all.find((it) => !it.isKnown) ??
      all.find((it) => it.busy === 0);
    if (victim === undefined) return false;
    this.#visitors.delete(victim);
    victim.gone.abort();
    return true;
  }

  async #serve(visitor: Visitor, incoming: Incoming): Promise<void> {
    const { http } = this.#options;
    const { signal } = visitor.gone;
    visitor.limit(CONTROL_STRANGER_MS);
    try {
      const connection = await incoming.open(signal);
      const answer = (request: Request) => this.#answer(visitor, request);
      const answered = () => this.#answered(visitor);
      await http.serve(connection, { answer, answered }, signal);
    } catch {
      // The other end broke off, or was told to go.
    } finally {
      visitor.unlimited();
    }
  }

  async #answer(visitor: Visitor, request: Request): Promise<Response> {
    visitor.busy++;
    this.#busy++;
    let isKnown = false;
    const response = await this.#options.answer(request, () => {
      isKnown = true;
      visitor.isKnown = true;
      // What the request waits for has a deadline of its own.
      visitor.unlimited();
    });
    // What else a stranger has sent is not worth an answer.
    if (!isKnown) response.headers.set("connection", "close");
    // Events go on for as long as there is a reader; an answer is to be read.
    else if (response.headers.has("content-length")) {
      visitor.limit(CONTROL_IDLE_MS);
    }
    return response;
  }

  #answered(visitor: Visitor): void {
    visitor.busy--;
    this.#busy--;
    if (visitor.busy === 0 && visitor.isKnown) visitor.limit(CONTROL_IDLE_MS);
    if (this.#busy === 0) this.#onIdle();
  }
}
