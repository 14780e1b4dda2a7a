/**
 * Plain TCP: what Bitcoin nodes speak, and the reference for the contract suite.
 * It proves nothing about who is at the other end.
 */
import { type Clock, systemClock } from "../core/clock.ts";
import type { Address } from "./address.ts";
import { abortError, failure, netError, socketAddress } from "./net_errors.ts";
import { SocketConnection } from "./socket_connection.ts";
import { TcpListener } from "./tcp_listener.ts";
import type { Connection, Incoming, Transport } from "./transport.ts";

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
    listen: (address) =>
      Promise.resolve().then(() =>
        new TcpListener(address, clock, (socket) => new TcpIncoming(socket))
      ),
  };
}

/**
 * A TCP connection with `TCP_NODELAY` and keep-alive set: small frames leave at
 * once, and a peer whose machine vanished is noticed by the kernel too.
 *
 * @throws {VerackError} as {@linkcode Transport.dial}.
 */
export async function connectTcp(
  address: Address,
  signal?: AbortSignal,
): Promise<Deno.TcpConn> {
  if (signal?.aborted) throw abortError(signal, "dial", address);
  let socket: Deno.TcpConn;
  try {
    socket = await Deno.connect({
      hostname: address.host,
      port: address.port,
      ...(signal === undefined ? {} : { signal: unchecked(signal) }),
    });
  } catch (error) {
    throw netError(error, "dial", address, signal);
  }
  if (signal?.aborted) {
    socket.close();
    throw abortError(signal, "dial", address);
  }
  try {
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    return socket;
  } catch (error) {
    socket.close();
    throw netError(error, "dial", address, signal);
  }
}

/**
 * A signal that aborts like `signal`, for `Deno.connect`: in Deno 2.9.6 that calls
 * `throwIfAborted` when the socket is open already, and leaves it open for good (tried:
 * 40 % of the dials that are aborted in the turn in which they succeed).
 */
function unchecked(signal: AbortSignal): AbortSignal {
  const own = AbortSignal.any([signal]);
  Object.defineProperty(own, "throwIfAborted", { value: () => {} });
  return own;
}

class TcpIncoming implements Incoming {
  readonly remoteAddress: Address;
  #socket: Deno.TcpConn | undefined;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
    this.remoteAddress = socketAddress(socket.remoteAddr);
  }

  // deno-lint-ignore require-await -- rejects, rather than throws, like the other transports
  async open(signal?: AbortSignal): Promise<Connection> {
    const socket = this.#socket;
    if (socket === undefined) {
      throw failure("closed", "accept", this.remoteAddress, "already dropped");
    }
    if (signal?.aborted) {
      this.close();
      throw abortError(signal, "accept", this.remoteAddress);
    }
    this.#socket = undefined;
    try {
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      return new SocketConnection(socket);
    } catch (error) {
      socket.close();
      throw netError(error, "accept", this.remoteAddress, signal);
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
