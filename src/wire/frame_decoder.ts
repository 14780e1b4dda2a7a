/**
 * Reads Bitcoin's v1 frames out of a stream (Core's reader is `V1Transport` in
 * `src/net.cpp`), in a buffer of its own that stays small while little arrives.
 *
 * What to do about a fault is up to the owner: Core drops such a message and
 * keeps the connection, the mesh closes it.
 */
import { VerackError } from "../core/errors.ts";
import {
  FRAME_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_GROWTH,
  READ_BUFFER_KEEP_READS,
  READ_BUFFER_MAX_BYTES,
  READ_BUFFER_MIN_BYTES,
  READ_BUFFER_SHRINK_READS,
} from "../limits.ts";
import { checksumWord } from "./checksum.ts";
import {
  COMMAND_FIELD_BYTES,
  knownCommand,
  parseCommandField,
} from "./command_field.ts";
import {
  checkMagic,
  CHECKSUM_OFFSET,
  COMMAND_OFFSET,
  LENGTH_OFFSET,
} from "./frame_layout.ts";

const EMPTY = new Uint8Array(0);

/** One frame, as {@linkcode FrameDecoder.next} finds it. */
export interface Frame {
  /** The command without its padding; escaped for showing when the field is broken. */
  readonly command: string;
  /** A view into the decoder's buffer: valid only until the next {@linkcode FrameDecoder.space}. */
  readonly payload: Uint8Array;
  /**
   * What is wrong with it, where the stream itself is still in step. `oversize`:
   * longer than `maxPayload`, so that its payload was dropped as it came.
   */
  readonly fault?: "bad-checksum" | "bad-command" | "oversize";
  /** Bytes of payload that were dropped; with the fault `oversize` only. */
  readonly dropped?: number;
}

/** Settings of a {@linkcode FrameDecoder}. */
export interface FrameDecoderOptions {
  /** The four bytes that begin every frame of the network; not to be changed. */
  readonly magic: Uint8Array;
  /** Longest payload accepted, bytes; at most `MAX_PAYLOAD_BYTES`. */
  readonly maxPayload: number;
  /**
   * Longest payload that is skipped instead, bytes: it passes without being kept,
   * and comes out as a frame with the fault `oversize`.
   *
   * @default {0}: none, a length above `maxPayload` is an error
   */
  readonly skipPayload?: number;
  /**
   * Size of the buffer while little is read, bytes.
   *
   * @default {READ_BUFFER_MIN_BYTES}
   */
  readonly initialBytes?: number;
  /**
   * Whether checksums are computed and compared.
   *
   * @default {true}
   */
  readonly verifyChecksum?: boolean;
}

/**
 * Cuts a stream into frames, in a buffer of its own that the caller reads into:
 * `space()`, read, `commit()`, then `next()` until it gives `undefined`. Payloads
 * are not copied.
 *
 * The buffer starts at `initialBytes` and is only ever exchanged or compacted in
 * {@linkcode space}, as a read may be pending on what `space()` returned before.
 *
 * - A read that filled it makes it `READ_BUFFER_GROWTH` times as large, up to
 *   `READ_BUFFER_MAX_BYTES` and never beyond what the largest frame allowed now
 *   would need.
 * - A larger frame makes it double with what has *arrived*, up to the frame and
 *   one read block: who announces 4 MB and sends nothing pins `initialBytes`, who
 *   sends n bytes pins at most 2n beyond `READ_BUFFER_MAX_BYTES`.
 * - What is skipped (`skipPayload`) never takes room.
 * - Once such a frame is taken it falls back to `READ_BUFFER_MAX_BYTES` at once,
 *   and after `READ_BUFFER_SHRINK_READS` reads in a row shorter than
 *   `initialBytes` to `initialBytes`. That it does at once when nothing waits, as
 *   long as fewer than `READ_BUFFER_KEEP_READS` longer ones have come since: a
 *   single long list is not yet a stream.
 *
 * @example
 * ```ts
 * import { encodeFrame, FrameDecoder, networkMagic } from "./frame.ts";
 *
 * const magic = networkMagic("main");
 * const decoder = new FrameDecoder({ magic, maxPayload: 16_384 });
 * decoder.push(encodeFrame(magic, "verack", new Uint8Array(0)));
 * console.assert(decoder.next()?.command === "verack");
 * console.assert(decoder.next() === undefined);
 * ```
 */
export class FrameDecoder {
  /** Longest payload accepted, bytes; may be changed between frames. */
  maxPayload: number;
  /** Whether checksums are computed and compared; may be changed between frames. */
  verifyChecksum: boolean;

