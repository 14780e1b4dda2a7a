/**
 * A {@linkcode Listener} over a socket of Deno's own, TCP or Unix: accepts and closes in the
 * same way, with or without TLS over it.
 */
import { type Clock, sleep } from "../core/clock.ts";
import { MAX_ACCEPT_PAUSE_MS } from "./transport_limits.ts";
import type { Address } from "./address.ts";
import { descriptors } from "./descriptors.ts";
import { abortError, failure, netError, socketAddress } from "./net_errors.ts";
import type { Connection, Incoming, Listener } from "./transport.ts";

type TlsBackend = NonNullable<Listener["tls"]>;

/** First pause of the accept loop after an error; doubles up to `MAX_ACCEPT_PAUSE_MS`. */
const FIRST_PAUSE_MS = 5;

/** Makes a connection of a socket, which it closes on failure. */
export type Negotiate<Socket> = (
  socket: Socket,
  signal: AbortSignal | undefined,
) => Connection | Promise<Connection>;

/** The socket of a {@linkcode SocketListener}. */
interface SocketSource<Socket> {
  readonly addr: Deno.Addr;
  accept(): Promise<Socket>;
  close(): void;
}

/** Accepts sockets until it is closed. */
export class SocketListener<Socket extends Deno.Conn> implements Listener {
  readonly address: Address;
  readonly tls?: TlsBackend;
  readonly #source: SocketSource<Socket>;
  readonly #clock: Clock;
  readonly #negotiate: Negotiate<Socket>;
  readonly #closing = new AbortController();

  /** Owns `source` from construction on. */
  constructor(
    source: SocketSource<Socket>,
    clock: Clock,
    negotiate: Negotiate<Socket>,
    tls?: TlsBackend,
  ) {
    if (tls !== undefined) this.tls = tls;
    this.#source = source;
    this.#clock = clock;
    this.#negotiate = negotiate;
    this.address = socketAddress(source.addr);
  }

  async accept(): Promise<Incoming | null> {
    const socket = await acceptRetrying(
      () => this.#source.accept(),
      this.#clock,
      this.#closing.signal,
    );
    return socket && new AcceptedSocket(socket, this.#negotiate);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#source.close();
  }
}

/** A TCP listener on `address`; throws as `Transport.listen`. */
export function listenTcp(
  address: Address,
  clock: Clock,
  negotiate: Negotiate<Deno.TcpConn>,
  tls?: TlsBackend,
): Listener {
  const source = openTcpListener(address);
  setUpSignals();
  return new SocketListener(source, clock, negotiate, tls);
}

/** A socket that listens on `address`; throws as `Transport.listen`. */
export function openTcpListener(address: Address): Deno.TcpListener {
  const { host: hostname, port } = address;
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw netError(error, "listen", address);
  }
}

/**
 * The next of `accept`, trying again after a pause for as long as it throws, or
 * `null` once `closing` has aborted. `accept` fails for passing reasons (out of
 * descriptors, a client gone before it was accepted), after which the listener must go on.
 * Without a pause the loop would be busy while descriptors are short; observers of
 * `descriptors` close connections meanwhile.
 */
export async function acceptRetrying<T>(
  accept: () => Promise<T>,
  clock: Clock,
  closing: AbortSignal,
): Promise<T | null> {
  for (
    let pauseMs = FIRST_PAUSE_MS;
    !closing.aborted;
    pauseMs = Math.min(pauseMs * 2, MAX_ACCEPT_PAUSE_MS)
  ) {
    try {
      return await accept();
    } catch (error) {
      if (closing.aborted) return null;
      descriptors.note(error);
      await sleep(clock, pauseMs, closing).catch(() => {});
    }
  }
  return null;
}

let signalsAreSetUp = false;

/**
 * Has Deno set up its signals now, which takes descriptors. 2.9.6 does it by itself half a second
 * after its start, and panics if there are none left by then (`ext/signals/lib.rs`), so that a
 * crowd of connections could end the process. What happens on a signal stays as Deno has it.
 */
function setUpSignals(): void {
  if (signalsAreSetUp || Deno.build.os === "windows") return;
  signalsAreSetUp = true;
  const ignore = () => {};
  // By default, nothing happens on this one.
  Deno.addSignalListener("SIGWINCH", ignore);
  Deno.removeSignalListener("SIGWINCH", ignore);
}

class AcceptedSocket<Socket extends Deno.Conn> implements Incoming {
  readonly remoteAddress: Address;
  readonly #negotiate: Negotiate<Socket>;
  #socket: Socket | undefined;

  constructor(socket: Socket, negotiate: Negotiate<Socket>) {
    this.#socket = socket;
    this.#negotiate = negotiate;
    this.remoteAddress = socketAddress(socket.remoteAddr);
  }

  async open(signal?: AbortSignal): Promise<Connection> {
    const { remoteAddress } = this;
    const socket = this.#socket;
    if (socket === undefined) {
      throw failure("closed", "accept", remoteAddress, "already dropped");
    }
    if (signal?.aborted) {
      this.close();
      throw abortError(signal, "accept", remoteAddress);
    }
    this.#socket = undefined;
    try {
      return await this.#negotiate(socket, signal);
    } catch (error) {
      throw netError(error, "accept", remoteAddress, signal);
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
