/** Reads and writes the messages of `file/1` on a stream. */
import { VerackError } from "../../core/errors.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import {
  decodeFileHeader,
  encodeFileMessage,
  FILE_HEADER_BYTES,
  type FileHeader,
} from "./file_codec.ts";
import type { ReceiverMessage, SenderMessage } from "./file_messages.ts";
import { MAX_FILE_MESSAGE_BYTES } from "./files_limits.ts";

/** A message with its header, and half as much again. */
const BUFFER_BYTES = MAX_FILE_MESSAGE_BYTES + FILE_HEADER_BYTES + 4_096;

/** What is used of a stream. */
export type ByteStream = Pick<PeerStream, "read" | "write">;

/** The messages on one stream. One reads at a time; writes of several follow each other. */
export class FileFrames {
  readonly #stream: ByteStream;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  #written: Promise<void> = Promise.resolve();
  #isReading = false;
  #readBytes = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Whether a read waits for the peer. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Bytes that have come. */
  get readBytes(): number {
    return this.#readBytes;
  }

  /**
   * The header of the next message, or null when the peer has ended its direction.
   *
   * @throws {VerackError} `malformed`, and what the stream throws.
   */
  async header(): Promise<FileHeader | null> {
    if (!await this.#fill(FILE_HEADER_BYTES)) return null;
    const header = decodeFileHeader(
      this.#buffer.subarray(this.#start, this.#start + FILE_HEADER_BYTES),
    );
    this.#start += FILE_HEADER_BYTES;
    return header;
  }

  /** The payload of a message but data; valid until the next call. */
  async payload({ type, length }: FileHeader): Promise<Uint8Array> {
    if (type === "data") {
      throw new VerackError(
        "malformed",
        "Cannot read file/1: data came for no file",
      );
    }
    await this.#fill(length);
    const payload = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    return payload;
  }

  /** Reads data of a message until `target` is full. */
  async data(target: Uint8Array): Promise<void> {
    const held = Math.min(this.#end - this.#start, target.length);
    target.set(this.#buffer.subarray(this.#start, this.#start + held));
    this.#start += held;
    for (let filled = held; filled < target.length;) {
      const count = await this.#read(target.subarray(filled));
      if (count === null) throw cutOff();
      filled += count;
    }
  }

  /** Sends a message; resolves when more may be sent. */
  send(message: SenderMessage | ReceiverMessage): Promise<void> {
    return this.sendBytes(encodeFileMessage(message));
  }

  /** Sends bytes that are whole messages. They may be changed once the promise resolves. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    const written = this.#written.then(() => this.#stream.write(bytes));
    this.#written = written.catch(() => {});
    return written;
  }

  /** Has at least `count` bytes in the buffer; false if the peer ended before the first. */
  async #fill(count: number): Promise<boolean> {
    while (this.#end - this.#start < count) {
      if (this.#start > 0) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
        this.#end -= this.#start;
        this.#start = 0;
      }
      const read = await this.#read(this.#buffer.subarray(this.#end));
      if (read === null) {
        if (this.#end > 0 || count !== FILE_HEADER_BYTES) throw cutOff();
        return false;
      }
      this.#end += read;
    }
    return true;
  }

  async #read(target: Uint8Array): Promise<number | null> {
    this.#isReading = true;
    try {
      const count = await this.#stream.read(target);
      this.#readBytes += count ?? 0;
      return count;
    } finally {
      this.#isReading = false;
    }
  }
}

function cutOff(): VerackError {
  return new VerackError(
    "malformed",
    "Cannot read file/1: the stream ends within a message",
  );
}
