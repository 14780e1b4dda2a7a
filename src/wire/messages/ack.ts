/**
 * `ack`: what became of messages, and how much more may be sent. A message is
 * named by its number: how many `message`s came before it on the session, modulo
 * 2^32, so that a range of any length takes nine bytes.
 */
import { MAX_ACK_RANGES } from "../../delivery_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** What became of a message. */
export const ACK_STATUS = {
  /** The application took it, now or before. */
  taken: 0,
  /** The application refused it too often; it is not to be sent again. */
  refused: 1,
  /** Not acknowledged yet: there is room for all of its body. */
  room: 2,
} as const;

/** One of {@linkcode ACK_STATUS}. */
export type AckStatus = typeof ACK_STATUS[keyof typeof ACK_STATUS];

/** Messages with consecutive numbers that fared alike. */
export interface AckRange {
  /** Number of the first, modulo 2^32. */
  readonly first: number;
  /** At least 1. */
  readonly count: number;
  readonly status: AckStatus;
}

/** Payload of `ack`. */
export interface AckMessage {
  /** What the session's messages may count in all from its beginning on, bytes. */
  readonly limit: number;
  /** 1 to `MAX_ACK_RANGES`. */
  readonly ranges: readonly AckRange[];
}

const RANGE_BYTES = 9;

/**
 * The limit, the number of ranges, the ranges.
 *
 * @throws {RangeError} when there are too many ranges or a number does not fit.
 */
export function encodeAck(message: AckMessage): Uint8Array<ArrayBuffer> {
  const { limit, ranges } = message;
  if (ranges.length > MAX_ACK_RANGES) {
    throw new RangeError(
      `Cannot encode ack: there are ${ranges.length} ranges, must be at most ${MAX_ACK_RANGES}`,
    );
  }
  const writer = new ByteWriter(8 + 3 + RANGE_BYTES * ranges.length);
  writer.u64(BigInt(limit)).compactSize(ranges.length);
  for (const { first, count, status } of ranges) {
    writer.u32(first).u32(count).u8(status);
  }
  return writer.finish();
}

/**
 * Reads `ack`.
 *
 * @throws {VerackError} `malformed`, also when anything follows.
 */
export function decodeAck(payload: Uint8Array): AckMessage {
  const reader = new ByteReader("ack", payload);
  const limit = reader.u64("limit");
  if (limit > BigInt(Number.MAX_SAFE_INTEGER)) {
    reader.refuse("limit", `${limit}`, `at most ${Number.MAX_SAFE_INTEGER}`);
  }
  const length = reader.compactSize("range count", MAX_ACK_RANGES);
  // Each settles something, so that there is an end to them.
  if (length === 0) reader.refuse("range count", "0", "at least 1");
  if (length * RANGE_BYTES !== reader.remaining) {
    reader.refuse(
      "ranges",
      `${reader.remaining} bytes`,
      `${length * RANGE_BYTES}`,
    );
  }
  const ranges = Array.from({ length }, () => readRange(reader));
  return { limit: Number(limit), ranges };
}

function readRange(reader: ByteReader): AckRange {
  const first = reader.u32("first");
  const count = reader.u32("count");
  if (count === 0) reader.refuse("count", "0", "at least 1");
  const status = reader.u8("status");
  if (status > ACK_STATUS.room) {
    reader.refuse("status", `${status}`, `at most ${ACK_STATUS.room}`);
  }
  return { first, count, status: status as AckStatus };
}
