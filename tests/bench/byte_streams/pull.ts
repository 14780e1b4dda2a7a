/** Streams whose user asks for bytes: what is read into a buffer, and Web Streams. */
import type { ByteStream, Taker } from "./byte_stream.ts";

/** Buffers grow under load, as one that is idle needs little. */
const MIN_BUFFER_BYTES = 1_024;
const MAX_BUFFER_BYTES = 131_072;

/** What {@linkcode PullStream} and {@linkcode WebStream} need of a stream. */
export interface Duplex {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<unknown>;
  closeWrite(): Promise<void>;
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}

/** By `read` and `write`. */
export class PullStream implements ByteStream {
  readonly #duplex: Duplex;
  readonly #abort: () => void;

  constructor(duplex: Duplex, abort: () => void) {
    this.#duplex = duplex;
    this.#abort = abort;
  }

  async receive(take: Taker): Promise<void> {
    let buffer = new Uint8Array(MIN_BUFFER_BYTES);
    try {
      while (true) {
        const count = await this.#duplex.read(buffer);
        if (count === null) return take(null);
        take(buffer.subarray(0, count));
        if (count === buffer.length && count < MAX_BUFFER_BYTES) {
          buffer = new Uint8Array(2 * count);
        }
      }
    } catch {
      // It was aborted, or the session is lost.
    }
  }

  /** A socket may take only a part. */
  async write(bytes: Uint8Array): Promise<void> {
    const count = await this.#duplex.write(bytes);
    if (typeof count !== "number" || count === bytes.length) return;
    await this.write(bytes.subarray(count));
  }

  end(): void {
    this.#duplex.closeWrite().catch(() => {});
  }

  abort(): void {
    this.#abort();
  }
}

/** By `readable` and `writable`. */
export class WebStream implements ByteStream {
  readonly #duplex: Duplex;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #abort: () => void;

  constructor(duplex: Duplex, abort: () => void) {
    this.#duplex = duplex;
    this.#writer = duplex.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#abort = abort;
  }

  async receive(take: Taker): Promise<void> {
    try {
      for await (const bytes of this.#duplex.readable) take(bytes);
      take(null);
    } catch {
      // It was aborted, or the session is lost.
    }
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#writer.ready;
    await this.#writer.write(bytes);
  }

  end(): void {
    this.#writer.close().catch(() => {});
  }

  abort(): void {
    this.#abort();
  }
}