  readonly #skipPayload: number;
  /** Command and bytes still to come of a payload that is being skipped. */
  #skipped: { command: string; length: number; left: number } | undefined;
  readonly #magic: Uint8Array;
  readonly #magicWord: number;
  readonly #initialBytes: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  /** What is buffered is from `#start` up to `#end`. */
  #start = 0;
  #end = 0;
  /** The last read took all the room it was given, so more is waiting. */
  #filled = false;
  #smallReads = 0;
  /** Reads that were not small, since that many in a row were. */
  #largeReads = 0;
  #failure: VerackError | undefined;
  // The command seen last, which most often is the command that comes next.
  #word0 = 0;
  #word1 = 0;
  #word2 = 0;
  #command = "";

  /**
   * Starts with an empty buffer.
   *
   * @throws {RangeError} when the magic is not 4 bytes or a size makes no sense.
   */
  constructor(options: FrameDecoderOptions) {
    const initialBytes = options.initialBytes ?? READ_BUFFER_MIN_BYTES;
    if (!Number.isInteger(initialBytes) || initialBytes < FRAME_HEADER_BYTES) {
      throw new RangeError(
        `Cannot make frame decoder: initialBytes is ${initialBytes}, must be at least ${FRAME_HEADER_BYTES}`,
      );
    }
    const { maxPayload, skipPayload = 0 } = options;
    for (const [name, bytes] of Object.entries({ maxPayload, skipPayload })) {
      if (bytes >= 0 && bytes <= MAX_PAYLOAD_BYTES) continue;
      throw new RangeError(
        `Cannot make frame decoder: ${name} is ${bytes}, must be 0 to ${MAX_PAYLOAD_BYTES}`,
      );
    }
    checkMagic(options.magic);
    this.#magic = options.magic;
    const { buffer, byteOffset } = options.magic;
    this.#magicWord = new DataView(buffer, byteOffset).getInt32(0, true);
    this.#initialBytes = initialBytes;
    this.#buffer = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#buffer.buffer);
    this.maxPayload = maxPayload;
    this.#skipPayload = skipPayload;
    this.verifyChecksum = options.verifyChecksum ?? true;
  }

