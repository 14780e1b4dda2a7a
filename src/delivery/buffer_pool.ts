/**
 * Small pieces of memory cut from larger ones: an array of its own costs as much
 * as everything else that is done for a short message.
 *
 * A piece keeps all of its pool, so that whoever keeps pieces for long, or many of
 * them, makes arrays of their own instead.
 */
import { MAX_POOLED_BYTES, POOL_BLOCK_BYTES } from "../delivery_limits.ts";

const NOTHING = new Uint8Array(0);

/** Cuts pieces. */
export class BufferPool {
  #bytes: Uint8Array<ArrayBuffer> = NOTHING;
  #used = 0;

  /** Room that nobody has been given before; none for what is too long to share. */
  cut(size: number): Uint8Array<ArrayBuffer> | undefined {
    if (size > MAX_POOLED_BYTES) return undefined;
    if (this.#used + size > this.#bytes.length) {
      this.#bytes = new Uint8Array(POOL_BLOCK_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return new Uint8Array(this.#bytes.buffer, start, size);
  }

  /** Lets go of what is left of the last pool. */
  drop(): void {
    this.#bytes = NOTHING;
    this.#used = 0;
  }
}
