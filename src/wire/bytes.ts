/**
 * A reader and a writer of little-endian fields with a moving offset, as all
 * payloads need them (bitcoin `src/serialize.h`).
 *
 * Reading judges every byte and throws `malformed`; writing judges the caller and
 * throws `RangeError`. What the fields mean is in `messages/`.
 */
import { VerackError } from "../core/errors.ts";
import { MAX_COMPACT_SIZE } from "../limits.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF8_ENCODER = new TextEncoder();

/**
 * Reads a payload from front to back. Every method takes the name of the field
 * first, for the error, and throws {@linkcode VerackError} `malformed` when the
 * payload does not hold such a field there.
 *
 * @example
 * ```ts
 * import { ByteReader } from "./bytes.ts";
 *
 * const reader = new ByteReader("pong", new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
 * console.assert(reader.u64("nonce") === 1n);
 * reader.end();
 * ```
 */
export class ByteReader {
  readonly #what: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /**
   * @param what The name of the message, for errors.
   * @param bytes The payload; not copied.
   */
  constructor(what: string, bytes: Uint8Array) {
    this.#what = what;
    // A plain array over the same bytes: `slice` of a Node `Buffer` would not copy.
    this.#bytes = new Uint8Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    );
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset of the next field, bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Unsigned 8-bit number. */
  u8(field: string): number {
    return this.#view.getUint8(this.#advance(field, 1));
  }

  /** Unsigned 16-bit number, big-endian: a port. */
  u16be(field: string): number {
    return this.#view.getUint16(this.#advance(field, 2));
  }

  /** Unsigned 32-bit number. */
  u32(field: string): number {
    return this.#view.getUint32(this.#advance(field, 4), true);
  }

  /** Signed 32-bit number. */
  i32(field: string): number {
    return this.#view.getInt32(this.#advance(field, 4), true);
  }

  /** Unsigned 64-bit number. */
  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(field, 8), true);
  }

  /** Signed 64-bit number. */
  i64(field: string): bigint {
    return this.#view.getBigInt64(this.#advance(field, 8), true);
  }

  /** A length or count in its shortest encoding, at most `max`. */
  compactSize(field: string, max: number = MAX_COMPACT_SIZE): number {
    const start = this.#offset;
    const first = this.#view.getUint8(this.#advance(field, 1));
    if (first < 0xfd) {
      if (first > max) this.#refuse(field, start, `${first}`, `at most ${max}`);
      return first;
    }
    this.#offset = start;
    const value = this.compactSizeBig(field);
    if (value > BigInt(max)) {
      this.#refuse(field, start, `${value}`, `at most ${max}`);
    }
    return Number(value);
  }

  /** A number of up to 64 bits in its shortest encoding: the services of `addrv2`. */
  compactSizeBig(field: string): bigint {
    const start = this.#offset;
    const first = this.u8(field);
    if (first < 0xfd) return BigInt(first);
    let value: bigint;
    let least: bigint;
    if (first === 0xfd) {
      value = BigInt(this.#view.getUint16(this.#advance(field, 2), true));
      least = 0xfdn;
    } else if (first === 0xfe) {
      value = BigInt(this.u32(field));
      least = 0x1_0000n;
    } else {
      value = this.u64(field);
      least = 0x1_0000_0000n;
    }
    if (value < least) {
      const form = `${value} in ${this.#offset - start} bytes`;
      this.#refuse(field, start, form, "in the fewest bytes");
    }
    return value;
  }

  /** The next `count` bytes: a view, to be copied when it is kept. */
  bytes(field: string, count: number): Uint8Array {
    const start = this.#advance(field, count);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next `count` bytes as lower-case hex. */
  hex(field: string, count: number): string {
    return this.bytes(field, count).toHex();
  }

  /** A CompactSize length, at most `max`, and so many bytes: a view. */
  varBytes(field: string, max: number): Uint8Array {
    return this.bytes(field, this.compactSize(`length of ${field}`, max));
  }

  /** A CompactSize length, at most `max` bytes, and UTF-8. */
  varString(field: string, max: number): string {
    const start = this.#offset;
    return this.#utf8(field, start, this.varBytes(field, max));
  }

  /** Bytes that were read, as UTF-8. */
  utf8(field: string, bytes: Uint8Array): string {
    return this.#utf8(field, this.#offset, bytes);
  }

  /** Insists that nothing is left. */
  end(): void {
    if (this.remaining > 0) {
      this.#refuse(
        "payload",
        this.#offset,
        `${this.#bytes.length} bytes long`,
        `${this.#offset}`,
      );
    }
  }

  /**
   * Refuses what was just read.
   *
   * @param field The field at fault.
   * @param is What it is, and `wanted` what it must be, in a few words.
   */
  refuse(field: string, is: string, wanted: string): never {
    this.#refuse(field, this.#offset, is, wanted);
  }

  #utf8(field: string, start: number, bytes: Uint8Array): string {
    try {
      return UTF8.decode(bytes);
    } catch {
      this.#refuse(field, start, "no UTF-8", "UTF-8");
    }
  }

  #advance(field: string, count: number): number {
    const start = this.#offset;
    const left = this.#bytes.length - start;
    if (count > left) {
      throw new VerackError(
        "malformed",
        `Cannot read ${this.#what}: ${field} at offset ${start} has ${left} bytes left, must have ${count}`,
      );
    }
    this.#offset = start + count;
    return start;
  }

  #refuse(field: string, offset: number, is: string, wanted: string): never {
    throw new VerackError(
      "malformed",
      `Cannot read ${this.#what}: ${field} at offset ${offset} is ${is}, must be ${wanted}`,
    );
  }
}

