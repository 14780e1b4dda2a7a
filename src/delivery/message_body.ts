/**
 * The body of an outgoing message, which all its receivers share: encoded once, in memory that
 * is used again after the last of them has acknowledged it.
 */
import { COMMAND } from "../wire/commands.ts";
import { writeHeader } from "../wire/frame.ts";
import {
  MESSAGE_HEAD_BYTES,
  MESSAGE_ID_BYTES,
  writeMessage,
} from "../wire/messages/message_frame.ts";
import { FRAME_HEADER_BYTES } from "../wire/wire_limits.ts";
import { MESSAGE_OVERHEAD_BYTES, MIN_CHUNK_BYTES } from "./delivery_limits.ts";
import { FrameBlock, type FrameMemory } from "./frame_memory.ts";
import type { StoredMessage } from "./message_store.ts";

const UTF8 = new TextEncoder();

/** When a message was accepted, milliseconds. */
export interface Acceptance {
  /** By the clock of the store. */
  readonly kept: number;
  /** By the monotonic clock. */
  readonly monotonic: number;
}

/** What a message is made of. */
export interface MessageFields extends Pick<StoredMessage, "id" | "topic"> {
  readonly body: Uint8Array;
  readonly ttlMs: number;
  readonly accepted: Acceptance;
}

/**
 * A message as all its receivers get it. The body is copied once, into a frame; the header of one
 * that may be sent in parts is written when the first part is sent.
 */
export class MessageBody implements StoredMessage {
  readonly topic: string;
  readonly accepted: Acceptance;
  readonly ttlMs: number;
  /** Whether it has several receivers. */
  readonly shared: boolean;
  /** Bytes of the payload before the body, of the body, and of both. */
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly payloadBytes: number;
  /** Its key in the store. */
  key = 0;
  /** Unacknowledged receivers with a session and without; of both, those without standing. */
  connected = 0;
  absent = 0;
  strangers = 0;
  /** The block with its frame, and where that begins. */
  #block: FrameBlock;
  #start: number;
  /** What the block belongs to, if not to this message alone. */
  #memory: FrameMemory | undefined;

  /**
   * @param magic First word of the frame, `magicWord`'s.
   * @param memory Memory for a message that is expected to leave soon.
   */
  constructor(
    magic: number,
    message: MessageFields,
    shared: boolean,
    memory?: FrameMemory,
  ) {
    const { id, topic, body, accepted, ttlMs } = message;
    const name = topicBytes(topic);
    this.topic = topic;
    this.accepted = accepted;
    this.ttlMs = ttlMs;
    this.shared = shared;
    this.headBytes = MESSAGE_HEAD_BYTES + name.length;
    this.bodyBytes = body.length;
    this.payloadBytes = this.headBytes + body.length;
    const size = FRAME_HEADER_BYTES + this.payloadBytes;
    const block = memory?.take(size) ?? new FrameBlock(size);
    const start = memory === undefined ? 0 : block.used - size;
    this.#memory = memory;
    this.#block = block;
    this.#start = start;
    writeMessage(block.bytes, start + FRAME_HEADER_BYTES, id, name, body);
    if (!this.isDivisible) this.writeHeader(magic, this.payloadBytes);
  }

  get id(): Uint8Array {
    return this.payload(0, MESSAGE_ID_BYTES);
  }

  get body(): Uint8Array {
    return this.payload(this.headBytes, this.payloadBytes);
  }

  get createdAt(): number {
    return this.accepted.kept;
  }

  /** Monotonic clock, milliseconds. */
  get expiresAt(): number {
    return this.accepted.monotonic + this.ttlMs;
  }

  /** Whether it may be sent in parts, so that each session has another first frame. */
  get isDivisible(): boolean {
    return this.bodyBytes > MIN_CHUNK_BYTES;
  }

  /** Credit that it uses without its body. */
  get headCredit(): number {
    return MESSAGE_OVERHEAD_BYTES + this.headBytes - MESSAGE_HEAD_BYTES;
  }

  /** The block that has its frame, which begins at {@linkcode start}. */
  get block(): FrameBlock {
    return this.#block;
  }

  get start(): number {
    return this.#start;
  }

  /** Part of its payload. */
  payload(from: number, to: number): Uint8Array<ArrayBuffer> {
    const start = this.#start + FRAME_HEADER_BYTES;
    return this.#block.bytes.subarray(start + from, start + to);
  }

  /** Writes the header of its frame for the beginning of the payload, or all of it. */
  writeHeader(magic: number, payloadBytes: number): void {
    const { view } = this.#block;
    writeHeader(view, this.#start, magic, COMMAND.message, payloadBytes, 0);
  }

  /** Moves it out of shared memory, because it has to wait. */
  detach(): void {
    if (this.#memory === undefined) return;
    const size = FRAME_HEADER_BYTES + this.payloadBytes;
    const own = new FrameBlock(size);
    const from = this.#start;
    own.bytes.set(this.#block.bytes.subarray(from, from + size));
    this.release();
    this.#block = own;
    this.#start = 0;
  }

  /** No receiver needs it any more. */
  release(): void {
    this.#memory?.release(this.#block);
    this.#memory = undefined;
  }

  /** It was given up, although part of it may still have to be sent. */
  keep(): void {
    this.#block.isReusable = false;
  }
}

let lastTopic = "";
let lastTopicBytes = UTF8.encode("");

/** Most messages have the topic of the one before. */
function topicBytes(topic: string): Uint8Array {
  if (topic !== lastTopic) {
    lastTopicBytes = UTF8.encode(topic);
    lastTopic = topic;
  }
  return lastTopicBytes;
}
