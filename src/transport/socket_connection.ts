/**
 * A {@linkcode Connection} over a socket of Deno's own: TCP, or TLS as the dialer
 * has it. Bytes pass straight through; only errors are translated.
 */
import { VerackError } from "../core/errors.ts";
import type { Address } from "./address.ts";
import { failure, netError, socketAddress } from "./net_errors.ts";
import type { Connection } from "./transport.ts";

/** Owns `socket` from construction on. */
export class SocketConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #socket: Deno.TcpConn | Deno.TlsConn;
  #closed = false;

  /** `socket` must have `TCP_NODELAY` set already. */
  constructor(socket: Deno.TcpConn | Deno.TlsConn) {
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

  /** Whatever breaks an open connection, to its owner it is `closed`. */
  #broken(error: unknown, action: "read" | "write"): VerackError {
    if (this.#closed) {
      return failure(
        "closed",
        action,
        this.remoteAddress,
        "the connection was closed here",
        { cause: error },
      );
    }
    const { code, message } = netError(error, action, this.remoteAddress);
    return code === "closed"
      ? new VerackError(code, message, { cause: error })
      : failure("closed", action, this.remoteAddress, message, {
        cause: error,
      });
  }
}
