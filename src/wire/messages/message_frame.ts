/**
 * `message` and `chunk`: a message of an application. A body that does not fit one frame
 * goes on in `chunk`s; a `message` that announces a body and carries none of it is an
 * offer, which requests credit.
 *
 * Read and written by hand: there are hundreds of thousands in a second.
 */
import { VerackError } from "../../core/errors.ts";
import {
  MAX_BODY_BYTES,
  MAX_CHUNK_BYTES,
  MAX_TOPIC_BYTES,
} from "../wire_limits.ts";
import { putU32, u32At } from "../bytes.ts";

const TOPIC = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Length of a message's id. */
export const MESSAGE_ID_BYTES = 16;

const TOTAL_OFFSET = MESSAGE_ID_BYTES;
const TOPIC_OFFSET = TOTAL_OFFSET + 4;

/** Bytes before the body, without those of the topic. */
export const MESSAGE_HEAD_BYTES = TOPIC_OFFSET + 1;

/** Bytes before the body in a `chunk`: the message's number. */
export const CHUNK_HEAD_BYTES = 4;

/**
 * Payload of `message`. The topic, UTF-8 that is not checked, is from `MESSAGE_HEAD_BYTES` to
 * `bodyOffset`.
 */
export interface MessageFrame {
  /** Bytes of the whole body. */
  readonly total: number;
  /** Offset of the beginning of the body, which is the rest of the payload. */
  readonly bodyOffset: number;
}

/**
 * `message` with a whole body. A prefix that contains the head is a valid payload too.
 *
 * @throws {RangeError} when a part is too long.
 */
export function encodeMessage(
  id: Uint8Array,
  topic: Uint8Array,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const size = MESSAGE_HEAD_BYTES + topic.length + body.length;
  const payload = new Uint8Array(size);
  writeMessage(payload, 0, id, topic, body);
  return payload;
}

/** Writes {@linkcode encodeMessage} where there is room for it. */
export function writeMessage(
  target: Uint8Array,
  offset: number,
  id: Uint8Array,
  topic: Uint8Array,
  body: Uint8Array,
): void {
  if (
    id.length !== MESSAGE_ID_BYTES || topic.length > MAX_TOPIC_BYTES ||
    body.length > MAX_BODY_BYTES
  ) {
    throw new RangeError(
      `Cannot encode message: id, topic and body have ${id.length}, ${topic.length} and ${body.length} bytes, must have ${MESSAGE_ID_BYTES}, at most ${MAX_TOPIC_BYTES} and at most ${MAX_BODY_BYTES}`,
    );
  }
  for (let at = 0; at < MESSAGE_ID_BYTES; at++) target[offset + at] = id[at]!;
  putU32(target, offset + TOTAL_OFFSET, body.length);
  // Below 0xfd a CompactSize is one byte.
  target[offset + TOPIC_OFFSET] = topic.length;
  const head = offset + MESSAGE_HEAD_BYTES;
  if (topic.length > 0) target.set(topic, head);
  target.set(body, head + topic.length);
}

/** Reads `message`; no more may follow than the body has. */
export function decodeMessage(payload: Uint8Array): MessageFrame {
  const { length } = payload;
  if (length < MESSAGE_HEAD_BYTES) {
    refuse(`it has ${length} bytes, must have at least ${MESSAGE_HEAD_BYTES}`);
  }
  const total = u32At(payload, TOTAL_OFFSET);
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
    const most = Math.min(total, MAX_CHUNK_BYTES);
    refuse(`${held} bytes of the body come at once, must be at most ${most}`);
  }
  return { total, bodyOffset };
}

/** The topic as text, which must be UTF-8. */
export function decodeTopic(topic: Uint8Array): string {
  try {
    return TOPIC.decode(topic);
  } catch {
    refuse("topic is no UTF-8, must be UTF-8");
  }
}

/** Writes the head of a `chunk`; the body's next bytes follow it. */
export function writeChunkHead(target: Uint8Array, number: number): void {
  putU32(target, 0, number);
}

/**
 * Reads the number of the message, modulo 2^32, from a `chunk`; the rest of the payload
 * is the next part of its body.
 */
export function decodeChunkHead(payload: Uint8Array): number {
  const held = payload.length - CHUNK_HEAD_BYTES;
  if (held < 1 || held > MAX_CHUNK_BYTES) {
    throw new VerackError(
      "malformed",
      `Cannot read chunk: it has ${held} bytes of a body, must have 1 to ${MAX_CHUNK_BYTES}`,
    );
  }
  return u32At(payload, 0);
}

function refuse(what: string): never {
  throw new VerackError("malformed", `Cannot read message: ${what}`);
}
