/**
 * Copies short arrays into shared blocks, since allocating an array costs as much as the
 * rest of the handling of a short message. Blocks are used again once all that is in them was
 * released; what is not released keeps its whole block alive.
 */
import {
  MAX_POOLED_BYTES,
  MAX_SPARE_POOL_BLOCKS,
  POOL_BLOCK_BYTES,
} from "./core_limits.ts";

/** Memory of several short arrays. */
export class PoolBlock {
  readonly bytes = new Uint8Array(POOL_BLOCK_BYTES);
  used = 0;
  /** Arrays in it that are not released. */
  users = 0;
  /** Whether more is put into it. */
  isOpen = true;

  /** One array is not needed any more. */
  release(): void {
    if (--this.users > 0) return;
    this.used = 0;
    if (!this.isOpen && spare.length < MAX_SPARE_POOL_BLOCKS) spare.push(this);
  }
}

/** Blocks that are not in use, of all pools. */
const spare: PoolBlock[] = [];

/** A pool of short arrays. */
export class BufferPool {
  #block: PoolBlock | undefined;

  /**
   * Copies `bytes` to the end of the used part of a block, and returns the block; none if they are
   * too many to share one.
   */
  put(bytes: Uint8Array): PoolBlock | undefined {
    const { length } = bytes;
    if (length > MAX_POOLED_BYTES) return undefined;
    const block = this.#blockFor(length);
    block.bytes.set(bytes, block.used);
    block.used += length;
    block.users++;
    return block;
  }

  /** Puts nothing more into the current block. */
  drop(): void {
    const block = this.#block;
    this.#block = undefined;
    if (block !== undefined) block.isOpen = false;
  }

  #blockFor(size: number): PoolBlock {
    const block = this.#block;
    if (block !== undefined && block.used + size <= POOL_BLOCK_BYTES) {
      return block;
    }
    this.drop();
    const next = spare.pop() ?? new PoolBlock();
    next.isOpen = true;
    return this.#block = next;
  }
}
