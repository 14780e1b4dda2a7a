/** Two ends of a connection in memory, and what is between them, which may be hostile. */
import { failure } from "../../src/transport/net_errors.ts";
import type { Connection } from "../../src/transport/transport.ts";

/** Which end sent something. */
export type PipedSide = "dialing" | "accepting";

/** Is given what one end sent; what it returns arrives at the other end, null for the end of the stream. */
export type Tamper = (
  from: PipedSide,
  bytes: Uint8Array,
) => readonly (Uint8Array | null)[];

const HONEST: Tamper = (_from, bytes) => [bytes];

/** One end. */
export class PipedEnd implements Connection {
  readonly localAddress = { host: "10.9.9.1", port: 1 };
  readonly remoteAddress = { host: "10.9.9.2", port: 2 };
  isClosed = false;
  readonly #side: PipedSide;
  readonly #tamper: Tamper;
  readonly #inbox: (Uint8Array | null)[] = [];
  #other: PipedEnd = this;
  #change = Promise.withResolvers<void>();

  private constructor(side: PipedSide, tamper: Tamper) {
    this.#side = side;
    this.#tamper = tamper;
  }

  /** Both ends; nothing limits what is under way. */
  static pair(tamper: Tamper = HONEST) {
    const dialing = new PipedEnd("dialing", tamper);
    const accepting = new PipedEnd("accepting", tamper);
    [dialing.#other, accepting.#other] = [accepting, dialing];
    return { dialing, accepting };
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.isClosed) throw this.#closed("read");
      const first = this.#inbox[0];
      if (first === null) return null;
      if (first !== undefined) {
        const count = Math.min(buffer.length, first.length);
        buffer.set(first.subarray(0, count));
        if (count === first.length) this.#inbox.shift();
        else this.#inbox[0] = first.subarray(count);
        return count;
      }
      await this.#change.promise;
    }
  }

  write(data: Uint8Array): Promise<number> {
    if (this.isClosed) return Promise.reject(this.#closed("write"));
    for (const bytes of this.#tamper(this.#side, data.slice())) {
      this.#other.arrive(bytes);
    }
    return Promise.resolve(data.length);
  }

  /** Something arrives here. */
  arrive(bytes: Uint8Array | null): void {
    if (this.isClosed || bytes?.length === 0) return;
    this.#inbox.push(bytes);
    this.#wake();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#other.arrive(null);
    this.#wake();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #closed(action: "read" | "write"): Error {
    return failure("closed", action, this.remoteAddress, "closed here");
  }
}
