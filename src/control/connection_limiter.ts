/**
 * Accepts the connections of one listener and bounds their number and their idle time.
 * `guard.ts` decides for each request whether it is allowed.
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
  /** Calls `onAllowed` once the guard lets the request through. Must not reject. */
  readonly answer: (
    request: Request,
    onAllowed: () => void,
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

  /** Closes it after so long; replaces an earlier limit. */
  limit(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => this.closing.abort());
  }

  /** Takes the limit away. */
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
      const answer = (request: Request) => this.#answer(client, request);
      const answered = () => this.#answered(client);
      await http.serve(connection, { answer, answered }, signal);
    } catch {
      // The connection broke off or was closed here.
    } finally {
      client.unlimited();
    }
  }

  async #answer(client: ClientConnection, request: Request): Promise<Response> {
    client.busy++;
    this.#busy++;
    let isAllowed = false;
    const response = await this.#options.answer(request, () => {
      isAllowed = true;
      client.isAllowed = true;
      // Whatever the request waits for has a deadline of its own.
      client.unlimited();
    });
    // More requests of a client that is not allowed are not worth a response.
    if (!isAllowed) response.headers.set("connection", "close");
    // A stream of events lasts as long as its reader; any other body must be read soon.
    else if (response.headers.has("content-length")) {
      client.limit(CONTROL_IDLE_MS);
    }
    return response;
  }

  #answered(client: ClientConnection): void {
    client.busy--;
    this.#busy--;
    if (client.busy === 0 && client.isAllowed) client.limit(CONTROL_IDLE_MS);
    if (this.#busy === 0) this.#onIdle();
  }
}
