/**
 * What waits to be written to one connection: frames are gathered into blocks so
 * that many small ones leave in one write, and large ones are not copied.
 * Pure bookkeeping; `session.ts` does the writing.
 */
import {
  FIRST_WRITE_BLOCK_BYTES,
  FRAME_HEADER_BYTES,
  MAX_QUEUE_BYTES,
  MAX_SPARE_FIRST_BLOCKS,
  MAX_SPARE_WRITE_BLOCKS,
  WRITE_BLOCK_BYTES,
} from "../limits.ts";
import { encodeFrame, writeFrame } from "../wire/frame.ts";

/** Blocks that nobody uses now; shared, so that idle sessions hold none. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const spareFirst: Uint8Array<ArrayBuffer>[] = [];

/** A piece of the queue: a block that small frames share, or one frame of its own. */
interface Piece {
  bytes: Uint8Array<ArrayBuffer>;
  used: number;
  /** Whether `bytes` is a block that can be filled and reused. */
  readonly isBlock: boolean;
}

/** Bounded first-in first-out queue of encoded frames. */
export class WriteQueue {
  readonly #pieces: Piece[] = [];
  #bytes = 0;
  #writing: Piece | undefined;

  /** Bytes waiting or being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a frame with `payloadBytes` still fits. */
  fits(payloadBytes: number): boolean {
    return this.#bytes + FRAME_HEADER_BYTES + payloadBytes <= MAX_QUEUE_BYTES;
  }

  /** Encodes a frame at the end of the queue. `payload` is copied or encoded at once. */
  pushFrame(
    magic: Uint8Array,
    command: string,
    payload: Uint8Array,
    checksum: boolean,
  ): void {
    const size = FRAME_HEADER_BYTES + payload.length;
    if (size > WRITE_BLOCK_BYTES / 2) {
      const bytes = encodeFrame(magic, command, payload, { checksum });
      this.#pieces.push({ bytes, used: size, isBlock: false });
    } else {
      const block = this.#blockFor(size);
      writeFrame(block.bytes, block.used, magic, command, payload, checksum);
      block.used += size;
    }
    this.#bytes += size;
  }

  /** Appends an encoded frame, which others may share: it is never written to. */
  pushEncoded(frame: Uint8Array<ArrayBuffer>): void {
    const size = frame.length;
    if (size > WRITE_BLOCK_BYTES / 2) {
      this.#pieces.push({ bytes: frame, used: size, isBlock: false });
    } else {
      const block = this.#blockFor(size);
      block.bytes.set(frame, block.used);
      block.used += size;
    }
    this.#bytes += size;
  }

  /** The next bytes to write, which must be given back by {@linkcode wrote}. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    this.#writing = piece;
    return piece.bytes.subarray(0, piece.used);
  }

  /** What {@linkcode take} gave is written. */
  wrote(): void {
    const piece = this.#writing;
    if (piece === undefined) return;
    this.#writing = undefined;
    this.#bytes -= piece.used;
    if (piece.isBlock) recycle(piece.bytes);
  }

  /** Forgets everything. What is being written stays with the writer. */
  clear(): void {
    for (const { isBlock, bytes } of this.#pieces) if (isBlock) recycle(bytes);
    this.#pieces.length = 0;
    this.#bytes = this.#writing?.used ?? 0;
  }

  #blockFor(size: number): Piece {
    const last = this.#pieces.at(-1);
    if (last?.isBlock && last.used + size <= last.bytes.length) return last;
    if (last?.isBlock && last.bytes.length === FIRST_WRITE_BLOCK_BYTES) {
      // More comes than was to be expected: all of it leaves in one write.
      const first = last.bytes;
      last.bytes = largeBlock();
      last.bytes.set(first.subarray(0, last.used));
      recycle(first);
      return last;
    }
    const block: Piece = {
      bytes: this.#newBlock(size),
      used: 0,
      isBlock: true,
    };
    this.#pieces.push(block);
    return block;
  }

  /** Small where nothing is under way: a heartbeat or a handshake needs no more. */
  #newBlock(size: number): Uint8Array<ArrayBuffer> {
    const idle = this.#pieces.length === 0 && this.#writing === undefined;
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
