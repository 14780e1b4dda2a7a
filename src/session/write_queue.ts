/**
 * Frames that wait to be written to one connection, gathered into blocks, to leave in one
 * write; large ones that sessions share are not copied.
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
import {
  checksumWord,
  magicWord,
  writeChecksums,
  writeHeader,
} from "../wire/frame.ts";
import { joined } from "../wire/bytes.ts";

/** An element of the queue: a block to be filled, or an encoded frame that others share. */
interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of a block only: what is shared must not be written to. */
  readonly view: DataView | undefined;
  used: number;
  /** Whether it ends within a frame, the rest of which is in the next. */
  endsWithin: boolean;
}

const NOTHING = new Uint8Array(0);

/** Free blocks, shared so that idle sessions hold none. */
const spare: Chunk[] = [];
const spareFirst: Chunk[] = [];

/** Bounded first-in first-out queue of encoded frames. */
export class WriteQueue {
  readonly #magic: number;
  readonly #chunks = new Deque<Chunk>();
  #bytes = 0;
  #writing: Chunk | undefined;

  /** The frames have `magic`. */
  constructor(magic: Uint8Array) {
    this.#magic = magicWord(magic);
  }

  /** Bytes waiting or being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a frame with `payloadBytes` still fits. */
  fits(payloadBytes: number): boolean {
    return this.#bytes + FRAME_HEADER_BYTES + payloadBytes <= MAX_QUEUE_BYTES;
  }

  /** Whether what is being written ends within a frame. */
  get isWithinFrame(): boolean {
    return this.#writing?.endsWithin ?? false;
  }

  /**
   * Appends a frame, which it encodes: `payload`, and `rest`, which continues it, may be reused.
   * One that does not fit a half-empty block is divided among blocks, so that all of them leave
   * full.
   */
  pushFrame(
    command: string,
    payload: Uint8Array,
    checksum: boolean,
    rest: Uint8Array = NOTHING,
  ): void {
    const length = payload.length + rest.length;
    const size = FRAME_HEADER_BYTES + length;
    const isLarge = size > WRITE_BLOCK_BYTES / 2;
    const block = this.#blockFor(isLarge ? FRAME_HEADER_BYTES : size, isLarge);
    const { view, used } = block;
    const sum = checksum ? checksumWord(joined(payload, rest)) : 0;
    writeHeader(view!, used, this.#magic, command, length, sum);
    block.used += FRAME_HEADER_BYTES;
    this.#bytes += FRAME_HEADER_BYTES;
    const last = this.#append(block, payload);
    if (rest.length > 0) this.#append(last, rest);
  }

  /** Appends whole frames, encoded without checksums, which it copies. */
  pushFrames(frames: Uint8Array, checksum: boolean): void {
    const isLarge = frames.length > FIRST_WRITE_BLOCK_BYTES;
    const block = this.#blockFor(isLarge ? 1 : frames.length, isLarge);
    const copy = checksum ? frames.slice() : frames;
    if (checksum) writeChecksums(copy);
    this.#append(block, copy);
  }

  /** Appends an encoded frame, which other queues may share. */
  pushEncoded(frame: Uint8Array<ArrayBuffer>): void {
    const size = frame.length;
    if (size > WRITE_BLOCK_BYTES / 2) {
      this.#chunks.push({
        bytes: frame,
        view: undefined,
        used: size,
        endsWithin: false,
      });
    } else {
      const block = this.#blockFor(size, false);
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
    const { bytes, used } = chunk;
    return used === bytes.length ? bytes : bytes.subarray(0, used);
  }

  /** Releases what {@linkcode take} returned. */
  wrote(): void {
    const chunk = this.#writing;
    if (chunk === undefined) return;
    this.#writing = undefined;
    this.#bytes -= chunk.used;
    recycle(chunk);
  }

  /** Drops everything but what is being written. */
  clear(): void {
    for (const chunk of this.#chunks) recycle(chunk);
    this.#chunks.clear();
    this.#bytes = this.#writing?.used ?? 0;
  }

  /** Fills a block, and as many more as it takes; returns the last. */
  #append(first: Chunk, bytes: Uint8Array): Chunk {
    this.#bytes += bytes.length;
    let block = first;
    let rest = bytes;
    for (
      let room = block.bytes.length - block.used;
      rest.length > room;
      room = block.bytes.length
    ) {
      block.bytes.set(rest.subarray(0, room), block.used);
      block.used += room;
      block.endsWithin = true;
      rest = rest.subarray(room);
      this.#chunks.push(block = largeBlock());
    }
    block.bytes.set(rest, block.used);
    block.used += rest.length;
    return block;
  }

  /** The last block, or a new one, with room for `size` bytes; a large one if more follows. */
  #blockFor(size: number, isLarge: boolean): Chunk {
    const last = this.#chunks.last;
    const isFirst = last?.bytes.length === FIRST_WRITE_BLOCK_BYTES;
    if (last?.view !== undefined && !(isLarge && isFirst)) {
      if (last.used + size <= last.bytes.length) return last;
    }
    const isIdle = last === undefined && this.#writing === undefined;
    // Small if the queue is empty, which is enough for a heartbeat or a handshake.
    const block = isIdle && !isLarge && size <= FIRST_WRITE_BLOCK_BYTES
      ? spareFirst.pop() ?? newBlock(FIRST_WRITE_BLOCK_BYTES)
      : largeBlock();
    if (last?.view !== undefined && isFirst) {
      // Moves to a large block, so that all of it leaves in one write.
      block.bytes.set(last.bytes.subarray(0, last.used));
      block.used = last.used;
      this.#chunks.replaceFirst(block);
      recycle(last);
    } else this.#chunks.push(block);
    return block;
  }
}

function newBlock(size: number): Chunk {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  return { bytes, view, used: 0, endsWithin: false };
}

function largeBlock(): Chunk {
  return spare.pop() ?? newBlock(WRITE_BLOCK_BYTES);
}

function recycle(chunk: Chunk): void {
  if (chunk.view === undefined) return;
  chunk.used = 0;
  chunk.endsWithin = false;
  if (chunk.bytes.length === WRITE_BLOCK_BYTES) {
    if (spare.length < MAX_SPARE_WRITE_BLOCKS) spare.push(chunk);
  } else if (spareFirst.length < MAX_SPARE_FIRST_BLOCKS) spareFirst.push(chunk);
}
