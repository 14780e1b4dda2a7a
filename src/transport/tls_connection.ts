/**
 * A {@linkcode Connection} over a `node:tls` socket: the accepting end of TLS
 * (`tls_listener.ts` says why not Deno's own). Turns Node's events into reads and writes that
 * return promises, with a bound on both.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { Deque } from "../core/deque.ts";
import type { TLSSocket } from "node:tls";
import { MAX_UNREAD_BYTES, WRITE_BLOCK_BYTES } from "./transport_limits.ts";
import type { Address } from "./address.ts";
import { failure, netError } from "./net_errors.ts";
import type { Connection } from "./transport.ts";

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Owns `tls` and `tcp`, over which it runs, from construction on. */
export class TlsConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #tls: TLSSocket;
  readonly #tcp: TcpStream;
  /** Bytes that arrived before a read, oldest first. */
  readonly #unread = new Deque<Uint8Array>();
  #unreadBytes = 0;
  #pendingRead: PendingRead | undefined;
  #rejectWrite: ((error: unknown) => void) | undefined;
  #ended = false;
  /** The error of further calls; set once. */
  #broken: unknown;
  #closed = false;

  /** The handshake of `tls` must be complete. */
  constructor(
    tls: TLSSocket,
    tcp: TcpStream,
    addresses: { localAddress: Address; remoteAddress: Address },
  ) {
    this.#tls = tls;
    this.#tcp = tcp;
    this.localAddress = addresses.localAddress;
    this.remoteAddress = addresses.remoteAddress;
    tls.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    tls.on("end", () => this.#onEnd());
    tls.on("error", (error: Error) => this.#break(error));
    tls.on("close", () => this.#break(undefined));
    tcp.on("error", (error: Error) => this.#break(error));
    // All of it may have come with the last bytes of the handshake, before we listened.
    if (tls.readableEnded) this.#ended = true;
    if (tls.destroyed || tcp.destroyed) this.#break(undefined);
  }

  // deno-lint-ignore require-await -- rejects, rather than throws, like the other transports
  async read(buffer: Uint8Array): Promise<number | null> {
    const chunk = this.#unread.first;
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
    if (data.length === 0) return 0;
    // Node encrypts all data of a write at once: without a bound, a large message would be in
    // memory a second time.
    const block = data.length > WRITE_BLOCK_BYTES
      ? data.subarray(0, WRITE_BLOCK_BYTES)
      : data;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#rejectWrite = reject;
    // Called once the kernel has the bytes, not when they are encrypted.
    this.#tls.write(block, (error) => {
      if (error) {
        this.#break(error);
        return;
      }
      this.#rejectWrite = undefined;
      resolve(block.length); // does nothing if the connection broke meanwhile
    });
    return promise;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unread.clear();
    const writing = this.#rejectWrite !== undefined;
    this.#break(undefined);
    if (writing) {
      // A peer that does not read would keep a graceful end waiting for ever.
      this.#destroy();
      return;
    }
    // One turn of the event loop for `close_notify`, by which the other end distinguishes an
    // end from a cut; then the descriptor is freed, whatever the peer does.
    this.#tls.end();
    setImmediate(() => this.#destroy());
  }

  #destroy(): void {
    this.#tcp.closeSocket();
    this.#tls.destroy();
    this.#tcp.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    const pending = this.#pendingRead;
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
    if (pending !== undefined) {
      this.#pendingRead = undefined;
      pending.resolve(this.#take(chunk, pending.buffer));
    }
    if (this.#unreadBytes >= MAX_UNREAD_BYTES) this.#tcp.hold();
  }

  /** Moves bytes of `chunk`, the oldest, into `buffer` and returns how many. */
  #take(chunk: Uint8Array, buffer: Uint8Array): number {
    const count = Math.min(chunk.length, buffer.length);
    if (count === chunk.length) {
      buffer.set(chunk);
      this.#unread.shift();
    } else {
      buffer.set(chunk.subarray(0, count));
      this.#unread.replaceFirst(chunk.subarray(count));
    }
    this.#unreadBytes -= count;
    if (this.#unreadBytes < MAX_UNREAD_BYTES) this.#tcp.release();
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
    if (!this.#closed) this.#tcp.closeSocket();
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

/** Buffer of an idle connection. */
const IDLE_BYTES = 4_096;

/**
 * A connection as a Node stream, for `node:tls` to speak TLS over, or `node:http`.
 *
 * Node's own sockets would not do: in Deno 2.9.6 a TLS socket over one reads without end,
 * paused or not, and buffers all of it in memory (tried: 200 MB). Here {@linkcode
 * TcpStream.hold} stops reading. Owns `socket` from construction on.
 */
export class TcpStream extends Duplex {
  readonly #socket: Pick<Connection, "read" | "write" | "close">;
  readonly #maxReadBytes: number;
  /** Small while idle: a mesh is mostly idle connections. Grows when reads fill it. */
  #buffer = new Uint8Array(IDLE_BYTES);
  #reading = false;
  #held = false;
  /** Whether the stream requested bytes while held. */
  #wanted = false;
  #socketClosed = false;

  constructor(
    socket: Pick<Connection, "read" | "write" | "close">,
    maxReadBytes: number = WRITE_BLOCK_BYTES,
  ) {
    super({ allowHalfOpen: true, emitClose: true });
    this.#socket = socket;
    this.#maxReadBytes = maxReadBytes;
    // Errors are reported by the TLS socket over the stream; an error without a listener would
    // end the process.
    this.on("error", () => {});
  }

  /** Stops reading from the network. */
  hold(): void {
    this.#held = true;
  }

  /** Goes on reading. */
  release(): void {
    this.#held = false;
    if (!this.#wanted) return;
    this.#wanted = false;
    this._read();
  }

  /** Closes the socket at once. The kernel still sends the bytes that it has. */
  closeSocket(): void {
    if (this.#socketClosed) return;
    this.#socketClosed = true;
    this.#socket.close();
  }

  override _read(): void {
    if (this.#reading || this.#socketClosed) return;
    if (this.#held) this.#wanted = true;
    else this.#fill();
  }

  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    this.#send(chunk).then(() => callback(), callback);
  }

  override _destroy(
    error: Error | null,
    callback: (error?: Error | null) => void,
  ): void {
    this.closeSocket();
    callback(error);
  }

  async #fill(): Promise<void> {
    this.#reading = true;
    try {
      const count = await this.#socket.read(this.#buffer);
      this.#reading = false;
      this.push(count === null ? null : this.#taken(count));
    } catch (error) {
      this.#reading = false;
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** The `count` bytes just read, and the buffer fitted to the next read. */
  #taken(count: number): Uint8Array {
    const bytes = Buffer.from(this.#buffer.slice(0, count).buffer);
    if (count === this.#buffer.length) {
      this.#resize(Math.min(count * 4, this.#maxReadBytes));
    } else if (count < IDLE_BYTES) {
      this.#resize(IDLE_BYTES);
    }
    return bytes;
  }

  #resize(length: number): void {
    if (length !== this.#buffer.length) this.#buffer = new Uint8Array(length);
  }

  async #send(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      at += await this.#socket.write(at === 0 ? chunk : chunk.subarray(at));
    }
  }
}
