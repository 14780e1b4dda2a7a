/**
 * Cuts short arrays from shared blocks, since allocating an array costs as much as the
 * rest of the handling of a short message. An array keeps its whole block alive, so
 * arrays that are kept for long must be copied.
 */
import { MAX_POOLED_BYTES, POOL_BLOCK_BYTES } from "./core_limits.ts";

const NOTHING = new Uint8Array(0);

/** A pool of short arrays. */
export class BufferPool {
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #used = 0;

  /** Unused memory, or none if `size` is too large to share a block. */
  cut(size: number): Uint8Array<ArrayBuffer> | undefined {
    if (size > MAX_POOLED_BYTES) return undefined;
    const start = this.#reserve(size);
    return new Uint8Array(this.#bytes.buffer, start, size);
  }

  /**
   * Copies `bytes` to unused memory, and returns their offset in {@linkcode block}; none if
   * there are too many to share a block. The caller makes an array of them if it needs one.
   */
  put(bytes: Uint8Array): number | undefined {
    if (bytes.length > MAX_POOLED_BYTES) return undefined;
    const start = this.#reserve(bytes.length);
    this.#bytes.set(bytes, start);
    return start;
  }

  /** The block that was last cut from. */
  get block(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  /** Releases the rest of the current block. */
  drop(): void {
    this.#bytes = NOTHING;
    this.#used = 0;
  }

  #reserve(size: number): number {
    if (this.#used + size > this.#bytes.length) {
      this.#bytes = new Uint8Array(POOL_BLOCK_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return start;
  }
}
