/**
 * A message on its way: what all its receivers share, and what is one receiver's.
 */
import type { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../delivery_limits.ts";
import { SharedFrame } from "../session/shared_frame.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  encodeMessage,
  MESSAGE_HEAD_BYTES,
  MESSAGE_ID_BYTES,
} from "../wire/messages/message.ts";
import type { StoredMessage } from "./message_store.ts";
import type { SendStream } from "./send_stream.ts";
import type { BufferPool } from "./buffer_pool.ts";

const UTF8 = new TextEncoder();

/** What is the same for all receivers. The body is copied once, into its frame. */
export class MessageBody implements StoredMessage {
  readonly topic: string;
  readonly createdAt: number;
  readonly ttlMs: number;
  /** `message` with all of the body. */
  payload: Uint8Array<ArrayBuffer>;
  #isPooled: boolean;
  /** Where the body begins in {@linkcode payload}. */
  readonly headBytes: number;
  /** What the store calls it. */
  key = 0;
  /** Whether it has several receivers. */
  readonly shared: boolean;
  /** Receivers that wait for it, with a session and without; of these, those without standing. */
  connected = 0;
  absent = 0;
  strangers = 0;
  #frame: SharedFrame | undefined;

  constructor(options: {
    readonly id: Uint8Array;
    readonly topic: string;
    readonly body: Uint8Array;
    readonly createdAt: number;
    readonly ttlMs: number;
    readonly shared?: boolean;
    /** Gives memory for it that it may not keep for long. */
    readonly pool?: BufferPool | undefined;
  }) {
    const { id, topic, body, createdAt, ttlMs, pool } = options;
    this.topic = topic;
    this.createdAt = createdAt;
    this.ttlMs = ttlMs;
    this.shared = options.shared ?? false;
    this.payload = encodeMessage(id, topicBytes(topic), body, pool);
    this.#isPooled = this.payload.length < this.payload.buffer.byteLength;
    this.headBytes = this.payload.length - body.length;
  }

  get id(): Uint8Array {
    return this.payload.subarray(0, MESSAGE_ID_BYTES);
  }

  get body(): Uint8Array {
    return this.payload.subarray(this.headBytes);
  }

  get bodyBytes(): number {
    return this.payload.length - this.headBytes;
  }

  /** What it counts without its body, as its receiver reckons. */
  get headCredit(): number {
    return MESSAGE_OVERHEAD_BYTES + this.headBytes - MESSAGE_HEAD_BYTES;
  }

  /** It has to wait: takes memory of its own, and no more than it needs. */
  settleIn(): void {
    this.#frame = undefined;
    if (!this.#isPooled) return;
    this.payload = this.payload.slice();
    this.#isPooled = false;
  }

  /** All of it in one frame, encoded once for all its receivers. */
  frame(magic: Uint8Array): SharedFrame {
    return this.#frame ??= new SharedFrame(
      magic,
      COMMAND.message,
      this.payload,
    );
  }
}

/** Who wants to know what becomes of a message. */
export interface Waiter {
  /** The receiver's application took it. */
  acknowledged(outgoing: OutgoingMessage): void;
  /** It is not sent any more. */
  failed(outgoing: OutgoingMessage, error: VerackError): void;
  /** There is no session with the receiver any more. */
  disconnected?(outgoing: OutgoingMessage): void;
}

/** One message to one receiver. */
export class OutgoingMessage {
  readonly content: MessageBody;
  readonly to: PeerId;
  /** Monotonic clock, milliseconds. */
  readonly expiresAt: number;
  waiter: Waiter | undefined;
  /** Acknowledged or given up; nothing more becomes of it. */
  done = false;
  /** Who sent it to many waits for this receiver. */
  awaited = false;
  /** Why it was given up, if it was. */
  error: VerackError | undefined;
  /** Whether any of it is on the wire, so that giving it up proves nothing. */
  begun = false;
  /** An earlier process accepted it, which may have sent it. */
  isRecalled = false;

  // --- On the session it is sent on now --------------------------------------
  stream: SendStream | undefined;
  /** How many were begun before it. */
  number = 0;
  /** What it counts there; 0 while it is not begun. */
  credit = 0;
  /** Bytes of the body sent. */
  sent = 0;
  /** Its receiver was asked for room, or has some. */
  offer: "none" | "requested" | "granted" = "none";

  constructor(
    content: MessageBody,
    to: PeerId,
    expiresAt: number,
    waiter?: Waiter,
  ) {
    this.content = content;
    this.to = to;
    this.expiresAt = expiresAt;
    this.waiter = waiter;
  }

  /** Monotonic clock, milliseconds, when it was accepted. */
  get since(): number {
    return this.expiresAt - this.content.ttlMs;
  }

  /** The session it was sent on is gone. */
  rewind(): void {
    this.content.settleIn();
    this.credit = this.sent = 0;
    this.offer = "none";
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
