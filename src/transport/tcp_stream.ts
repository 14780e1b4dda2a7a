/**
 * A TCP connection of Deno's as a Node stream, for `node:tls` to speak TLS over.
 *
 * Node's own sockets would not do: in Deno 2.9.6 a TLS socket over one reads on
 * and on, paused or not, and keeps what nobody has asked for in memory (tried:
 * 200 MB and counting). Here {@linkcode TcpStream.hold} really stops reading, and
 * {@linkcode TcpStream.drained} really waits for the kernel.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { READ_BUFFER_MIN_BYTES, WRITE_BLOCK_BYTES } from "../limits.ts";

/** Owns `socket` from construction on. */
export class TcpStream extends Duplex {
  readonly #socket: Deno.TcpConn;
  /** Small while idle: a mesh is mostly idle connections. Grows when reads fill it. */
  #buffer = new Uint8Array(READ_BUFFER_MIN_BYTES);
  #reading = false;
  #held = false;
  /** The stream has asked for bytes while held. */
  #wanted = false;
  #writing = 0;
  #onDrained: (() => void) | undefined;
  #socketClosed = false;

  constructor(socket: Deno.TcpConn) {
    super({ allowHalfOpen: true, emitClose: true });
    this.#socket = socket;
    // Whoever uses the stream learns of errors through the TLS socket over it; and
    // an error without a listener ends the process.
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

  /** Resolves once everything written so far is with the kernel, or nothing ever will be. */
  drained(): Promise<void> | undefined {
    if (this.#writing === 0 && this.writableLength === 0) return undefined;
    if (this.#socketClosed) return undefined;
    return new Promise((resolve) => this.#onDrained = resolve);
  }

  /** Closes the socket at once. What the kernel has, it still delivers. */
  closeSocket(): void {
    if (this.#socketClosed) return;
    this.#socketClosed = true;
    this.#socket.close();
    this.#onDrained?.();
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
    this.#writing++;
    this.#send(chunk).then(
      () => this.#sent(callback),
      (error) => this.#sent(() => callback(error)),
    );
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
    let count: number | null;
    try {
      count = await this.#socket.read(this.#buffer);
    } catch (error) {
      this.#reading = false;
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#reading = false;
    if (count === null) {
      this.push(null);
      return;
    }
    const full = count === this.#buffer.length;
    const bytes = Buffer.from(this.#buffer.slice(0, count).buffer);
    if (full) this.#resize(Math.min(count * 4, WRITE_BLOCK_BYTES));
    else if (count < READ_BUFFER_MIN_BYTES) this.#resize(READ_BUFFER_MIN_BYTES);
    this.push(bytes);
  }

  #resize(length: number): void {
    if (length !== this.#buffer.length) this.#buffer = new Uint8Array(length);
  }

  async #send(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      at += await this.#socket.write(at === 0 ? chunk : chunk.subarray(at));
    }
  }

  #sent(callback: () => void): void {
    this.#writing--;
    callback();
    if (this.#writing > 0 || this.writableLength > 0) return;
    this.#onDrained?.();
    this.#onDrained = undefined;
  }
}
