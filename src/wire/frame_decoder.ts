/**
 * Reads Bitcoin's v1 frames out of a stream (Core's reader is `V1Transport` in
 * `src/net.cpp`).
 *
 * What to do about a fault is up to the owner: Core drops such a message and
 * keeps the connection, the mesh closes it.
 */
import { VerackError } from "../core/errors.ts";
import {
  FRAME_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_MIN_BYTES,
} from "./wire_limits.ts";
import {
  COMMAND_FIELD_BYTES,
  knownCommand,
  parseCommandField,
} from "./commands.ts";
import {
  CHECKSUM_OFFSET,
  checksumWord,
  COMMAND_OFFSET,
  type Frame,
  LENGTH_OFFSET,
  magicWord,
} from "./frame.ts";
import { ReadBuffer } from "./read_buffer.ts";

const EMPTY = new Uint8Array(0);

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
  /** Size of the buffer while little is read, bytes. @default {READ_BUFFER_MIN_BYTES} */
  readonly initialBytes?: number;
  /** Whether checksums are computed and compared. @default {true} */
  readonly verifyChecksum?: boolean;
}

/**
 * Cuts a stream into frames, in a buffer of its own that the caller reads into:
 * `space()`, read, `commit()`, then `next()` until it gives `undefined`. Payloads
 * are not copied. What is skipped (`skipPayload`) never takes room.
 *
 * @example
 * ```ts
 * import { encodeFrame, networkMagic } from "./frame.ts";
 * import { FrameDecoder } from "./frame_decoder.ts";
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
  readonly #buffer: ReadBuffer;
  #failure: VerackError | undefined;

  /**
   * Starts with an empty buffer.
   *
   * @throws {RangeError} when the magic is not 4 bytes or a size makes no sense.
   */
  constructor(options: FrameDecoderOptions) {
    const { magic, maxPayload, skipPayload = 0 } = options;
    const { initialBytes = READ_BUFFER_MIN_BYTES } = options;
    checkSize("initialBytes", initialBytes, FRAME_HEADER_BYTES);
    checkSize("maxPayload", maxPayload, 0);
    checkSize("skipPayload", skipPayload, 0);
    this.#magicWord = magicWord(magic);
    this.#magic = magic;
    this.#buffer = new ReadBuffer(initialBytes);
    this.maxPayload = maxPayload;
    this.#skipPayload = skipPayload;
    this.verifyChecksum = options.verifyChecksum ?? true;
  }

  /** Bytes committed and not yet returned by {@linkcode next}. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /** Size of the buffer, bytes. */
  get capacity(): number {
    return this.#buffer.bytes.length;
  }

  /** Size that the buffer will have for the next read or, if that is more, for the frame that is coming. */
  get pledgedBytes(): number {
    const wanted = this.#frameInProgress();
    return Math.max(this.#buffer.nextCapacity(wanted, this.#largest), wanted);
  }

  /**
   * Free room to read into, at least one byte. Ends the validity of all payloads
   * handed out before, and of the room returned before.
   */
  space(): Uint8Array<ArrayBuffer> {
    return this.#buffer.space(this.#frameInProgress(), this.#largest);
  }

  /**
   * Adds the first `count` bytes of the buffer that {@linkcode space} returned.
   *
   * @throws {RangeError} when that is more than it returned.
   */
  commit(count: number): void {
    this.#buffer.commit(count);
  }

  /** Releases the memory; nothing can be read after this. */
  release(): void {
    this.#buffer.release();
  }

  /** Appends a copy of `chunk`, for callers that do not read into {@linkcode space}. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const space = this.space();
      const part = chunk.subarray(at, at + space.length);
      space.set(part);
      this.commit(part.length);
      at += part.length;
    }
  }

  /**
   * The next whole frame, or `undefined` until more is committed.
   *
   * A broken command field or a wrong checksum is reported as the frame's
   * `fault`. An invalid command is reported without looking at the checksum.
   *
   * @throws {VerackError} `bad-magic` at the first byte that differs, `oversize`
   * as soon as the header is there. The next frame cannot be found then: every further call
   * throws the same error.
   */
  next(): Frame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#skipped !== undefined) return this.#skip(this.#skipped);
    const { start, end, view } = this.#buffer;
    const held = end - start;
    if (held < FRAME_HEADER_BYTES) {
      this.#checkPartialMagic(held);
      return undefined;
    }
    if (view.getInt32(start, true) !== this.#magicWord) this.#failMagic(4);
    const length = view.getUint32(start + LENGTH_OFFSET, true);
    if (length > this.maxPayload) return this.#beginSkip(length);
    if (held - FRAME_HEADER_BYTES < length) return undefined;

    const payloadStart = start + FRAME_HEADER_BYTES;
    const payload = new Uint8Array(view.buffer, payloadStart, length);
    this.#buffer.start = payloadStart + length;
    let command = knownCommand(view, start + COMMAND_OFFSET);
    if (command === undefined) {
      const parsed = this.#parseCommand(start);
      command = parsed.command;
      if (!parsed.valid) return { command, payload, fault: "bad-command" };
    }
    if (
      this.verifyChecksum &&
      view.getInt32(start + CHECKSUM_OFFSET, true) !== checksumWord(payload)
    ) {
      return { command, payload, fault: "bad-checksum" };
    }
    return { command, payload };
  }

  /** The header at the start announces more than is kept. */
  #beginSkip(length: number): Frame | undefined {
    if (length > this.#skipPayload) {
      const max = Math.max(this.maxPayload, this.#skipPayload);
      throw this.#failure = new VerackError(
        "oversize",
        `Cannot read frame: length is ${length}, must be at most ${max}`,
        { expected: max, actual: length },
      );
    }
    const { command } = this.#parseCommand(this.#buffer.start);
    this.#buffer.start += FRAME_HEADER_BYTES;
    this.#skipped = { command, length, left: length };
    return this.#skip(this.#skipped);
  }

  #skip(
    skipped: { command: string; length: number; left: number },
  ): Frame | undefined {
    const count = Math.min(skipped.left, this.#buffer.length);
    this.#buffer.start += count;
    skipped.left -= count;
    if (skipped.left > 0) return undefined;
    this.#skipped = undefined;
    const { command, length } = skipped;
    return { command, payload: EMPTY, fault: "oversize", dropped: length };
  }

  #parseCommand(start: number): ReturnType<typeof parseCommandField> {
    const at = start + COMMAND_OFFSET;
    return parseCommandField(
      this.#buffer.bytes.subarray(at, at + COMMAND_FIELD_BYTES),
    );
  }

  /** Header and longest payload, bytes. */
  get #largest(): number {
    return FRAME_HEADER_BYTES + this.maxPayload;
  }

  /** Header and payload of the frame that begins the buffer, as far as known and allowed. */
  #frameInProgress(): number {
    const { start, length, view } = this.#buffer;
    if (length < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    const announced = view.getUint32(start + LENGTH_OFFSET, true);
    return FRAME_HEADER_BYTES + Math.min(announced, this.maxPayload);
  }

  #checkPartialMagic(held: number): void {
    const known = Math.min(held, this.#magic.length);
    const { start, bytes } = this.#buffer;
    for (let i = 0; i < known; i++) {
      if (bytes[start + i] !== this.#magic[i]) this.#failMagic(known);
    }
  }

  #failMagic(known: number): never {
    const { start, bytes } = this.#buffer;
    const actual = bytes.subarray(start, start + known).toHex();
    const expected = this.#magic.toHex();
    throw this.#failure = new VerackError(
      "bad-magic",
      `Cannot read frame: magic is ${actual}, must be ${expected}`,
      { expected, actual },
    );
  }
}

function checkSize(name: string, bytes: number, min: number): void {
  const isWhole = Number.isInteger(bytes);
  if (isWhole && bytes >= min && bytes <= MAX_PAYLOAD_BYTES) return;
  throw new RangeError(
    `Cannot make frame decoder: ${name} is ${bytes}, must be ${min} to ${MAX_PAYLOAD_BYTES}`,
  );
}