/** Reads an unsigned 32-bit number by hand, where a `DataView` costs too much. */
export function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 |
    bytes[at + 3]! << 24) >>> 0;
}

/** Writes the lowest 32 bits of a number, as {@linkcode u32At} reads them. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  const low = value >>> 0;
  bytes[at] = low;
  bytes[at + 1] = low >>> 8;
  bytes[at + 2] = low >>> 16;
  bytes[at + 3] = low >>> 24;
}

/**
 * Writes a payload from front to back into an array that grows. Every method
 * throws `RangeError` when the value does not fit its field.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  /** @param capacity Bytes expected; a good guess saves copies. */
  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(Math.max(capacity, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Unsigned 8-bit number. */
  u8(value: number): this {
    checkInteger(value, 0, 0xff);
    const offset = this.#grow(1);
    this.#view.setUint8(offset, value);
    return this;
  }

  /** Unsigned 16-bit number, big-endian: a port. */
  u16be(value: number): this {
    checkInteger(value, 0, 0xffff);
    const offset = this.#grow(2);
    this.#view.setUint16(offset, value);
    return this;
  }

  /** Unsigned 32-bit number. */
  u32(value: number): this {
    checkInteger(value, 0, 0xffff_ffff);
    const offset = this.#grow(4);
    this.#view.setUint32(offset, value, true);
    return this;
  }

  /** Signed 32-bit number. */
  i32(value: number): this {
    checkInteger(value, -0x8000_0000, 0x7fff_ffff);
    const offset = this.#grow(4);
    this.#view.setInt32(offset, value, true);
    return this;
  }

  /** Unsigned 64-bit number. */
  u64(value: bigint): this {
    checkBigint(value, 0n, 0xffff_ffff_ffff_ffffn);
    const offset = this.#grow(8);
    this.#view.setBigUint64(offset, value, true);
    return this;
  }

  /** Signed 64-bit number. */
  i64(value: bigint): this {
    checkBigint(value, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
    const offset = this.#grow(8);
    this.#view.setBigInt64(offset, value, true);
    return this;
  }

  /** A length or count, at most `MAX_COMPACT_SIZE`. */
  compactSize(value: number): this {
    checkInteger(value, 0, MAX_COMPACT_SIZE);
    if (value < 0xfd) return this.u8(value);
    if (value > 0xffff) return this.u8(0xfe).u32(value);
    const offset = this.#grow(3);
    this.#bytes[offset] = 0xfd;
    this.#view.setUint16(offset + 1, value, true);
    return this;
  }

  /** A number of up to 64 bits as CompactSize. */
  compactSizeBig(value: bigint): this {
    if (value > 0xffff_ffffn) return this.u8(0xff).u64(value);
    if (value > 0xffffn) return this.u8(0xfe).u32(Number(value));
    return this.compactSize(Number(value));
  }

  /** Bytes as they are. */
  bytes(value: Uint8Array): this {
    const offset = this.#grow(value.length);
    this.#bytes.set(value, offset);
    return this;
  }

  /**
   * Exactly `count` bytes.
   *
   * @param field The name of the field, for the error.
   */
  fixedBytes(field: string, value: Uint8Array, count: number): this {
    if (value.length !== count) {
      throw new RangeError(
        `Cannot encode ${field}: it has ${value.length} bytes, must have ${count}`,
      );
    }
    return this.bytes(value);
  }

  /**
   * Exactly `count` bytes, given as lower-case hex.
   *
   * @param field The name of the field, for the error.
   */
  hex(field: string, value: string, count: number): this {
    if (value.length !== 2 * count || !/^[0-9a-f]*$/.test(value)) {
      throw new RangeError(
        `Cannot encode ${field}: it is ${
          JSON.stringify(value.slice(0, 80))
        }, must be ${2 * count} lower-case hex digits`,
      );
    }
    return this.bytes(Uint8Array.fromHex(value));
  }

  /**
   * A CompactSize length and so many bytes.
   *
   * @param field The name of the field, for the error.
   * @param max The most bytes allowed.
   */
  varBytes(field: string, value: Uint8Array, max: number): this {
    if (value.length > max) {
      throw new RangeError(
        `Cannot encode ${field}: it has ${value.length} bytes, must have at most ${max}`,
      );
    }
    return this.compactSize(value.length).bytes(value);
  }

  /** A CompactSize length and UTF-8, of at most `max` bytes. */
  varString(field: string, value: string, max: number): this {
    return this.varBytes(field, UTF8_ENCODER.encode(value), max);
  }

  /** What was written, in an array of its own. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Makes room and moves on; may exchange `#bytes` and `#view`, so call it first. */
  #grow(count: number): number {
    const offset = this.#length;
    const needed = offset + count;
    if (needed > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      bytes.set(this.#bytes.subarray(0, offset));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#length = needed;
    return offset;
  }
}

function checkInteger(value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max)) {
    throw new RangeError(
      `Cannot write number: value is ${value}, must be an integer from ${min} to ${max}`,
    );
  }
}

function checkBigint(value: bigint, min: bigint, max: bigint): void {
  if (value < min || value > max) {
    throw new RangeError(
      `Cannot write number: value is ${value}, must be from ${min} to ${max}`,
    );
  }
}
