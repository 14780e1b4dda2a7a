/**
 * The bytes of the messages of `file/1`, see `docs/protocol.md`: one byte of type, the length of
 * the payload (u32), the payload. Pure; reading checks every byte.
 */
import { VerackError } from "../../core/errors.ts";
import { ByteReader, ByteWriter } from "../../wire/bytes.ts";
import type { FileErrorCode } from "./file_progress.ts";
import type {
  Entry,
  FileError,
  Offer,
  ReceiverMessage,
  SenderMessage,
} from "./file_messages.ts";
import {
  FILE_CHUNK_BYTES,
  MAX_FILE_MESSAGE_BYTES,
  MAX_FILE_TEXT_BYTES,
  MAX_OFFERED_PATHS,
  MAX_PATH_BYTES,
  MAX_SAVED_PATH_BYTES,
  MAX_TRANSFER_FILES,
} from "./files_limits.ts";

/** Type and length in front of each payload. */
export const FILE_HEADER_BYTES = 5;

/** Length of a SHA-256. */
export const HASH_BYTES = 32;

/** Type bytes; those of the sending end are below 16. */
const TYPES = {
  offer: 1,
  entry: 2,
  begin: 3,
  data: 4,
  hash: 5,
  skip: 6,
  accept: 16,
  decline: 17,
  from: 18,
  compare: 19,
  done: 20,
  failed: 21,
} as const;

/** Numbers of error codes. */
const ERROR_NUMBERS: Readonly<Record<FileErrorCode, number>> = {
  "declined": 1,
  "bad-name": 2,
  "exists": 3,
  "changed": 4,
  "unreadable": 5,
  "wrong-hash": 6,
  "wrong-size": 7,
  "disk-full": 8,
  "unwritable": 9,
};

/** Type and length of a message that follows. */
export interface FileHeader {
  readonly type: keyof typeof TYPES;
  readonly length: number;
}

const NAMES = new Map<number, keyof typeof TYPES>(
  Object.entries(TYPES).map((
    [name, type],
  ) => [type, name as keyof typeof TYPES]),
);

const CODES = new Map<number, FileErrorCode>(
  Object.entries(ERROR_NUMBERS).map((
    [code, number],
  ) => [number, code as FileErrorCode]),
);

/** SHA-256 in the place of none. */
const NO_HASH = new Uint8Array(HASH_BYTES);

/** Reads the header of the next message: five bytes. */
export function decodeFileHeader(bytes: Uint8Array): FileHeader {
  const reader: ByteReader = new ByteReader("a message of file/1", bytes);
  const type = reader.u8("type");
  const length = reader.u32("length");
  const name = NAMES.get(type);
  if (name === undefined) reader.refuse("type", `${type}`, "a known one", 0);
  const max = name === "data" ? FILE_CHUNK_BYTES : MAX_FILE_MESSAGE_BYTES;
  if (length > max || (name === "data" && length === 0)) {
    reader.refuse("length", `${length}`, `from 1 to ${max}`, 1);
  }
  return { type: name, length };
}

/** Writes the header of `length` bytes of data to the beginning of `bytes`. */
export function putDataHeader(bytes: Uint8Array, length: number): void {
  bytes[0] = TYPES.data;
  for (let i = 0; i < 4; i++) bytes[1 + i] = length >>> (8 * i);
}

/** Encodes a message with its header. */
export function encodeFileMessage(
  message: SenderMessage | ReceiverMessage,
): Uint8Array<ArrayBuffer> {
  const payload = new ByteWriter();
  put(payload, message);
  const bytes = payload.finish();
  return new ByteWriter(FILE_HEADER_BYTES + bytes.length)
    .u8(TYPES[message.type]).u32(bytes.length).bytes(bytes).finish();
}

function put(
  writer: ByteWriter,
  message: SenderMessage | ReceiverMessage,
): void {
  switch (message.type) {
    case "offer":
      writer.hex("transfer", message.transfer, 16)
        .u32(message.files).u64(BigInt(message.bytes))
        .u32(message.done).u32(message.failed).u64(BigInt(message.doneBytes))
        .count("paths", message.paths.length, MAX_OFFERED_PATHS);
      for (const path of message.paths) {
        writer.varString("path", path, MAX_PATH_BYTES);
      }
      return;
    case "entry":
      writer.u32(message.index).u8(message.kind === "folder" ? 1 : 0)
        .u8(message.executable ? 1 : 0).u64(BigInt(message.size))
        .i64(BigInt(message.mtime))
        .varString("path", message.path, MAX_PATH_BYTES);
      return;
    case "begin":
      return void writer.u32(message.index).u64(BigInt(message.offset));
    case "hash":
      return void writer.u32(message.index)
        .fixedBytes("hash", message.hash, HASH_BYTES);
    case "from":
      return void writer.u32(message.index).u64(BigInt(message.offset))
        .fixedBytes("hash", message.hash, HASH_BYTES);
    case "accept":
      return;
    case "decline":
      return putError(writer, message.error);
    case "compare":
      return void writer.u32(message.index);
    case "done":
      return void writer.u32(message.index).u8(message.held ? 1 : 0)
        .varString("path", message.path, MAX_SAVED_PATH_BYTES);
    case "skip":
    case "failed":
      writer.u32(message.index);
      return putError(writer, message.error);
  }
}

