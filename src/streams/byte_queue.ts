/**
 * Bytes that wait to be read or to be sent, in blocks that grow with what comes: many short
 * pieces take little more memory than their bytes. Blocks of the full size are used again.
 */
import { MAX_STREAM_DATA_BYTES } from "../wire/wire_limits.ts";
import { MAX_SPARE_BLOCKS, MIN_BLOCK_BYTES } from "./streams_limits.ts";

/** Size of a full block: one `data` frame fits. */
const BLOCK_BYTES = MAX_STREAM_DATA_BYTES;

/** Free blocks of all queues. */
const spare: Uint8Array<ArrayBuffer>[] = [];

/** A first-in first-out queue of bytes. */
export class ByteQueue {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Bytes of the first block that were taken. */
  #start = 0;
  /** Bytes of the last block that are in use. */
  #end = 0;
  #length = 0;
  #heldBytes = 0;

  /** Bytes in it. */
  get length(): number {
    return this.#length;
  }

  /** Memory of its blocks, bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Appends a copy of `bytes`. */
  push(bytes: Uint8Array): void {
    let from = 0;
    const { length } = bytes;
    while (from < length) {
      let last = this.#blocks.at(-1);
      if (last === undefined || this.#end === last.length) {
        last = this.#addBlock(length - from, last);
      }
      const count = Math.min(length - from, last.length - this.#end);
      last.set(
        count === length ? bytes : bytes.subarray(from, from + count),
        this.#end,
      );
      this.#end += count;
      from += count;
    }
    this.#length += length;
  }

  /** Moves as many bytes as there are and as fit to `target`; returns their number. */
  take(target: Uint8Array): number {
    let taken = 0;
    const wanted = Math.min(target.length, this.#length);
    while (taken < wanted) {
      const first = this.#blocks[0]!;
      const end = this.#blocks.length === 1 ? this.#end : first.length;
      const count = Math.min(wanted - taken, end - this.#start);
      target.set(first.subarray(this.#start, this.#start + count), taken);
      taken += count;
      this.#start += count;
      if (this.#start === end) this.#dropFirst();
    }
    this.#length -= taken;
    return taken;
  }

  /**
   * Takes `count` bytes, which must be there: where they are if one block has all of them, else
   * in `room`. They are valid until bytes are pushed to any queue.
   */
  takeTogether(count: number, room: Uint8Array): Uint8Array {
    const first = this.#blocks[0]!;
    const end = this.#blocks.length === 1 ? this.#end : first.length;
    if (end - this.#start < count) {
      this.take(room.subarray(0, count));
      return room.subarray(0, count);
    }
    const bytes = first.subarray(this.#start, this.#start + count);
    this.#length -= count;
    this.#start += count;
    if (this.#start === end) this.#dropFirst();
    return bytes;
  }

  /** Drops everything. */
  clear(): void {
    while (this.#blocks.length > 0) this.#dropFirst();
    this.#length = 0;
  }

  #addBlock(
    needed: number,
    last: Uint8Array | undefined,
  ): Uint8Array<ArrayBuffer> {
    // At least twice the one before, so that few blocks hold many short pieces.
    const size = Math.min(
      BLOCK_BYTES,
      Math.max(needed, 2 * (last?.length ?? 0), MIN_BLOCK_BYTES),
    );
    const block = (size === BLOCK_BYTES ? spare.pop() : undefined) ??
      new Uint8Array(size);
    this.#blocks.push(block);
    this.#heldBytes += size;
    this.#end = 0;
    return block;
  }

  #dropFirst(): void {
    const block = this.#blocks.shift()!;
    this.#heldBytes -= block.length;
    this.#start = 0;
    if (block.length === BLOCK_BYTES && spare.length < MAX_SPARE_BLOCKS) {
      spare.push(block);
    }
  }
}
