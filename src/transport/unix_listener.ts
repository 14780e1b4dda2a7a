/** A {@linkcode Listener} at a Unix socket, for what processes of one machine say to each other. */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { Address } from "./address.ts";
import { acceptRetrying } from "./tcp_listener.ts";
import type { Connection, Incoming, Listener } from "./transport.ts";

/** Both ends are on this machine; there are no ports. */
const HERE: Address = { host: "localhost", port: 0 };

/** Accepts connections at a path, which stays when it is closed. */
export class UnixListener implements Listener {
  readonly address = HERE;
  readonly #socket: Deno.UnixListener;
  readonly #clock: Clock;
  readonly #closing = new AbortController();

  /** Starts to listen. @throws what `Deno.listen` does. */
  constructor(path: string, clock: Clock) {
    this.#socket = Deno.listen({ transport: "unix", path });
    this.#clock = clock;
  }

  async accept(): Promise<Incoming | null> {
    const socket = await acceptRetrying(
      () => this.#socket.accept(),
      this.#clock,
      this.#closing.signal,
    );
    return socket === null ? null : new UnixIncoming(socket);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#socket.close();
  }
}

class UnixIncoming implements Incoming {
  readonly remoteAddress = HERE;
  readonly #socket: Deno.UnixConn;

  constructor(socket: Deno.UnixConn) {
    this.#socket = socket;
  }

  open(): Promise<Connection> {
    return Promise.resolve(new UnixConnection(this.#socket));
  }

  close(): void {
    this.#socket[Symbol.dispose]();
  }
}

class UnixConnection implements Connection {
  readonly localAddress = HERE;
  readonly remoteAddress = HERE;
  readonly #socket: Deno.UnixConn;

  constructor(socket: Deno.UnixConn) {
    this.#socket = socket;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#socket.read(buffer).catch(broken);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#socket.write(data).catch(broken);
  }

  close(): void {
    this.#socket[Symbol.dispose]();
  }
}

function broken(cause: unknown): never {
  throw new VerackError("closed", "Lost the connection of a Unix socket", {
    cause,
  });
}
