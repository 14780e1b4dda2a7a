/**
 * The loads that both ends of a byte stream run, in all contestants. Each begins
 * with a head that says what to do and how many bytes follow or are wanted, so that
 * nothing depends on how a stream ends.
 */
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ByteStream, Taker } from "./byte_stream.ts";

/** Size of a head, of a request and of an answer. */
export const HEAD_BYTES = 100;
/** Size of a write of bulk data. */
export const BLOCK_BYTES = 65_536;

/** Of a head: the number of bytes (f64). Its first byte says what to do. */
const SIZE_OFFSET = 8;

const OP = {
  /** Answer by as many bytes as the head has. */
  echo: 1,
  /** So many bytes follow; answer when all are here. */
  sink: 2,
  /** Send so many bytes. */
  source: 3,
  /** As the second, but write them into a file. */
  file: 4,
} as const;

/**
 * Answers what the other end asks for, until it ends the stream.
 *
 * @param receiveDir Where files are written.
 */
export function answerLoads(stream: ByteStream, receiveDir = ""): void {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  let filled = 0;
  let wanted = 0;
  let file: number | undefined;
  const begin = () => {
    const size = view.getFloat64(SIZE_OFFSET);
    if (head[0] === OP.echo) return stream.write(head);
    if (head[0] === OP.source) return writeBlocks(stream, size);
    wanted = size;
    if (head[0] === OP.file) file = openSync(join(receiveDir, "copy"), "w");
  };
  const takeData = (bytes: Uint8Array) => {
    if (file !== undefined) writeAllSync(file, bytes);
    wanted -= bytes.length;
    if (wanted > 0) return;
    if (file !== undefined) closeSync(file);
    file = undefined;
    stream.write(head);
  };
  stream.receive((bytes) => {
    if (bytes === null) return stream.end();
    for (let at = 0; at < bytes.length;) {
      const isData = wanted > 0;
      const missing = isData ? wanted : HEAD_BYTES - filled;
      const part = bytes.subarray(at, at + missing);
      at += part.length;
      if (isData) {
        takeData(part);
        continue;
      }
      head.set(part, filled);
      filled = (filled + part.length) % HEAD_BYTES;
      if (filled === 0) begin();
    }
  });
}

/** One stream at the end that makes the load. */
export class Load {
  readonly #stream: ByteStream;
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #view = new DataView(this.#head.buffer);
  #wanted = 0;
  #came: () => void = () => {};

  constructor(stream: ByteStream) {
    this.#stream = stream;
    stream.receive(this.#take);
  }

  /** Sends a request and waits for its answer. */
  async echo(): Promise<void> {
    const answered = this.#expect(HEAD_BYTES);
    await this.#say(OP.echo, 0);
    await answered;
  }

  /** As {@linkcode echo}, and both ends the stream. */
  async echoOnce(): Promise<void> {
    const answered = this.#expect(HEAD_BYTES + 1);
    const written = this.#say(OP.echo, 0);
    this.#stream.end();
    await written;
    await answered;
  }

  /** Sends blocks, until all are there. */
  async send(blocks: number): Promise<void> {
    const answered = this.#expect(HEAD_BYTES);
    await this.#say(OP.sink, blocks * BLOCK_BYTES);
    await writeBlocks(this.#stream, blocks * BLOCK_BYTES);
    await answered;
  }

  /** Sends a file, until it is written at the other end. */
  async sendFile(path: string): Promise<void> {
    const answered = this.#expect(HEAD_BYTES);
    await this.#say(OP.file, statSync(path).size);
    const file = openSync(path, "r");
    const block = new Uint8Array(BLOCK_BYTES);
    for (let count = readSync(file, block); count > 0;) {
      await this.#stream.write(block.subarray(0, count));
      count = readSync(file, block);
    }
    closeSync(file);
    await answered;
  }

  /** Has the other end send blocks, until all are here. */
  async receive(blocks: number): Promise<void> {
    const answered = this.#expect(blocks * BLOCK_BYTES);
    await this.#say(OP.source, blocks * BLOCK_BYTES);
    await answered;
  }

  end(): void {
    this.#stream.end();
  }

  abort(): void {
    this.#stream.abort();
  }

  /** The end counts as a byte. */
  #expect(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wanted = bytes;
    this.#came = resolve;
    return promise;
  }

  #say(op: number, bytes: number): Promise<void> {
    this.#head[0] = op;
    this.#view.setFloat64(SIZE_OFFSET, bytes);
    return this.#stream.write(this.#head);
  }

  readonly #take: Taker = (bytes) => {
    this.#wanted -= bytes === null ? 1 : bytes.length;
    if (this.#wanted === 0) this.#came();
  };
}

/** A multiple of the size of a block. */
async function writeBlocks(stream: ByteStream, bytes: number): Promise<void> {
  const block = new Uint8Array(BLOCK_BYTES);
  for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
    await stream.write(block);
  }
}

function writeAllSync(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}
