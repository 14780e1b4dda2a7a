/**
 * Sockets of Deno's own without security. TCP is for Bitcoin nodes, and the reference for the
 * contract suite; a Unix socket is for the control API. Neither proves the identity of the
 * other end.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { Address } from "./address.ts";
import { abortError, failure, netError, socketAddress } from "./net_errors.ts";
import { listenTcp, SocketListener } from "./socket_listener.ts";
import type { Connection, Listener, Overlay, Transport } from "./transport.ts";

/** Options of {@linkcode tcpTransport}. */
export interface TcpOptions {
  /** Times the pauses of the accept loop. @default {systemClock} */
  clock?: Clock;
}

/** Connections over TCP, without security; needs `--allow-net`. */
export function tcpTransport(options: TcpOptions = {}): Transport {
  const clock = options.clock ?? systemClock;
  return {
    secure: false,
    dial: async (address, { signal }) =>
      new SocketConnection(await connectTcp(address, signal)),
    fetchCertificate: (address) =>
      Promise.reject(
        failure("tls", "dial", address, "plain TCP shows no certificate"),
      ),
    // deno-lint-ignore require-await -- rejects, rather than throws
    listen: async (address) => listenTcp(address, clock, openTcp),
    overlay: plainOverlay,
  };
}

/** The overlay of a transport without security: bytes pass as they are. */
export const plainOverlay: Overlay = {
  dial: (carrier, { signal }) => passOn(carrier, "dial", signal),
  accept: (carrier, { signal }) => passOn(carrier, "accept", signal),
};

function passOn(
  carrier: Connection,
  action: "dial" | "accept",
  signal: AbortSignal | undefined,
): Promise<Connection> {
  if (!signal?.aborted) return Promise.resolve(carrier);
  carrier.close();
  return Promise.reject(abortError(signal, action, carrier.remoteAddress));
}

/** A listener at a path, which stays when it is closed; throws what `Deno.listen` does. */
export function listenUnix(path: string, clock: Clock): Listener {
  return new SocketListener(
    Deno.listen({ transport: "unix", path }),
    clock,
    (socket) => new SocketConnection(socket),
  );
}

/** A TCP connection, tuned; throws as `Transport.dial`. */
export async function connectTcp(
  address: Address,
  signal?: AbortSignal,
): Promise<Deno.TcpConn> {
  if (signal?.aborted) throw abortError(signal, "dial", address);
  using own = signal && unchecked(signal);
  let socket: Deno.TcpConn | undefined;
  try {
    socket = await Deno.connect({
      hostname: address.host,
      port: address.port,
      ...own,
    });
    if (signal?.aborted) throw abortError(signal, "dial", address);
    tuneTcp(socket);
    return socket;
  } catch (error) {
    socket?.close();
    throw netError(error, "dial", address, signal);
  }
}

/**
 * Sets `TCP_NODELAY` and keep-alive: small frames leave at once, and the kernel also notices a
 * peer whose machine is gone.
 */
export function tuneTcp(socket: Deno.TcpConn): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true);
}

function openTcp(socket: Deno.TcpConn): Connection {
  try {
    tuneTcp(socket);
    return new SocketConnection(socket);
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * A signal that aborts like `signal` until disposed of, for `Deno.connect`: in Deno 2.9.6 that
 * calls `throwIfAborted` when the socket is open already, and leaves it open for good (tried:
 * 40 % of the dials that are aborted in the turn in which they succeed). `AbortSignal.any` would
 * do as well, at five times the cost.
 */
function unchecked(
  signal: AbortSignal,
): { readonly signal: AbortSignal } & Disposable {
  const own = new AbortController();
  Object.defineProperty(own.signal, "throwIfAborted", { value: () => {} });
  const onAbort = () => own.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    signal: own.signal,
    [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort),
  };
}

/**
 * A {@linkcode Connection} over a socket of Deno's own: TCP, Unix, or TLS as the dialer
 * has it. Bytes pass unchanged; only errors are translated.
 */
export class SocketConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #socket: Deno.Conn;
  #closed = false;

  /** Owns `socket` from construction on. */
  constructor(socket: Deno.Conn) {
    this.#socket = socket;
    this.localAddress = socketAddress(socket.localAddr);
    this.remoteAddress = socketAddress(socket.remoteAddr);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#socket.read(buffer);
    } catch (error) {
      throw this.#broken(error, "read");
    }
  }

  async write(data: Uint8Array): Promise<number> {
    try {
      return await this.#socket.write(data);
    } catch (error) {
      throw this.#broken(error, "write");
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Not close(), which throws when the socket is gone already.
    this.#socket[Symbol.dispose]();
  }

  /** Any error of an open connection becomes `closed`. */
  #broken(cause: unknown, action: "read" | "write"): VerackError {
    const { remoteAddress } = this;
    if (this.#closed) {
      const detail = "the connection was closed here";
      return failure("closed", action, remoteAddress, detail, { cause });
    }
    const { message } = netError(cause, action, remoteAddress);
    return new VerackError("closed", message, { cause });
  }
}
