/**
 * `open`, `data`, `credit`, `end` and `reset`: byte streams inside a session. What may come
 * when is checked by `streams/`.
 *
 * All but `reset` are read and written by hand, as `message` is: `data` carries the bulk, and
 * a request takes one of each of the others.
 */
import { VerackError } from "../../core/errors.ts";
import {
  MAX_PROTOCOL_NAME_BYTES,
  MAX_STREAM_DATA_BYTES,
  MAX_STREAM_METADATA_BYTES,
  MAX_STREAM_RESET_TEXT_BYTES,
} from "../wire_limits.ts";
import { ByteReader, ByteWriter, putU32, u32At } from "../bytes.ts";

const REPLACING_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const MAX_U32 = 0xffff_ffff;
const NO_BYTES = new Uint8Array(0);

/** Bytes before the bytes of the stream in a `data`: the id of the stream. */
export const DATA_HEAD_BYTES = 4;

const CREDIT_OFFSET = 4;
const PROTOCOL_OFFSET = 8;

/** Shortest `open`: a protocol of one character and no metadata. */
const MIN_OPEN_BYTES = PROTOCOL_OFFSET + 3;

/**
 * Why a stream was reset. A number keeps its meaning for ever; one that this release does not
 * have is read as `aborted`.
 */
export const RESET_CODE = {
  /** Both directions end. */
  aborted: 0,
  /** The sender reads no more: only the direction towards it ends. */
  unread: 1,
  /** The sender does not handle the protocol. */
  unknownProtocol: 2,
  /** The sender has no room for another stream. */
  full: 3,
  /** What handles the stream at the sender failed; the text says how. */
  failed: 4,
  /** The sender has no session with the peer that the stream was to lead to. */
  notConnected: 5,
  /** No rule of the sender allows what was asked of it. */
  notAllowed: 6,
  /** A deadline of the sender has passed. */
  timeout: 7,
  /** The session that the stream led to has ended. */
  sessionLost: 8,
} as const;

/** Payload of `open`. */
export interface OpenFrame {
  /** From 1 on; odd from the dialer of the session, even from its listener. */
  readonly stream: number;
  /** Bytes that the receiver may send before it is granted more. */
  readonly credit: number;
  /** 1 to `MAX_PROTOCOL_NAME_BYTES` characters from 0x21 to 0x7e. */
  readonly protocol: string;
  /** At most `MAX_STREAM_METADATA_BYTES`. */
  readonly metadata: Uint8Array;
}

/** Payload of `credit`. */
export interface CreditFrame {
  readonly stream: number;
  /** Bytes that the receiver may send besides those it was granted before, at least 1. */
  readonly bytes: number;
}

/** Payload of `reset`. */
export interface ResetFrame {
  readonly stream: number;
  /** One of {@linkcode RESET_CODE}, or one that this release does not have: unsigned 8 bits. */
  readonly code: number;
  /** Details, may be empty; escape before showing. */
  readonly text: string;
}

/** Whether a text may be the name of a stream's protocol. */
export function isProtocolName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_PROTOCOL_NAME_BYTES) return false;
  for (let at = 0; at < name.length; at++) {
    if (!isNameByte(name.charCodeAt(at))) return false;
  }
  return true;
}

function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f;
}

/**
 * Id, credit, protocol and metadata.
 *
 * @throws {RangeError} when a field does not fit.
 */
export function encodeOpen(frame: OpenFrame): Uint8Array<ArrayBuffer> {
  const { stream, credit, protocol, metadata } = frame;
  check("open", "stream", stream, 1, MAX_U32);
  check("open", "credit", credit, 0, MAX_U32);
  if (!isProtocolName(protocol)) {
    throw new RangeError(
      `Cannot encode open: protocol is ${
        JSON.stringify(protocol.slice(0, 80))
      }, must be 1 to ${MAX_PROTOCOL_NAME_BYTES} characters of printable ASCII without spaces`,
    );
  }
  const { length } = metadata;
  if (length > MAX_STREAM_METADATA_BYTES) {
    throw new RangeError(
      `Cannot encode open: metadata has ${length} bytes, must have at most ${MAX_STREAM_METADATA_BYTES}`,
    );
  }
  // A CompactSize below 0xfd is one byte, else three: 0xfd and two.
  const isShort = length < 0xfd;
  let at = PROTOCOL_OFFSET + 1 + protocol.length;
  const bytes = new Uint8Array(at + (isShort ? 1 : 3) + length);
  putU32(bytes, 0, stream);
  putU32(bytes, CREDIT_OFFSET, credit);
  bytes[PROTOCOL_OFFSET] = protocol.length;
  for (let i = 0; i < protocol.length; i++) {
    bytes[PROTOCOL_OFFSET + 1 + i] = protocol.charCodeAt(i);
  }
  bytes[at++] = isShort ? length : 0xfd;
  if (!isShort) {
    bytes[at++] = length;
    bytes[at++] = length >>> 8;
  }
  bytes.set(metadata, at);
  return bytes;
}

