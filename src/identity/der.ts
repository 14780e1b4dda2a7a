/**
 * A reader and a writer for the part of ASN.1 DER (X.690) that keys and certificates need:
 * single-byte tags, definite minimal lengths, nothing else. Written by hand, because libraries
 * that accept more than DER may read different certificates from the same bytes. Reading never
 * copies.
 */

/** Makes the error to throw from a sentence about what is wrong. */
export type Fault = (detail: string) => Error;

/** The tags that occur in keys and certificates (X.690 §8, RFC 5280). */
export const DER_TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  PRINTABLE_STRING: 0x13,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  /** `[0]`, constructed: the version of a certificate. */
  CONTEXT_0: 0xa0,
  /** `[3]`, constructed: the extensions of a certificate. */
  CONTEXT_3: 0xa3,
  /** `[2]`, primitive: a DNS name in a subject alternative name. */
  DNS_NAME: 0x82,
} as const;

/** One element: a view into the bytes it was read from. */
export interface DerElement {
  /** The tag byte, class and constructed bit included. */
  readonly tag: number;
  /** Tag, length and content, as they stand. */
  readonly whole: Uint8Array<ArrayBuffer>;
  /** Content alone. */
  readonly content: Uint8Array<ArrayBuffer>;
}

/** Reads the elements of one level in order, each within the bounds of the level. */
export class DerReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #fault: Fault;
  #offset = 0;

  /** @param bytes One level: a whole file, or the content of an element. */
  constructor(bytes: Uint8Array<ArrayBuffer>, fault: Fault) {
    this.#bytes = bytes;
    this.#fault = fault;
  }

  /** Whether every byte of this level has been read. */
  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Reads the next element, of any tag. @param what Its name, for the error. */
  read(what: string): DerElement {
    const start = this.#offset;
    const tag = this.#byte(what);
    if ((tag & 0x1f) === 0x1f) {
      throw this.#fault(`${what} has a tag of several bytes, must be one`);
    }
    const length = this.#length(what);
    const left = this.#bytes.length - this.#offset;
    if (length > left) {
      throw this.#fault(`${what} says ${length} bytes, only ${left} are left`);
    }
    const content = this.#bytes.subarray(this.#offset, this.#offset += length);
    return { tag, content, whole: this.#bytes.subarray(start, this.#offset) };
  }

  /** Reads the next element, which must have this tag. */
  expect(tag: number, what: string): DerElement {
    const element = this.read(what);
    if (element.tag !== tag) {
      throw this.#fault(
        `${what} has tag ${hexByte(element.tag)}, must be ${hexByte(tag)}`,
      );
    }
    return element;
  }

  /** Reads the next element, a constructed one with this tag, to be read in turn. */
  enter(tag: number, what: string): DerReader {
    return new DerReader(this.expect(tag, what).content, this.#fault);
  }

  /**
   * Reads a positive INTEGER of at most `maxBytes` bytes: its value, big-endian,
   * without the zero byte that DER puts before a set top bit.
   */
  positiveInteger(maxBytes: number, what: string): Uint8Array<ArrayBuffer> {
    const { content } = this.expect(DER_TAG.INTEGER, what);
    const [first, second = 0] = content;
    if (first === undefined) throw this.#fault(`${what} is empty`);
    if (first >= 0x80) throw this.#fault(`${what} is negative`);
    if (first === 0 && second < 0x80) {
      throw this.#fault(`${what} is zero or not in its shortest form`);
    }
    const value = first === 0 ? content.subarray(1) : content;
    if (value.length > maxBytes) {
      throw this.#fault(
        `${what} has ${value.length} bytes, must be at most ${maxBytes}`,
      );
    }
    return value;
  }

  /** Reads a BIT STRING of whole bytes. */
  bitString(what: string): Uint8Array<ArrayBuffer> {
    const { content } = this.expect(DER_TAG.BIT_STRING, what);
    if (content[0] !== 0) throw this.#fault(`${what} is not whole bytes`);
    return content.subarray(1);
  }

  /** Throws if this level has another element. */
  end(what: string): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw this.#fault(`${left} bytes follow ${what}`);
  }

  #byte(what: string): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw this.#fault(`it ends before ${what}`);
    return byte;
  }

  #length(what: string): number {
    const first = this.#byte(what);
    if (first < 0x80) return first;
    const count = first & 0x7f;
    // Nothing we read is larger than a key file, so three bytes always do.
    if (count === 0 || count > 3) {
      throw this.#fault(
        `length of ${what} is ${
          count === 0 ? "indefinite" : `${count} bytes long`
        }, must be definite and at most 3 bytes long`,
      );
    }
    let length = 0;
    for (let i = 0; i < count; i++) length = length << 8 | this.#byte(what);
    if (length < 0x80 || length >>> (8 * (count - 1)) === 0) {
      throw this.#fault(`length of ${what} is not in its shortest form`);
    }
    return length;
  }
}

/**
 * Encodes one element from its tag and the parts of its content, which must be less than 64
 * KiB.
 */
export function encodeDer(
  tag: number,
  ...pieces: Uint8Array[]
): Uint8Array<ArrayBuffer> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (length > 0xffff) {
    throw new RangeError(
      `Cannot encode DER: content has ${length} bytes, must be below 65536`,
    );
  }
  const header = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  const out = new Uint8Array(header.length + length);
  out.set(header);
  let offset = header.length;
  for (const piece of pieces) {
    out.set(piece, offset);
    offset += piece.length;
  }
  return out;
}

/** Encodes an object identifier from its dotted form, one of our constants. */
export function encodeOid(dotted: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const number of rest) {
    const digits = [number % 128];
    for (let left = Math.floor(number / 128); left > 0;) {
      digits.unshift(left % 128 | 0x80);
      left = Math.floor(left / 128);
    }
    bytes.push(...digits);
  }
  return encodeDer(DER_TAG.OID, Uint8Array.from(bytes));
}

/** The dotted form of an object identifier's content, for messages. */
export function showOid(content: Uint8Array): string {
  const numbers: bigint[] = [];
  let number = 0n;
  // An identifier in a hostile certificate may be as long as the certificate.
  for (const byte of content.subarray(0, 32)) {
    number = number << 7n | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    if (numbers.length === 0) {
      const first = number < 80n ? number / 40n : 2n;
      numbers.push(first, number - first * 40n);
    } else numbers.push(number);
    number = 0n;
  }
  return numbers.join(".") + (content.length > 32 ? "…" : "");
}

/** Whether two byte strings are equal. Not constant-time: nothing here is secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
