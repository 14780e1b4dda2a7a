/**
 * Requests and answers as bytes, protocol `request/1`: what is in the metadata of the stream, what
 * is before an answer, and how values become bodies. See `docs/protocol.md`.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { putU32, u32At } from "../wire/bytes.ts";
import {
  MAX_ERROR_BYTES,
  MAX_ERROR_MESSAGE_CHARS,
  MAX_METHOD_BYTES,
  MAX_REQUEST_BYTES,
} from "./streams_limits.ts";
import { isErrorCode, RequestError } from "./request_error.ts";

/** The name of the protocol. */
export const REQUEST_PROTOCOL = "request/1";

/** Kinds of content, by their number on the wire. */
const KINDS = ["none", "bytes", "text", "json"] as const;

/** What a body is: nothing, bytes, text or a JSON value. */
export type BodyKind = typeof KINDS[number];

/** The outcomes of a request at the serving node, by their number on the wire. */
const STATUSES = [
  "ok",
  "failed",
  "unknown-method",
  "bad-input",
  "bad-output",
  "timeout",
  "full",
] as const;

/** The outcome of a request at the serving node. */
export type AnswerStatus = typeof STATUSES[number];

/** A value as bytes. */
export interface EncodedBody {
  readonly kind: BodyKind;
  readonly bytes: Uint8Array;
}

/** What the metadata of a request has. */
export interface RequestHead {
  readonly method: string;
  readonly kind: BodyKind;
  /** Length of the body, bytes. */
  readonly length: number;
  /** How long the caller waits from now, milliseconds. */
  readonly timeoutMs: number;
}

/** What is before the body of an answer. */
export interface AnswerHead {
  readonly status: AnswerStatus;
  readonly kind: BodyKind;
  /** Length of the body, bytes. */
  readonly length: number;
}

/** An error as it travels. */
export interface SentError {
  readonly code: string;
  readonly message: string;
  readonly data?: unknown;
}

/** Bytes before the method in the metadata, and before the body of an answer. */
const REQUEST_HEAD_BYTES = 9;
export const ANSWER_HEAD_BYTES = 6;

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Controls, formatting, lone surrogates, line ends. */
const UNUSABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * A value as a body: `undefined` is none, bytes are bytes, a string is text, anything else JSON.
 *
 * @param action What it is for, for errors: `Cannot request "add"`.
 * @throws {TypeError} when JSON has no such value, or a text has lone surrogates.
 * @throws {RangeError} when it is too long.
 */
export function encodeBody(value: unknown, action: string): EncodedBody {
  const body = encode(value, action);
  if (body.bytes.length <= MAX_REQUEST_BYTES) return body;
  throw new RangeError(
    `${action}: the body has ${body.bytes.length} bytes, must have at most ` +
      `${MAX_REQUEST_BYTES}; a stream (Node.open) carries any number`,
  );
}

function encode(value: unknown, action: string): EncodedBody {
  if (value === undefined) return { kind: "none", bytes: EMPTY };
  if (typeof value === "string") {
    if (value.isWellFormed()) {
      return { kind: "text", bytes: encoder.encode(value) };
    }
    throw new TypeError(
      `${action}: the body is text with a lone surrogate, which UTF-8 has not, must be well-formed`,
    );
  }
  if (value instanceof Uint8Array) return { kind: "bytes", bytes: value };
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    throw new TypeError(
      `${action}: the body is binary in another form, must be a Uint8Array`,
    );
  }
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) {
    throw new TypeError(
      `${action}: the body is ${
        typeof value === "object" ? "an object" : `a ${typeof value}`
      } that has no JSON, must be a JSON value, bytes, text or undefined`,
      { cause },
    );
  }
  return { kind: "json", bytes: encoder.encode(text) };
}

/**
 * The value of a body that was received; bytes are not copied.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeBody(kind: BodyKind, bytes: Uint8Array): unknown {
  if (kind === "bytes") return bytes;
  if (kind === "none") {
    if (bytes.length === 0) return undefined;
    throw malformed(`the body has ${bytes.length} bytes, must be empty`);
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw malformed("the body is no UTF-8");
  }
  if (kind === "text") return text;
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("the body is no JSON");
  }
}

/**
 * Throws for a text that cannot be the name of a method.
 *
 * @throws {RangeError} when it is empty, too long, or has characters that cannot be seen.
 */
export function checkMethod(method: string): void {
  if (typeof method !== "string") {
    throw new TypeError(
      `Cannot use a method: it is ${
        method === null ? "null" : typeof method
      }, must be its name or made by defineMethod`,
    );
  }
  const fault = methodFault(method, encoder.encode(method).length);
  if (fault === undefined) return;
  throw new RangeError(
    `Cannot use ${JSON.stringify(method.slice(0, 80))} as a method: ${fault}`,
  );
}

function methodFault(method: string, length: number): string | undefined {
  if (length === 0) return "it is empty";
  if (length > MAX_METHOD_BYTES) {
    return `it has ${length} bytes, must have at most ${MAX_METHOD_BYTES}`;
  }
  return UNUSABLE.test(method)
    ? "it has a control character, a lone surrogate or formatting"
    : undefined;
}

