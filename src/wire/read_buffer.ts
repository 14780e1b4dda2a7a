/**
 * The buffer that a connection is read into: small while little arrives, as a mesh is
 * mostly idle sessions. Its owner passes the length of the frame that is coming.
 *
 * It starts at `initialBytes` and is only ever exchanged or compacted in
 * {@linkcode ReadBuffer.space}, as a read may be pending on what that returned before.
 *
 * - A read that filled it makes it `READ_BUFFER_GROWTH` times as large, up to
 *   `READ_BUFFER_MAX_BYTES` and never beyond what the largest frame allowed now needs.
 * - A larger frame makes it double with what has *arrived*, up to the frame and one
 *   read block: a peer that announces 4 MB and sends nothing pins `initialBytes`, one
 *   that sends n bytes at most 2n beyond `READ_BUFFER_MAX_BYTES`.
 * - Once such a frame is taken it falls back to `READ_BUFFER_MAX_BYTES` at once, and
 *   after `READ_BUFFER_SHRINK_READS` reads in a row shorter than `initialBytes` to
 *   `initialBytes`. That it does at once when nothing waits, as long as fewer than
 *   `READ_BUFFER_KEEP_READS` longer ones have come since: a single long list is not yet
 *   a stream.
 */
import {
  MAX_SPARE_READ_BUFFERS,
  READ_BUFFER_GROWTH,
  READ_BUFFER_KEEP_READS,
  READ_BUFFER_MAX_BYTES,
  READ_BUFFER_MIN_BYTES,
  READ_BUFFER_SHRINK_READS,
} from "./wire_limits.ts";

/** Buffers of `READ_BUFFER_MIN_BYTES` for reuse: to allocate one costs as much as a read. */
const spare: Uint8Array<ArrayBuffer>[] = [];

/** Bytes that were read and are not taken yet: `bytes` from `start` up to `end`. */
export class ReadBuffer {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  start = 0;
  end = 0;
  readonly #initialBytes: number;
  /** The last read took all the room it was given, so more is waiting. */
  #filled = false;
  #smallReads = 0;
  /** Reads that were not small, since that many in a row were. */
  #largeReads = 0;

  constructor(initialBytes: number) {
    this.#initialBytes = initialBytes;
    const reused = initialBytes === READ_BUFFER_MIN_BYTES && spare.pop();
    this.bytes = reused || new Uint8Array(initialBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Bytes not consumed yet. */
  get length(): number {
    return this.end - this.start;
  }

  /**
   * Free room to read into, at least one byte, while a frame of `wanted` bytes is coming
   * and none may have more than `largest`. Ends the validity of what it returned before
   * and of all views.
   */
  space(wanted: number, largest: number): Uint8Array<ArrayBuffer> {
    const { length } = this;
    const capacity = this.nextCapacity(wanted, largest);
    if (this.start > 0 && length > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
    }
    if (capacity !== this.bytes.length) {
      this.#resize(capacity);
      this.#smallReads = 0;
    }
    this.start = 0;
    this.end = length;
    this.#filled = false;
    return length === 0 ? this.bytes : this.bytes.subarray(length);
  }

  /** Adds the first `count` bytes of the buffer that {@linkcode space} returned. */
  commit(count: number): void {
    const room = this.bytes.length - this.end;
    if (!(Number.isInteger(count) && count >= 0 && count <= room)) {
      throw new RangeError(
        `Cannot commit: count is ${count}, must be 0 to ${room}`,
      );
    }
    this.end += count;
    this.#filled = count === room;
    if (count >= this.#initialBytes) {
      this.#smallReads = 0;
      this.#largeReads++;
    } else if (++this.#smallReads >= READ_BUFFER_SHRINK_READS) {
      this.#largeReads = 0;
    }
  }

  /** Releases the memory; nothing can be read after this. No read may be pending. */
  release(): void {
    const { bytes } = this;
    this.start = this.end = 0;
    if (
      bytes.length !== READ_BUFFER_MIN_BYTES ||
      spare.length >= MAX_SPARE_READ_BUFFERS
    ) return this.#resize(0);
    spare.push(bytes);
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
  }

  /** The size for the next read. */
  nextCapacity(wanted: number, largest: number): number {
    const held = this.length;
    const capacity = this.bytes.length;
    const initial = this.#initialBytes;
    const busy = Math.max(initial, Math.min(READ_BUFFER_MAX_BYTES, largest));
    if (this.#filled && capacity < busy) {
      return Math.min(busy, READ_BUFFER_GROWTH * capacity);
    }
    if (held === capacity) {
      // Whole frames may be held that were not taken: then there is nothing to wait for.
      return wanted <= held ? 2 * held : Math.min(wanted + busy, 2 * held);
    }
    if (capacity > initial) {
      const idle = this.#smallReads >= READ_BUFFER_SHRINK_READS ||
        !this.#filled && this.#largeReads < READ_BUFFER_KEEP_READS;
      if (idle && 2 * held <= initial) return initial;
      if (capacity > busy && wanted <= busy && held < busy) return busy;
    }
    return capacity;
  }

  /** Frees the old memory at once, since much would wait for the garbage collector. */
  #resize(capacity: number): void {
    this.bytes = new Uint8Array(this.bytes.buffer.transfer(capacity));
    this.view = new DataView(this.bytes.buffer);
  }
}
