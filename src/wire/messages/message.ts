/**
 * `message` and `chunk`: what an application sends to another. A body that does
 * not fit one frame goes on in `chunk`s; a `message` with an empty body that
 * announces a longer one asks first whether there is room.
 *
 * Read by hand, not by `ByteReader`: hundreds of thousands come in a second. When
 * what may be sent is decided in `delivery/`.
 */
import { VerackError } from "../../core/errors.ts";
import {
  MAX_BODY_BYTES,
  MAX_CHUNK_BYTES,
  MAX_TOPIC_BYTES,
} from "../../delivery_limits.ts";

const NO_TOPIC = new Uint8Array(0);

const TOPIC = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Length of a message's id. */
export const MESSAGE_ID_BYTES = 16;

const TOTAL_OFFSET = MESSAGE_ID_BYTES;
const TOPIC_OFFSET = TOTAL_OFFSET + 4;

/** What is in front of the body with an empty topic; the topic's bytes come on top. */
export const MESSAGE_HEAD_BYTES = TOPIC_OFFSET + 1;

/** What is in front of the body's bytes in a `chunk`: the message's number. */
export const CHUNK_HEAD_BYTES = 4;

/** Payload of `message`; arrays are views into it. */
export interface MessageFrame {
  /** Bytes of the whole body. */
  readonly total: number;
  /** UTF-8, not checked. */
  readonly topic: Uint8Array;
  /** Offset of the body's first bytes, which are the rest of the payload. */
  readonly bodyOffset: number;
}

/** Gives memory for a payload, or declines. */
export interface PayloadMemory {
  cut(size: number): Uint8Array<ArrayBuffer> | undefined;
}

/**
 * The payload of `message` with all of a body, of which a prefix of at least the
 * head is a valid payload too.
 *
 * @param memory Where it is put, if not into an array of its own.
 * @throws {RangeError} when a part is too long.
 */
export function encodeMessage(
  id: Uint8Array,
  topic: Uint8Array,
  body: Uint8Array,
  memory?: PayloadMemory,
): Uint8Array<ArrayBuffer> {
  if (
    id.length !== MESSAGE_ID_BYTES || topic.length > MAX_TOPIC_BYTES ||
    body.length > MAX_BODY_BYTES
  ) {
    throw new RangeError(
      `Cannot encode message: id, topic and body have ${id.length}, ${topic.length} and ${body.length} bytes, must have ${MESSAGE_ID_BYTES}, at most ${MAX_TOPIC_BYTES} and at most ${MAX_BODY_BYTES}`,
    );
  }
  const total = body.length;
  const head = MESSAGE_HEAD_BYTES + topic.length;
  const size = head + total;
  const payload = memory?.cut(size) ?? new Uint8Array(size);
  for (let at = 0; at < MESSAGE_ID_BYTES; at++) payload[at] = id[at]!;
  payload[TOTAL_OFFSET] = total;
  payload[TOTAL_OFFSET + 1] = total >>> 8;
  payload[TOTAL_OFFSET + 2] = total >>> 16;
  payload[TOTAL_OFFSET + 3] = total >>> 24;
  // Below 0xfd a CompactSize is one byte.
  payload[TOPIC_OFFSET] = topic.length;
  if (topic.length > 0) payload.set(topic, MESSAGE_HEAD_BYTES);
  payload.set(body, head);
  return payload;
}

/**
 * Reads `message`.
 *
 * @throws {VerackError} `malformed`, also when more follows than the body has.
 */
export function decodeMessage(payload: Uint8Array): MessageFrame {
  const { length } = payload;
  if (length < MESSAGE_HEAD_BYTES) {
    refuse(`it has ${length} bytes, must have at least ${MESSAGE_HEAD_BYTES}`);
  }
  const total = word(payload, TOTAL_OFFSET);
  const topicBytes = payload[TOPIC_OFFSET]!;
  const bodyOffset = MESSAGE_HEAD_BYTES + topicBytes;
  if (topicBytes > MAX_TOPIC_BYTES || bodyOffset > length) {
    refuse(
      `topic has ${topicBytes} bytes, must have at most ${MAX_TOPIC_BYTES} and end with the payload`,
    );
  }
  if (total > MAX_BODY_BYTES) {
    refuse(`body has ${total} bytes, must have at most ${MAX_BODY_BYTES}`);
  }
  const held = length - bodyOffset;
  if (held > total || held > MAX_CHUNK_BYTES) {
    refuse(
      `${held} bytes of the body come at once, must be at most ${
        Math.min(total, MAX_CHUNK_BYTES)
      }`,
    );
  }
  const topic = topicBytes === 0
    ? NO_TOPIC
    : payload.subarray(MESSAGE_HEAD_BYTES, bodyOffset);
  return { total, topic, bodyOffset };
}

/**
 * The topic as text.
 *
 * @throws {VerackError} `malformed` when it is no UTF-8.
 */
export function decodeTopic(topic: Uint8Array): string {
  try {
    return TOPIC.decode(topic);
  } catch {
    refuse("topic is no UTF-8, must be UTF-8");
  }
}

/** Writes the head of a `chunk`; the body's next bytes follow it. */
export function writeChunkHead(target: Uint8Array, number: number): void {
  target[0] = number;
  target[1] = number >>> 8;
  target[2] = number >>> 16;
  target[3] = number >>> 24;
}

/**
 * The number of the message that a `chunk` goes on with, modulo 2^32; the rest of
 * the payload are the body's next bytes.
 *
 * @throws {VerackError} `malformed` when there are none, or too many.
 */
export function decodeChunkHead(payload: Uint8Array): number {
  const held = payload.length - CHUNK_HEAD_BYTES;
  if (held < 1 || held > MAX_CHUNK_BYTES) {
    throw new VerackError(
      "malformed",
      `Cannot read chunk: it has ${held} bytes of a body, must have 1 to ${MAX_CHUNK_BYTES}`,
    );
  }
  return word(payload, 0);
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 |
    bytes[at + 3]! << 24) >>> 0;
}

function refuse(what: string): never {
  throw new VerackError("malformed", `Cannot read message: ${what}`);
}
