/**
 * Memory that outgoing messages are encoded in, since allocating an array costs more than all
 * else that is done for a short message. Blocks are used again once no message needs them.
 */
import {
  FRAME_BLOCK_BYTES,
  MAX_FRAME_BLOCKS,
  MAX_SHARING_FRAME_BYTES,
  MAX_SPARE_FRAME_BYTES,
} from "./delivery_limits.ts";

/** A block of memory with one frame, or several short ones one after the other. */
export class FrameBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Bytes that have been given out. */
  used = 0;
  /** Frames that are needed. */
  frames = 0;
  /** Whether it may be used again; not while part of a frame may still have to be sent. */
  isReusable = true;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }
}

const NONE = new FrameBlock(0);

/** A spare block may be larger than is needed by this factor. */
const REUSE_FACTOR = 1.125;

/** The blocks of one node. */
export class FrameMemory {
  #open = NONE;
  /** Blocks of the common size that are in use. */
  #common = 0;
  /** Blocks that are not in use, the last freed one last. */
  readonly #spare: FrameBlock[] = [];
  #spareBytes = 0;

  /** A block with room for a frame, which is its last bytes in use from then on. */
  take(size: number): FrameBlock {
    const block = this.#blockFor(size);
    block.used += size;
    block.frames++;
    return block;
  }

  /** A frame of this block is needed no more. */
  release(block: FrameBlock): void {
    if (--block.frames > 0) return;
    block.used = 0;
    const isOpen = block === this.#open;
    if (isOpen && block.isReusable) return;
    if (isOpen) this.#open = NONE;
    const { length } = block.bytes;
    if (length === FRAME_BLOCK_BYTES) this.#common--;
    const fits = this.#spareBytes + length <= MAX_SPARE_FRAME_BYTES;
    if (!block.isReusable || !fits || length <= MAX_SHARING_FRAME_BYTES) return;
    this.#spare.push(block);
    this.#spareBytes += length;
  }

  /** Frees what is not in use. */
  drop(): void {
    this.#spare.length = this.#spareBytes = 0;
    if (this.#open.frames > 0 || this.#open === NONE) return;
    this.#open = NONE;
    this.#common--;
  }

  #blockFor(size: number): FrameBlock {
    const isShort = size <= MAX_SHARING_FRAME_BYTES;
    const open = this.#open;
    if (isShort && open.used + size <= open.bytes.length) return open;
    if (!isShort || this.#common >= MAX_FRAME_BLOCKS) return this.#block(size);
    return this.#open = this.#block(FRAME_BLOCK_BYTES);
  }

  /** A spare block if one is about as large, as that of a message before may be. */
  #block(size: number): FrameBlock {
    if (size === FRAME_BLOCK_BYTES) this.#common++;
    for (let at = this.#spare.length - 1; at >= 0; at--) {
      const block = this.#spare[at]!;
      const { length } = block.bytes;
      if (length < size || length > REUSE_FACTOR * size) continue;
      // Those of the common size are counted by their length.
      const isCommon = length === FRAME_BLOCK_BYTES;
      if (isCommon !== (size === FRAME_BLOCK_BYTES)) continue;
      this.#spare.splice(at, 1);
      this.#spareBytes -= length;
      return block;
    }
    return new FrameBlock(size);
  }
}