/** Reads `open`; the metadata is copied. */
export function decodeOpen(payload: Uint8Array): OpenFrame {
  const end = payload.length;
  if (end < MIN_OPEN_BYTES) {
    refuse("open", `it has ${end} bytes, must have at least ${MIN_OPEN_BYTES}`);
  }
  const stream = u32At(payload, 0);
  if (stream === 0) refuse("open", "stream is 0, must be at least 1");
  const nameBytes = payload[PROTOCOL_OFFSET]!;
  let at = PROTOCOL_OFFSET + 1 + nameBytes;
  if (nameBytes === 0 || nameBytes > MAX_PROTOCOL_NAME_BYTES || at >= end) {
    refuse(
      "open",
      `protocol has ${nameBytes} bytes, must have 1 to ${MAX_PROTOCOL_NAME_BYTES} and come before the metadata`,
    );
  }
  let protocol = "";
  for (let i = PROTOCOL_OFFSET + 1; i < at; i++) {
    const byte = payload[i]!;
    if (!isNameByte(byte)) {
      refuse("open", `protocol has byte ${byte}, must have 33 to 126 only`);
    }
    protocol += String.fromCharCode(byte);
  }
  let length = payload[at++]!;
  if (length >= 0xfd) {
    const reader = new ByteReader("open", payload.subarray(at - 1));
    length = reader.compactSize("metadata size", MAX_STREAM_METADATA_BYTES);
    at += reader.offset - 1;
  }
  if (length > end - at) {
    refuse(
      "open",
      `metadata has ${
        end - at
      } bytes left, must have the ${length} of its size`,
    );
  }
  const metadata = length === 0 ? NO_BYTES : payload.slice(at, at + length);
  return { stream, credit: u32At(payload, CREDIT_OFFSET), protocol, metadata };
}

/** Writes the head of a `data`, for which there must be room; bytes of the stream follow it. */
export function writeDataHead(
  target: Uint8Array,
  offset: number,
  stream: number,
): void {
  putU32(target, offset, stream);
}

/**
 * Reads the id of the stream from a `data`; the rest of the payload, 1 to
 * `MAX_STREAM_DATA_BYTES`, are the stream's next bytes.
 */
export function decodeDataHead(payload: Uint8Array): number {
  const held = payload.length - DATA_HEAD_BYTES;
  if (held < 1 || held > MAX_STREAM_DATA_BYTES) {
    refuse(
      "data",
      `it has ${held} bytes of a stream, must have 1 to ${MAX_STREAM_DATA_BYTES}`,
    );
  }
  return u32At(payload, 0);
}

/**
 * Id and number of bytes.
 *
 * @throws {RangeError} when a field does not fit.
 */
export function encodeCredit(
  { stream, bytes }: CreditFrame,
): Uint8Array<ArrayBuffer> {
  check("credit", "stream", stream, 1, MAX_U32);
  check("credit", "number of bytes", bytes, 1, MAX_U32);
  const payload = new Uint8Array(8);
  putU32(payload, 0, stream);
  putU32(payload, 4, bytes);
  return payload;
}

/** Reads `credit`. */
export function decodeCredit(payload: Uint8Array): CreditFrame {
  if (payload.length < 8) {
    refuse("credit", `it has ${payload.length} bytes, must have at least 8`);
  }
  const bytes = u32At(payload, 4);
  // One of 0 bytes would cost its sender nothing, and says nothing.
  if (bytes === 0) refuse("credit", "it is of 0 bytes, must be of at least 1");
  return { stream: u32At(payload, 0), bytes };
}

/**
 * The id alone.
 *
 * @throws {RangeError} when it does not fit.
 */
export function encodeEnd(stream: number): Uint8Array<ArrayBuffer> {
  check("end", "stream", stream, 1, MAX_U32);
  const payload = new Uint8Array(4);
  putU32(payload, 0, stream);
  return payload;
}

/** Reads the id of the stream from an `end`. */
export function decodeEnd(payload: Uint8Array): number {
  if (payload.length < 4) {
    refuse("end", `it has ${payload.length} bytes, must have at least 4`);
  }
  return u32At(payload, 0);
}

/**
 * Id, code and text. A text above `MAX_STREAM_RESET_TEXT_BYTES` is cut, as it most often is an
 * error message.
 *
 * @throws {RangeError} when another field does not fit.
 */
export function encodeReset(frame: ResetFrame): Uint8Array<ArrayBuffer> {
  check("reset", "stream", frame.stream, 1, MAX_U32);
  const text = new Uint8Array(MAX_STREAM_RESET_TEXT_BYTES);
  // `encodeInto` stops before a character that does not fit.
  const { written } = new TextEncoder().encodeInto(frame.text, text);
  return new ByteWriter(8 + written)
    .u32(frame.stream)
    .u8(frame.code)
    .varBytes("text", text.subarray(0, written), MAX_STREAM_RESET_TEXT_BYTES)
    .finish();
}

/** Reads `reset`. Broken UTF-8 becomes U+FFFD: the stream has ended, and its code counts. */
export function decodeReset(payload: Uint8Array): ResetFrame {
  const reader = new ByteReader("reset", payload);
  const stream = reader.u32("stream");
  const code = reader.u8("code");
  const text = reader.varBytes("text", MAX_STREAM_RESET_TEXT_BYTES);
  return { stream, code, text: REPLACING_UTF8.decode(text) };
}

function check(
  command: string,
  field: string,
  value: number,
  min: number,
  max: number,
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot encode ${command}: ${field} is ${value}, must be an integer from ${min} to ${max}`,
  );
}

function refuse(command: string, what: string): never {
  throw new VerackError("malformed", `Cannot read ${command}: ${what}`);
}
