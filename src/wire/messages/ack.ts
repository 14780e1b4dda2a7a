/**
 * `ack` settles messages and grants credit; `resume` grants it for a body of which the
 * receiver holds the beginning. The number of a message is how many `message`s came
 * before it on the session, modulo 2^32, so that a range of any length takes nine bytes.
 *
 * `ack` is read and written by hand, as `message` is: there may be one for each.
 */
import { MAX_ACK_RANGES } from "../wire_limits.ts";
import { VerackError } from "../../core/errors.ts";
import { ByteReader, ByteWriter, putU32, u32At } from "../bytes.ts";

/** Status of a message. */
export const ACK_STATUS = {
  /** The application acked it, now or before. */
  acked: 0,
  /** The application nacked it too often; it must not be sent again. */
  rejected: 1,
  /** Not settled: the whole body of an offer may be sent. */
  credit: 2,
} as const;

/** One of {@linkcode ACK_STATUS}. */
export type AckStatus = typeof ACK_STATUS[keyof typeof ACK_STATUS];

/** Messages with consecutive numbers and one status. */
export interface AckRange {
  /** Number of the first, modulo 2^32. */
  readonly first: number;
  /** At least 1. */
  readonly count: number;
  readonly status: AckStatus;
}

/** Payload of `ack`. */
export interface AckMessage {
  /** Credit granted since the session began, bytes. */
  readonly limit: number;
  /** 1 to `MAX_ACK_RANGES`. */
  readonly ranges: readonly AckRange[];
}

/** The limit, and the number of ranges in its shortest form. */
const HEAD_BYTES = 9;
const COUNT_OFFSET = 8;
const RANGE_BYTES = 9;
const TWO_POW_32 = 0x1_0000_0000;

/** The limit, the number of ranges, the ranges. */
export function encodeAck(message: AckMessage): Uint8Array<ArrayBuffer> {
  const { limit, ranges } = message;
  const { length } = ranges;
  check("number of ranges", length, MAX_ACK_RANGES);
  check("limit", limit, Number.MAX_SAFE_INTEGER);
  // A CompactSize below 0xfd is one byte, else three: 0xfd and two.
  const isShort = length < 0xfd;
  let at = isShort ? HEAD_BYTES : HEAD_BYTES + 2;
  const bytes = new Uint8Array(at + RANGE_BYTES * length);
  putU32(bytes, 0, limit);
  putU32(bytes, 4, limit / TWO_POW_32);
  bytes[COUNT_OFFSET] = isShort ? length : 0xfd;
  if (!isShort) {
    bytes[COUNT_OFFSET + 1] = length;
    bytes[COUNT_OFFSET + 2] = length >>> 8;
  }
  for (const { first, count, status } of ranges) {
    check("first", first, TWO_POW_32 - 1);
    check("count", count, TWO_POW_32 - 1);
    putU32(bytes, at, first);
    putU32(bytes, at + 4, count);
    bytes[at + 8] = status;
    at += RANGE_BYTES;
  }
  return bytes;
}

/** Reads `ack`. */
export function decodeAck(payload: Uint8Array): AckMessage {
  if (payload.length < HEAD_BYTES) {
    refuse(`it has ${payload.length} bytes, must have at least ${HEAD_BYTES}`);
  }
  const limit = u32At(payload, 0) + TWO_POW_32 * u32At(payload, 4);
  if (limit > Number.MAX_SAFE_INTEGER) {
    refuse(`limit is ${limit}, must be at most ${Number.MAX_SAFE_INTEGER}`);
  }
  let length = payload[COUNT_OFFSET]!;
  let at = HEAD_BYTES;
  if (length >= 0xfd) {
    const reader = new ByteReader("ack", payload.subarray(COUNT_OFFSET));
    length = reader.compactSize("range count", MAX_ACK_RANGES);
    at = COUNT_OFFSET + reader.offset;
  }
  // An ack without ranges would cost its sender nothing.
  if (length === 0) refuse("range count is 0, must be at least 1");
  const end = at + length * RANGE_BYTES;
  if (end > payload.length) {
    refuse(
      `${length} ranges have ${payload.length - at} bytes, must have at least ${
        length * RANGE_BYTES
      }`,
    );
  }
  const ranges: AckRange[] = [];
  for (; at < end; at += RANGE_BYTES) ranges.push(readRange(payload, at));
  return { limit, ranges };
}

function readRange(payload: Uint8Array, at: number): AckRange {
  const count = u32At(payload, at + 4);
  if (count === 0) refuse("count is 0, must be at least 1");
  const status = payload[at + 8]!;
  if (status > ACK_STATUS.credit) {
    refuse(`status is ${status}, must be at most ${ACK_STATUS.credit}`);
  }
  return { first: u32At(payload, at), count, status: status as AckStatus };
}

function check(field: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new RangeError(
    `Cannot encode ack: ${field} is ${value}, must be an integer from 0 to ${max}`,
  );
}

function refuse(what: string): never {
  throw new VerackError("malformed", `Cannot read ack: ${what}`);
}

/** Payload of `resume`. */
export interface ResumeMessage {
  /** Number of the offered message, modulo 2^32, as in `ack`. */
  readonly number: number;
  /** Bytes of its body that are held, at least 1; the next `chunk` follows them. */
  readonly held: number;
}

export function encodeResume(
  { number, held }: ResumeMessage,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(8).u32(number).u32(held).finish();
}

export function decodeResume(payload: Uint8Array): ResumeMessage {
  const reader = new ByteReader("resume", payload);
  const number = reader.u32("number");
  const held = reader.u32("held");
  if (held === 0) reader.refuse("held", "0", "at least 1");
  return { number, held };
}