/** The metadata of a request; the method has been checked. */
export function encodeRequestHead(
  { method, kind, length, timeoutMs }: RequestHead,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(REQUEST_HEAD_BYTES + MAX_METHOD_BYTES);
  head[0] = KINDS.indexOf(kind);
  putU32(head, 1, Math.min(Math.ceil(timeoutMs), 0xffff_ffff));
  putU32(head, 5, length);
  const { written } = encoder.encodeInto(
    method,
    head.subarray(REQUEST_HEAD_BYTES),
  );
  return head.subarray(0, REQUEST_HEAD_BYTES + written);
}

/** @throws {VerackError} `malformed`; `oversize` for a body above 4 MB. */
export function decodeRequestHead(bytes: Uint8Array): RequestHead {
  if (bytes.length < REQUEST_HEAD_BYTES) {
    throw malformed(
      `the metadata has ${bytes.length} bytes, must have ${REQUEST_HEAD_BYTES} and a method`,
    );
  }
  const kind = kindOf(bytes[0]!);
  const length = lengthOf(u32At(bytes, 5), MAX_REQUEST_BYTES);
  let method: string;
  try {
    method = decoder.decode(bytes.subarray(REQUEST_HEAD_BYTES));
  } catch {
    throw malformed("the method is no UTF-8");
  }
  const fault = methodFault(method, bytes.length - REQUEST_HEAD_BYTES);
  if (fault !== undefined) throw malformed(`the method is wrong, ${fault}`);
  return { method, kind, length, timeoutMs: u32At(bytes, 1) };
}

/** The head of an answer, with space for `more` bytes behind it. */
export function encodeAnswerHead(
  { status, kind, length }: AnswerHead,
  more: number,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(ANSWER_HEAD_BYTES + more);
  head[0] = STATUSES.indexOf(status);
  head[1] = KINDS.indexOf(kind);
  putU32(head, 2, length);
  return head;
}

/** @throws {VerackError} `malformed`; `oversize` for a body above 4 MB, or an error above 64 KiB. */
export function decodeAnswerHead(bytes: Uint8Array): AnswerHead {
  const status = STATUSES[bytes[0]!];
  if (status === undefined) {
    throw malformed(
      `the status is ${bytes[0]}, must be below ${STATUSES.length}`,
    );
  }
  const kind = kindOf(bytes[1]!);
  if (status !== "ok" && kind !== "json") {
    throw malformed(`an error is ${kind}, must be JSON`);
  }
  const most = status === "ok" ? MAX_REQUEST_BYTES : MAX_ERROR_BYTES;
  return { status, kind, length: lengthOf(u32At(bytes, 2), most) };
}

/** What a handler threw, as it travels: no stack, bounded. */
export function sentError(error: unknown): SentError {
  try {
    // Whatever the class of the error says that its message is.
    const message = String(messageOf(error));
    if (error instanceof RequestError) {
      const { remoteCode: code, data } = error;
      return { code, message, ...(data !== undefined && { data }) };
    }
    const code = error instanceof VerackError ? error.code : "failed";
    return { code, message };
  } catch {
    return { code: "failed", message: "The handler threw what has no text" };
  }
}

/** An error as a body; data that is too large or no JSON is left out. */
export function encodeError({ code, message, data }: SentError): EncodedBody {
  const bounded = {
    code,
    message: message.slice(0, MAX_ERROR_MESSAGE_CHARS).toWellFormed(),
  };
  if (data !== undefined) {
    try {
      const bytes = encoder.encode(JSON.stringify({ ...bounded, data }));
      if (bytes.length <= MAX_ERROR_BYTES) return { kind: "json", bytes };
    } catch {
      // The code and the message are sent alone.
    }
  }
  return { kind: "json", bytes: encoder.encode(JSON.stringify(bounded)) };
}

/** @throws {VerackError} `malformed`. */
export function decodeError(bytes: Uint8Array): SentError {
  const value = decodeBody("json", bytes);
  const { code, message, data } = Object(value) as Partial<SentError>;
  if (!isErrorCode(code)) throw malformed("the code of the error is none");
  if (
    typeof message !== "string" || message.length > MAX_ERROR_MESSAGE_CHARS
  ) {
    throw malformed("the error has no message, or a longer one than allowed");
  }
  return { code, message, ...(data !== undefined && { data }) };
}

function kindOf(number: number): BodyKind {
  const kind = KINDS[number];
  if (kind !== undefined) return kind;
  throw malformed(`the kind is ${number}, must be below ${KINDS.length}`);
}

function lengthOf(length: number, most: number): number {
  if (length <= most) return length;
  throw new VerackError(
    "oversize",
    `Cannot read a request or its answer: ${length} bytes are announced, must be at most ${most}`,
    { expected: most, actual: length },
  );
}

function malformed(fault: string): VerackError {
  return new VerackError(
    "malformed",
    `Cannot read a request or its answer: ${fault}`,
  );
}
