/**
 * A {@linkcode Connection} over a `node:tls` socket: the accepting end of TLS
 * (`tls_listener.ts` says why not Deno's own). Turns Node's events into reads
 * that wait and writes that tell when they are through, with a bound on both.
 */
import type { TLSSocket } from "node:tls";
import { MAX_UNREAD_BYTES, WRITE_BLOCK_BYTES } from "../limits.ts";
import type { Address } from "./address.ts";
import { failure, netError } from "./net_errors.ts";
import type { Connection } from "./transport.ts";

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Owns `socket` from construction on; its handshake must be complete. */
export class TlsConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly noDelay = true;
  readonly #socket: TLSSocket;
  /** Bytes that arrived before anybody asked for them, oldest first. */
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #pendingRead: PendingRead | undefined;
  #rejectWrite: ((error: unknown) => void) | undefined;
  #ended = false;
  /** Why nothing works any more; set once. */
  #broken: unknown;
  #closed = false;

  constructor(
    socket: TLSSocket,
    addresses: { localAddress: Address; remoteAddress: Address },
  ) {
    this.#socket = socket;
    this.localAddress = addresses.localAddress;
    this.remoteAddress = addresses.remoteAddress;
    socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error: Error) => this.#break(error));
    socket.on("close", () => this.#break(undefined));
    // Both may have come with the last bytes of the handshake, before we listened.
    if (socket.readableEnded) this.#ended = true;
    if (socket.destroyed) this.#break(undefined);
  }

  // deno-lint-ignore require-await -- rejects, rather than throws, like the other transports
  async read(buffer: Uint8Array): Promise<number | null> {
    const chunk = this.#unread[0];
    if (chunk !== undefined) return this.#take(chunk, buffer);
    if (this.#closed) throw this.#error("read");
    if (this.#ended) return null;
    if (this.#broken !== undefined) throw this.#error("read");
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    this.#pendingRead = { buffer, resolve, reject };
    return promise;
  }

  // deno-lint-ignore require-await -- rejects, rather than throws, like the other transports
  async write(data: Uint8Array): Promise<number> {
    if (this.#closed || this.#broken !== undefined) throw this.#error("write");
    // Node encrypts whatever it is given at once: without a bound, all of a large
    // message would stand in memory a second time.
    const block = data.length > WRITE_BLOCK_BYTES
      ? data.subarray(0, WRITE_BLOCK_BYTES)
      : data;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#rejectWrite = reject;
    this.#socket.write(block, (error) => {
      this.#rejectWrite = undefined;
      if (error) reject(netError(error, "write", this.remoteAddress));
      else resolve(block.length);
    });
    return promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unread.length = 0;
    const writing = this.#rejectWrite !== undefined;
    this.#break(undefined);
    // A peer that does not read would keep a graceful end waiting for ever.
    if (writing) this.#socket.destroy();
    else {
      this.#socket.end();
      setImmediate(() => this.#socket.destroy());
    }
  }

  #onData(chunk: Uint8Array): void {
    const pending = this.#pendingRead;
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
    if (pending !== undefined) {
      this.#pendingRead = undefined;
      pending.resolve(this.#take(chunk, pending.buffer));
    }
    if (this.#unreadBytes > MAX_UNREAD_BYTES) this.#socket.pause();
  }

  /** Moves bytes of `chunk`, the oldest, into `buffer` and says how many. */
  #take(chunk: Uint8Array, buffer: Uint8Array): number {
    const count = Math.min(chunk.length, buffer.length);
    if (count === chunk.length) {
      buffer.set(chunk);
      this.#unread.shift();
    } else {
      buffer.set(chunk.subarray(0, count));
      this.#unread[0] = chunk.subarray(count);
    }
    this.#unreadBytes -= count;
    if (this.#unread.length === 0 && this.#socket.isPaused()) {
      this.#socket.resume();
    }
    return count;
  }

  #onEnd(): void {
    this.#ended = true;
    this.#pendingRead?.resolve(null);
    this.#pendingRead = undefined;
  }

  #break(cause: unknown): void {
    this.#broken ??= cause ?? new Error("the connection is gone");
    this.#pendingRead?.reject(this.#error("read"));
    this.#pendingRead = undefined;
    this.#rejectWrite?.(this.#error("write"));
    this.#rejectWrite = undefined;
  }

  #error(action: "read" | "write"): Error {
    return failure(
      "closed",
      action,
      this.remoteAddress,
      this.#closed
        ? "the connection was closed here"
        : netError(this.#broken, action, this.remoteAddress).message,
      { cause: this.#broken },
    );
  }
}
