/**
 * Frames that wait to be written to one connection: small ones are gathered into
 * blocks, to leave in one write, and large ones are not copied.
 */
import { Deque } from "../core/deque.ts";
import { WRITE_BLOCK_BYTES } from "../transport/transport_limits.ts";
import {
  FIRST_WRITE_BLOCK_BYTES,
  MAX_QUEUE_BYTES,
  MAX_SPARE_FIRST_BLOCKS,
  MAX_SPARE_WRITE_BLOCKS,
} from "./session_limits.ts";
import { FRAME_HEADER_BYTES } from "../wire/wire_limits.ts";
import { encodeFrame, writeFrame } from "../wire/frame.ts";

/** Free blocks, shared so that idle sessions hold none. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const spareFirst: Uint8Array<ArrayBuffer>[] = [];

/** An element of the queue: a block of small frames, or one large frame. */
interface Chunk {
  bytes: Uint8Array<ArrayBuffer>;
  used: number;
  /** Whether `bytes` is a block that can be filled and reused. */
  readonly isBlock: boolean;
}

/** Bounded first-in first-out queue of encoded frames. */
export class WriteQueue {
  readonly #chunks = new Deque<Chunk>();
  #bytes = 0;
  #writing: Chunk | undefined;

  /** Bytes waiting or being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a frame with `payloadBytes` still fits. */
  fits(payloadBytes: number): boolean {
    return this.#bytes + FRAME_HEADER_BYTES + payloadBytes <= MAX_QUEUE_BYTES;
  }

  /** Appends a frame, which it encodes: `payload` may be reused. */
  pushFrame(
    magic: Uint8Array,
    command: string,
    payload: Uint8Array,
    checksum: boolean,
  ): void {
    const size = FRAME_HEADER_BYTES + payload.length;
    if (size > WRITE_BLOCK_BYTES / 2) {
      const bytes = encodeFrame(magic, command, payload, { checksum });
      this.#chunks.push({ bytes, used: size, isBlock: false });
    } else {
      const block = this.#blockFor(size);
      writeFrame(block.bytes, block.used, magic, command, payload, checksum);
      block.used += size;
    }
    this.#bytes += size;
  }

  /** Appends an encoded frame, which other queues may share. */
  pushEncoded(frame: Uint8Array<ArrayBuffer>): void {
    const size = frame.length;
    if (size > WRITE_BLOCK_BYTES / 2) {
      this.#chunks.push({ bytes: frame, used: size, isBlock: false });
    } else {
      const block = this.#blockFor(size);
      block.bytes.set(frame, block.used);
      block.used += size;
    }
    this.#bytes += size;
  }

  /** The next bytes to write, until {@linkcode wrote} is called. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    this.#writing = chunk;
    return chunk.bytes.subarray(0, chunk.used);
  }

  /** Releases what {@linkcode take} returned. */
  wrote(): void {
    const chunk = this.#writing;
    if (chunk === undefined) return;
    this.#writing = undefined;
    this.#bytes -= chunk.used;
    if (chunk.isBlock) recycle(chunk.bytes);
  }

  /** Drops everything but what is being written. */
  clear(): void {
    for (const { isBlock, bytes } of this.#chunks) if (isBlock) recycle(bytes);
    this.#chunks.clear();
    this.#bytes = this.#writing?.used ?? 0;
  }

  #blockFor(size: number): Chunk {
    const last = this.#chunks.last;
    if (last?.isBlock && last.used + size <= last.bytes.length) return last;
    if (last?.isBlock && last.bytes.length === FIRST_WRITE_BLOCK_BYTES) {
      // Moves to a large block, so that all of it leaves in one write.
      const first = last.bytes;
      last.bytes = largeBlock();
      last.bytes.set(first.subarray(0, last.used));
      recycle(first);
      return last;
    }
    const block: Chunk = {
      bytes: this.#newBlock(size),
      used: 0,
      isBlock: true,
    };
    this.#chunks.push(block);
    return block;
  }

  /** A small one if the queue is empty, which is enough for a heartbeat or a handshake. */
  #newBlock(size: number): Uint8Array<ArrayBuffer> {
    const idle = this.#chunks.length === 0 && this.#writing === undefined;
    if (idle && size <= FIRST_WRITE_BLOCK_BYTES) {
      return spareFirst.pop() ?? new Uint8Array(FIRST_WRITE_BLOCK_BYTES);
    }
    return largeBlock();
  }
}

function largeBlock(): Uint8Array<ArrayBuffer> {
  return spare.pop() ?? new Uint8Array(WRITE_BLOCK_BYTES);
}

function recycle(block: Uint8Array<ArrayBuffer>): void {
  if (block.length === WRITE_BLOCK_BYTES) {
    if (spare.length < MAX_SPARE_WRITE_BLOCKS) spare.push(block);
  } else if (spareFirst.length < MAX_SPARE_FIRST_BLOCKS) spareFirst.push(block);
}