/** Decodes what the sending end has sent, but data. */
export function decodeSenderMessage(
  type: FileHeader["type"],
  payload: Uint8Array,
): SenderMessage {
  const reader = new ByteReader(`${type} of file/1`, payload);
  const message = readMessage(type, reader);
  if (message === undefined || TYPES[message.type] >= TYPES.accept) {
    throw unexpected(type, "receiving");
  }
  reader.end();
  return message as SenderMessage;
}

/** Decodes what the receiving end has sent. */
export function decodeReceiverMessage(
  type: FileHeader["type"],
  payload: Uint8Array,
): ReceiverMessage {
  const reader = new ByteReader(`${type} of file/1`, payload);
  const message = readMessage(type, reader);
  if (message === undefined || TYPES[message.type] < TYPES.accept) {
    throw unexpected(type, "sending");
  }
  reader.end();
  return message as ReceiverMessage;
}

function readMessage(
  type: FileHeader["type"],
  reader: ByteReader,
): SenderMessage | ReceiverMessage | undefined {
  switch (type) {
    case "offer":
      return readOffer(reader);
    case "entry":
      return readEntry(reader);
    case "begin":
      return {
        type,
        index: readIndex(reader),
        offset: readSize(reader, "offset"),
      };
    case "hash":
      return { type, index: readIndex(reader), hash: readHash(reader) };
    case "accept":
      return { type };
    case "decline":
      return { type, error: readError(reader) };
    case "from":
      return {
        type,
        index: readIndex(reader),
        offset: readSize(reader, "offset"),
        hash: readHash(reader),
      };
    case "compare":
      return { type, index: readIndex(reader) };
    case "done":
      return {
        type,
        index: readIndex(reader),
        held: reader.bool("held"),
        path: reader.varString("path", MAX_SAVED_PATH_BYTES),
      };
    case "skip":
    case "failed":
      return { type, index: readIndex(reader), error: readError(reader) };
    case "data":
      return undefined;
  }
}

function unexpected(type: string, end: "sending" | "receiving"): VerackError {
  return new VerackError(
    "malformed",
    `Cannot read file/1: a message "${type}" came to the ${end} end`,
  );
}

function readOffer(reader: ByteReader): Offer {
  const transfer = reader.hex("transfer", 16);
  const files = readCount(reader);
  const bytes = readSize(reader, "bytes");
  const done = reader.u32("done");
  const failed = reader.u32("failed");
  if (done + failed > files) {
    reader.refuse("done and failed", `${done + failed}`, `at most ${files}`);
  }
  const doneBytes = readSize(reader, "done bytes");
  if (doneBytes > bytes) {
    reader.refuse("done bytes", `${doneBytes}`, `at most ${bytes}`);
  }
  const paths = readPaths(reader);
  return {
    type: "offer",
    transfer,
    files,
    bytes,
    done,
    failed,
    doneBytes,
    paths,
  };
}

function readEntry(reader: ByteReader): Entry {
  const index = readIndex(reader);
  const kind = reader.bool("kind") ? "folder" : "file";
  const executable = reader.bool("executable");
  const size = readSize(reader, "size");
  if (kind === "folder" && size > 0) {
    reader.refuse("size of a folder", `${size}`, "0");
  }
  const mtime = reader.i64("mtime");
  // The range of `Date`.
  if (mtime > 8_640_000_000_000_000n || mtime < -8_640_000_000_000_000n) {
    reader.refuse("mtime", `${mtime}`, "a time within 275,000 years of 1970");
  }
  const path = reader.varString("path", MAX_PATH_BYTES);
  return {
    type: "entry",
    index,
    kind,
    path,
    size,
    mtime: Number(mtime),
    executable,
  };
}

function readPaths(reader: ByteReader): string[] {
  const count = reader.count("paths", MAX_OFFERED_PATHS, 1);
  return Array.from(
    { length: count },
    () => reader.varString("path", MAX_PATH_BYTES),
  );
}

function readCount(reader: ByteReader): number {
  const files = reader.u32("files");
  if (files < 1 || files > MAX_TRANSFER_FILES) {
    reader.refuse("files", `${files}`, `from 1 to ${MAX_TRANSFER_FILES}`);
  }
  return files;
}

function readIndex(reader: ByteReader): number {
  const index = reader.u32("index");
  if (index >= MAX_TRANSFER_FILES) {
    reader.refuse("index", `${index}`, `less than ${MAX_TRANSFER_FILES}`);
  }
  return index;
}

function readSize(reader: ByteReader, field: string): number {
  const size = reader.u64(field);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
    reader.refuse(field, `${size}`, `at most ${Number.MAX_SAFE_INTEGER}`);
  }
  return Number(size);
}

function readHash(reader: ByteReader): Uint8Array {
  return reader.bytes("hash", HASH_BYTES).slice();
}

function readError(reader: ByteReader): FileError {
  const number = reader.u8("code");
  const code = CODES.get(number);
  if (code === undefined) reader.refuse("code", `${number}`, "a known one");
  return { code, message: reader.varString("text", MAX_FILE_TEXT_BYTES) };
}

function putError(writer: ByteWriter, { code, message }: FileError): void {
  writer.u8(ERROR_NUMBERS[code])
    .varString("text", cut(message), MAX_FILE_TEXT_BYTES);
}

/** The beginning of a text that fits. */
function cut(text: string): string {
  const bytes = new Uint8Array(MAX_FILE_TEXT_BYTES);
  const { read } = new TextEncoder().encodeInto(text.toWellFormed(), bytes);
  return text.toWellFormed().slice(0, read);
}

/** A request to send a file from its beginning. */
export function fromStart(index: number): ReceiverMessage {
  return { type: "from", index, offset: 0, hash: NO_HASH };
}
