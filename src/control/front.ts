/**
 * The front of a port that anybody may dial: connections are counted and timed
 * here, and their bytes passed on to the HTTP server behind.
 *
 * `Deno.serve` bounds neither how many connections there are nor how long they say
 * nothing (2.9.6, tried: a silent one, and half a request, stay for ever), and
 * TLS handshakes there cannot be ended. So strangers could use up the descriptors
 * that the mesh needs. Whether a request is carried out is not decided here but in
 * `guard.ts`, for each one.
 */
import type { Clock } from "../clock.ts";
import {
  CONTROL_PIPE_BYTES,
  CONTROL_STRANGER_MS,
  FLUSH_TIMEOUT_MS,
  MAX_CONTROL_CONNECTIONS,
  MAX_CONTROL_HEAD_BYTES,
} from "../limits.ts";
import type { Incoming, Listener } from "../transport/transport.ts";
import { isToken } from "./guard.ts";

/** Both ends of a pipe. */
interface Stream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  close(): void;
}

/** The HTTP server behind, as one connection sees it. */
export interface Backend extends Stream {
  closeWrite(): Promise<void>;
}

/** Options of {@linkcode Front}. */
export interface FrontOptions {
  readonly listener: Listener;
  /** A new connection to the HTTP server. */
  readonly dial: () => Promise<Backend>;
  /** Who shows it may stay. */
  readonly token: string;
  readonly clock: Clock;
}

const latin1 = new TextDecoder("latin1");

/** One connection. */
class Visitor {
  readonly gone = new AbortController();
  /** It has shown the token. */
  isKnown = false;
  #head = "";

  /** Looks for the token in the head of the first request. */
  watch(bytes: Uint8Array, token: string): void {
    const room = MAX_CONTROL_HEAD_BYTES - this.#head.length;
    if (this.isKnown || room <= 0) return;
    this.#head += latin1.decode(bytes.subarray(0, room));
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const line = /^authorization:[ \t]*(.*?)[ \t]*$/im.exec(
      this.#head.slice(0, end),
    );
    this.isKnown = isToken(line?.[1] ?? null, token);
  }
}

/** Accepts connections, many at once, and never more than it may. */
export class Front {
  readonly #options: FrontOptions;
  /** Oldest first. */
  readonly #visitors = new Map<Visitor, Promise<void>>();
  readonly #loop: Promise<void>;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#loop = this.#accept();
  }

  /** Stops listening; what is on its way still has a second. */
  async close(): Promise<void> {
    this.#options.listener.close();
    await this.#loop;
    const cancel = this.#options.clock.after(FLUSH_TIMEOUT_MS, () => {
      for (const visitor of this.#visitors.keys()) visitor.gone.abort();
    });
    await Promise.all(this.#visitors.values());
    cancel();
  }

  async #accept(): Promise<void> {
    const { listener } = this.#options;
    for (
      let incoming = await listener.accept();
      incoming !== null;
      incoming = await listener.accept()
    ) {
      if (!this.#makeRoom()) {
        incoming.close();
        continue;
      }
      const visitor = new Visitor();
      const served = this.#serve(visitor, incoming)
        .finally(() => this.#visitors.delete(visitor));
      this.#visitors.set(visitor, served);
    }
  }

  /** Who has shown nothing goes first, and the oldest of those. */
  #makeRoom(): boolean {
    if (this.#visitors.size < MAX_CONTROL_CONNECTIONS) return true;
    const stranger = [...this.#visitors.keys()].find((it) => !it.isKnown);
    stranger?.gone.abort();
    if (stranger !== undefined) this.#visitors.delete(stranger);
    return stranger !== undefined;
  }

  async #serve(visitor: Visitor, incoming: Incoming): Promise<void> {
    const { dial, token, clock } = this.#options;
    const { signal } = visitor.gone;
    const cancel = clock.after(CONTROL_STRANGER_MS, () => {
      if (!visitor.isKnown) visitor.gone.abort();
    });
    try {
      const client = await incoming.open(signal);
      closeOn(signal, client);
      const backend = await dial();
      closeOn(signal, backend);
      const leave = () => visitor.gone.abort();
      const look = (bytes: Uint8Array) => visitor.watch(bytes, token);
      await Promise.all([
        // Who has nothing more to ask may still wait for its answer.
        pipe(client, backend, look).then(() => backend.closeWrite())
          .catch(leave),
        // Once the server has closed there is nothing more to be said.
        pipe(backend, client).catch(leave).then(leave),
      ]);
    } catch {
      // Either end broke off, or was told to go.
    } finally {
      visitor.gone.abort();
      cancel();
    }
  }
}

function closeOn(signal: AbortSignal, stream: Stream): void {
  const close = () => {
    try {
      stream.close();
    } catch {
      // It is closed.
    }
  };
  if (signal.aborted) close();
  signal.addEventListener("abort", close, { once: true });
}

async function pipe(
  from: Stream,
  to: Stream,
  look: (bytes: Uint8Array) => void = () => {},
): Promise<void> {
  const buffer = new Uint8Array(CONTROL_PIPE_BYTES);
  for (
    let count = await from.read(buffer);
    count !== null;
    count = await from.read(buffer)
  ) {
    const bytes = buffer.subarray(0, count);
    look(bytes);
    for (let at = 0; at < bytes.length;) {
      at += await to.write(bytes.subarray(at));
    }
  }
}
