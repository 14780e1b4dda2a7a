/**
 * A TCP connection of Deno's as a Node stream, for `node:tls` to speak TLS over.
 *
 * Node's own sockets would not do: in Deno 2.9.6 a TLS socket over one reads on
 * and on, paused or not, and keeps what nobody has asked for in memory (tried:
 * 200 MB and counting). Here {@linkcode TcpStream.hold} really stops reading.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { WRITE_BLOCK_BYTES } from "./transport_limits.ts";

/** Buffer of an idle connection. */
const IDLE_BYTES = 4_096;

/** Owns `socket` from construction on. */
export class TcpStream extends Duplex {
  readonly #socket: Deno.TcpConn;
  /** Small while idle: a mesh is mostly idle connections. Grows when reads fill it. */
  #buffer = new Uint8Array(IDLE_BYTES);
  #reading = false;
  #held = false;
  /** The stream has asked for bytes while held. */
  #wanted = false;
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

  /** Closes the socket at once. What the kernel has, it still delivers. */
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
      this.#resize(Math.min(count * 4, WRITE_BLOCK_BYTES));
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
