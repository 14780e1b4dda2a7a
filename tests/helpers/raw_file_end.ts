/** One end of `file/1` that sends what a test tells it, for attacks on the other end. */
import type { Node } from "../../src/mesh/node.ts";
import { FileFrames } from "../../src/services/files/file_frames.ts";
import {
  decodeReceiverMessage,
  decodeSenderMessage,
  encodeFileMessage,
  FILE_HEADER_BYTES,
  putDataHeader,
} from "../../src/services/files/file_codec.ts";
import {
  type Entry,
  FILE_PROTOCOL,
  type Offer,
  type ReceiverMessage,
  type SenderMessage,
} from "../../src/services/files/file_messages.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";

/** A stream of `file/1` without any rule. */
export class RawFileEnd implements AsyncDisposable {
  readonly stream: PeerStream;
  readonly #frames: FileFrames;

  constructor(stream: PeerStream) {
    this.stream = stream;
    this.#frames = new FileFrames(stream);
  }

  static async open(node: Node, peer: string): Promise<RawFileEnd> {
    return new RawFileEnd(await node.open(peer, FILE_PROTOCOL));
  }

  /** Sends messages one after the other. */
  async send(...messages: (SenderMessage | ReceiverMessage)[]): Promise<void> {
    for (const message of messages) {
      await this.stream.write(encodeFileMessage(message));
    }
  }

  async data(bytes: Uint8Array): Promise<void> {
    const message = new Uint8Array(FILE_HEADER_BYTES + bytes.length);
    putDataHeader(message, bytes.length);
    message.set(bytes, FILE_HEADER_BYTES);
    await this.stream.write(message);
  }

  /** The next answer of a receiving end; nothing if it has ended. */
  async answer(): Promise<ReceiverMessage | undefined> {
    const header = await this.#frames.header();
    if (header === null) return undefined;
    return decodeReceiverMessage(
      header.type,
      await this.#frames.payload(header),
    );
  }

  /** The next message of a sending end but data. */
  async message(): Promise<SenderMessage | undefined> {
    for (;;) {
      const header = await this.#frames.header();
      if (header === null) return undefined;
      if (header.type === "data") {
        await this.#frames.data(new Uint8Array(header.length));
        continue;
      }
      return decodeSenderMessage(
        header.type,
        await this.#frames.payload(header),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.abort();
    await this.stream[Symbol.asyncDispose]();
  }
}

/** An offer of one file of four bytes, but for what is given. */
export function offerOf(given: Partial<Offer> = {}): Offer {
  return {
    type: "offer",
    transfer: "0123456789abcdef0123456789abcdef",
    files: 1,
    bytes: 4,
    done: 0,
    failed: 0,
    doneBytes: 0,
    paths: ["a"],
    ...given,
  };
}

/** A file of four bytes, but for what is given. */
export function entryOf(given: Partial<Entry> = {}): Entry {
  return {
    type: "entry",
    index: 0,
    kind: "file",
    path: "a",
    size: 4,
    mtime: 1_000_000_000_000,
    executable: false,
    ...given,
  };
}

/** SHA-256 of bytes. */
export async function sha256(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
