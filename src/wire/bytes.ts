/**
 * A reader and a writer of little-endian fields with a moving offset, as all
 * payloads need them (bitcoin `src/serialize.h`). Reading checks every byte and throws
 * `malformed`; writing checks the caller and throws `RangeError`.
 */
import { VerackError } from "../core/errors.ts";
import { MAX_COMPACT_SIZE } from "./wire_limits.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF8_ENCODER = new TextEncoder();
const I64_MIN = -0x8000_0000_0000_0000n;
const I64_MAX = 0x7fff_ffff_ffff_ffffn;

/**
 * Reads a payload from front to back. Every method takes the name of the field
 * first, for the error when the payload does not hold such a field there.
 */
export class ByteReader {
  readonly #what: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** Reads `bytes`, which are not copied; errors name the message `what`. */
  constructor(what: string, bytes: Uint8Array) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.#what = what;
    // A plain array over the same bytes: `slice` of a Node `Buffer` would not copy.
    this.#bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** Offset of the next field, bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#advance(field, 1));
  }

  /** Big-endian: a port. */
  u16be(field: string): number {
    return this.#view.getUint16(this.#advance(field, 2));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#advance(field, 4), true);
  }

  i32(field: string): number {
    return this.#view.getInt32(this.#advance(field, 4), true);
  }

  u64(field: string): bigint {
    return this.#view.getBigUint64(this.#advance(field, 8), true);
  }

  i64(field: string): bigint {
    return this.#view.getBigInt64(this.#advance(field, 8), true);
  }

  /** One byte, 0 or 1. */
  bool(field: string): boolean {
    const value = this.u8(field);
    if (value > 1) this.refuse(field, `${value}`, "0 or 1");
    return value === 1;
  }

  /** A length or count in its shortest encoding, at most `max`. */
  compactSize(field: string, max: number = MAX_COMPACT_SIZE): number {
    const start = this.#offset;
    const value = this.#compactSize(field);
    if (value > max) this.refuse(field, `${value}`, `at most ${max}`, start);
    return Number(value);
  }

  /** A number of up to 64 bits in its shortest encoding: the services of `addrv2`. */
  compactSizeBig(field: string): bigint {
    return BigInt(this.#compactSize(field));
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

  /** A count, at most `max`, and so many times `count` bytes as lower-case hex. */
  hexList(field: string, count: number, max: number): string[] {
    const length = this.compactSize(`${field} count`, max);
    // All at once: a count beyond the payload is refused before any is made.
    const all = this.hex(field, length * count);
    const digits = 2 * count;
    return Array.from(
      { length },
      (_, i) => all.slice(i * digits, (i + 1) * digits),
    );
  }

  /** A count, at most `max`, of entries of at least `entryBytes`, which must fit the payload. */
  count(field: string, max: number, entryBytes: number): number {
    const count = this.compactSize(field, max);
    if (count * entryBytes > this.remaining) {
      const most = Math.floor(this.remaining / entryBytes);
      this.refuse(field, `${count}`, `at most ${most} in this payload`);
    }
    return count;
  }

  /** A CompactSize length, at most `max`, and so many bytes: a view. */
  varBytes(field: string, max: number): Uint8Array {
    return this.bytes(field, this.compactSize(`length of ${field}`, max));
  }

  /** A CompactSize length, at most `max` bytes, and UTF-8. */
  varString(field: string, max: number): string {
    const start = this.#offset;
    return this.utf8(field, this.varBytes(field, max), start);
  }

  /** Bytes that were read, as UTF-8. */
  utf8(
    field: string,
    bytes: Uint8Array,
    offset: number = this.#offset,
  ): string {
    try {
      return UTF8.decode(bytes);
    } catch {
      this.refuse(field, "no UTF-8", "UTF-8", offset);
    }
  }

  /** Requires that nothing is left. */
  end(): void {
    if (this.remaining > 0) {
      const { length } = this.#bytes;
      this.refuse("payload", `${length} bytes long`, `${this.#offset}`);
    }
  }

  /** The error of a field that was read: what it is, and what it must be. */
  refuse(
    field: string,
    is: string,
    wanted: string,
    offset: number = this.#offset,
  ): never {
    throw new VerackError(
      "malformed",
      `Cannot read ${this.#what}: ${field} at offset ${offset} is ${is}, must be ${wanted}`,
    );
  }

  #compactSize(field: string): number | bigint {
    const start = this.#offset;
    const first = this.u8(field);
    if (first < 0xfd) return first;
    const [value, least] = first === 0xfd
      ? [this.#view.getUint16(this.#advance(field, 2), true), 0xfd]
      : first === 0xfe
      ? [this.u32(field), 0x1_0000]
      : [this.u64(field), 0x1_0000_0000];
    if (value < least) {
      const form = `${value} in ${this.#offset - start} bytes`;
      this.refuse(field, form, "in the fewest bytes", start);
    }
    return value;
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

/** Writes a payload from front to back into an array that grows. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  /** A good estimate of the bytes saves copies. */
  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(Math.max(capacity, 16));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const offset = this.#place(1, value, 0, 0xff);
    this.#view.setUint8(offset, value);
    return this;
  }

  /** Big-endian: a port. */
  u16be(value: number): this {
    const offset = this.#place(2, value, 0, 0xffff);
    this.#view.setUint16(offset, value);
    return this;
  }

  u32(value: number): this {
    const offset = this.#place(4, value, 0, 0xffff_ffff);
    this.#view.setUint32(offset, value, true);
    return this;
  }

  i32(value: number): this {
    const offset = this.#place(4, value, -0x8000_0000, 0x7fff_ffff);
    this.#view.setInt32(offset, value, true);
    return this;
  }

  u64(value: bigint): this {
    const offset = this.#place(8, value, 0n, 0xffff_ffff_ffff_ffffn);
    this.#view.setBigUint64(offset, value, true);
    return this;
  }

  i64(value: bigint): this {
    const offset = this.#place(8, value, I64_MIN, I64_MAX);
    this.#view.setBigInt64(offset, value, true);
    return this;
  }

  /** A length or count, at most `MAX_COMPACT_SIZE`. */
  compactSize(value: number): this {
    checkNumber(value, 0, MAX_COMPACT_SIZE);
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

  /** Exactly `count` bytes. */
  fixedBytes(field: string, value: Uint8Array, count: number): this {
    if (value.length !== count) {
      throw new RangeError(
        `Cannot encode ${field}: it has ${value.length} bytes, must have ${count}`,
      );
    }
    return this.bytes(value);
  }

  /** Exactly `count` bytes, given as lower-case hex. */
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

  /** A CompactSize count, at most `max`, which a loop over so many entries follows. */
  count(field: string, value: number, max: number): this {
    if (value > max) {
      throw new RangeError(
        `Cannot encode ${field}: there are ${value}, must be at most ${max}`,
      );
    }
    return this.compactSize(value);
  }

  /** A count, at most `max`, and for each value exactly `count` bytes, given as hex. */
  hexList(
    field: string,
    values: readonly string[],
    count: number,
    max: number,
  ): this {
    this.count(field, values.length, max);
    for (const value of values) this.hex(field, value, count);
    return this;
  }

  /** A CompactSize length and so many bytes, at most `max`. */
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

  /** Room for a number of `count` bytes, which is checked first. */
  #place<T extends number | bigint>(
    count: number,
    value: T,
    min: NoInfer<T>,
    max: NoInfer<T>,
  ): number {
    checkNumber(value, min, max);
    return this.#grow(count);
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

function checkNumber<T extends number | bigint>(
  value: T,
  min: NoInfer<T>,
  max: NoInfer<T>,
): void {
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  if (isWhole && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot write number: value is ${value}, must be an integer from ${min} to ${max}`,
  );
}

/** The bytes of one followed by those of the other; the first itself if no other follow. */
export function joined(first: Uint8Array, rest?: Uint8Array): Uint8Array {
  if (rest === undefined || rest.length === 0) return first;
  const both = new Uint8Array(first.length + rest.length);
  both.set(first);
  both.set(rest, first.length);
  return both;
}