  /** Bytes committed and not yet taken by {@linkcode next}. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** Size of the buffer, bytes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** Size that the buffer will have for the next read or, if that is more, for the frame that is coming. */
  get pledgedBytes(): number {
    const held = this.#end - this.#start;
    return Math.max(this.#nextCapacity(held), this.#frameInProgress(held));
  }

  /**
   * Free room to read into, at least one byte. Ends the validity of all payloads
   * handed out before, and of the room returned before.
   */
  space(): Uint8Array<ArrayBuffer> {
    const held = this.#end - this.#start;
    const capacity = this.#nextCapacity(held);
    if (this.#start > 0 && held > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    if (capacity !== this.#buffer.length) {
      this.#resize(capacity);
      this.#smallReads = 0;
    }
    this.#start = 0;
    this.#end = held;
    this.#filled = false;
    return this.#buffer.subarray(held);
  }

  /**
   * Takes over the first `count` bytes of what {@linkcode space} returned.
   *
   * @throws {RangeError} when that is more than it returned.
   */
  commit(count: number): void {
    const room = this.#buffer.length - this.#end;
    if (!(Number.isInteger(count) && count >= 0 && count <= room)) {
      throw new RangeError(
        `Cannot commit: count is ${count}, must be 0 to ${room}`,
      );
    }
    this.#end += count;
    this.#filled = count === room;
    if (count >= this.#initialBytes) {
      this.#smallReads = 0;
      this.#largeReads++;
    } else if (++this.#smallReads >= READ_BUFFER_SHRINK_READS) {
      this.#largeReads = 0;
    }
  }

  /** Gives the memory back; nothing can be read after this. */
  release(): void {
    this.#start = this.#end = 0;
    this.#resize(0);
  }

  /** Appends a copy of `chunk`; for tests and simulators. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const space = this.space();
      const piece = chunk.subarray(at, at + space.length);
      space.set(piece);
      this.commit(piece.length);
      at += piece.length;
    }
  }

  /**
   * The next whole frame, or `undefined` until more is committed.
   *
   * A broken command field or a wrong checksum is reported as the frame's
   * `fault`. An invalid command is reported without looking at the checksum.
   *
   * @throws {VerackError} `bad-magic` at the first byte that differs, `oversize`
   * as soon as the header is there. The stream is out of step then: every further
   * call throws the same error.
   */
  next(): Frame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#skipped !== undefined) return this.#skip(this.#skipped);
    const start = this.#start;
    const held = this.#end - start;
    if (held < FRAME_HEADER_BYTES) {
      this.#checkPartialMagic(held);
      return undefined;
    }
    const view = this.#view;
    if (view.getInt32(start, true) !== this.#magicWord) this.#failMagic(4);
    const length = view.getUint32(start + LENGTH_OFFSET, true);
    if (length > this.maxPayload) return this.#beginSkip(length);
    if (held - FRAME_HEADER_BYTES < length) return undefined;

    const payloadStart = start + FRAME_HEADER_BYTES;
    const payload = new Uint8Array(this.#buffer.buffer, payloadStart, length);
    this.#start = payloadStart + length;

    const word0 = view.getInt32(start + COMMAND_OFFSET, true);
    const word1 = view.getInt32(start + COMMAND_OFFSET + 4, true);
    const word2 = view.getInt32(start + COMMAND_OFFSET + 8, true);
    if (
      word0 !== this.#word0 || word1 !== this.#word1 || word2 !== this.#word2
    ) {
      let command = knownCommand(word0, word1, word2);
      if (command === undefined) {
        const at = start + COMMAND_OFFSET;
        const field = this.#buffer.subarray(at, at + COMMAND_FIELD_BYTES);
        const parsed = parseCommandField(field);
        if (!parsed.valid) {
          return { command: parsed.command, payload, fault: "bad-command" };
        }
        command = parsed.command;
      }
      this.#word0 = word0;
      this.#word1 = word1;
      this.#word2 = word2;
      this.#command = command;
    }
    if (
      this.verifyChecksum &&
      view.getInt32(start + CHECKSUM_OFFSET, true) !== checksumWord(payload)
    ) {
      return { command: this.#command, payload, fault: "bad-checksum" };
    }
    return { command: this.#command, payload };
  }

  /** The old memory is free at once: left to the collector, megabytes would pile up. */
  #resize(capacity: number): void {
    this.#buffer = new Uint8Array(this.#buffer.buffer.transfer(capacity));
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** The header at the start announces more than is kept. */
  #beginSkip(length: number): Frame | undefined {
    if (length > this.#skipPayload) {
      const max = Math.max(this.maxPayload, this.#skipPayload);
      throw this.#failure = new VerackError(
        "oversize",
        `Cannot read frame: length is ${length}, must be at most ${max}`,
      );
    }
    const at = this.#start + COMMAND_OFFSET;
    const field = this.#buffer.subarray(at, at + COMMAND_FIELD_BYTES);
    const { command } = parseCommandField(field);
    this.#start += FRAME_HEADER_BYTES;
    this.#skipped = { command, length, left: length };
    return this.#skip(this.#skipped);
  }

  #skip(
    skipped: { command: string; length: number; left: number },
  ): Frame | undefined {
    const count = Math.min(skipped.left, this.#end - this.#start);
    this.#start += count;
    skipped.left -= count;
    if (skipped.left > 0) return undefined;
    this.#skipped = undefined;
    const { command, length } = skipped;
    return { command, payload: EMPTY, fault: "oversize", dropped: length };
  }

  /** How large the buffer shall be for the next read, `held` bytes being in it. */
  #nextCapacity(held: number): number {
    const capacity = this.#buffer.length;
    const initial = this.#initialBytes;
    const largest = FRAME_HEADER_BYTES + this.maxPayload;
    const busy = Math.max(initial, Math.min(READ_BUFFER_MAX_BYTES, largest));
    if (this.#filled && capacity < busy) {
      return Math.min(busy, READ_BUFFER_GROWTH * capacity);
    }
    const wanted = this.#frameInProgress(held);
    if (held === capacity) {
      // Frames may be held whole that nobody took: then there is nothing to wait for.
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

  /** Header and payload of the frame that begins the buffer, as far as known and allowed. */
  #frameInProgress(held: number): number {
    if (held < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    const length = this.#view.getUint32(this.#start + LENGTH_OFFSET, true);
    return FRAME_HEADER_BYTES + Math.min(length, this.maxPayload);
  }

  #checkPartialMagic(held: number): void {
    const known = Math.min(held, this.#magic.length);
    for (let i = 0; i < known; i++) {
      if (this.#buffer[this.#start + i] !== this.#magic[i]) {
        this.#failMagic(known);
      }
    }
  }

  #failMagic(known: number): never {
    const seen = this.#buffer.subarray(this.#start, this.#start + known);
    throw this.#failure = new VerackError(
      "bad-magic",
      `Cannot read frame: magic is ${seen.toHex()}, must be ${this.#magic.toHex()}`,
    );
  }
}
