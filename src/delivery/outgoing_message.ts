/**
 * Outgoing messages: the body that all receivers share, the message to one of them with
 * the errors that can end it, and the messages to one peer under one topic.
 */
import { Deque } from "../core/deque.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import { SharedFrame } from "../wire/frame.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  encodeMessage,
  MESSAGE_HEAD_BYTES,
  MESSAGE_ID_BYTES,
} from "../wire/messages/message_frame.ts";
import type { BufferPool } from "../core/buffer_pool.ts";
import { MESSAGE_OVERHEAD_BYTES } from "./delivery_limits.ts";
import type { StoredMessage } from "./message_store.ts";

const UTF8 = new TextEncoder();

/** A message as all its receivers get it. The body is copied once, into its frame. */
export class MessageBody implements StoredMessage {
  readonly topic: string;
  readonly createdAt: number;
  readonly ttlMs: number;
  /** Whether it has several receivers. */
  readonly shared: boolean;
  /** Payload of `message` with all of the body, which begins after the head. */
  payload: Uint8Array<ArrayBuffer>;
  readonly headBytes: number;
  /** Its key in the store. */
  key = 0;
  /** Unacknowledged receivers with a session and without; of both, those without standing. */
  connected = 0;
  absent = 0;
  strangers = 0;
  #isPooled: boolean;
  #frame: SharedFrame | undefined;

  /** @param pool Memory for a message that is expected to leave soon. */
  constructor(message: StoredMessage, shared: boolean, pool?: BufferPool) {
    const { id, topic, body, createdAt, ttlMs } = message;
    this.topic = topic;
    this.createdAt = createdAt;
    this.ttlMs = ttlMs;
    this.shared = shared;
    this.payload = encodeMessage(id, topicBytes(topic), body, pool);
    this.headBytes = this.payload.length - body.length;
    this.#isPooled = this.payload.length < this.payload.buffer.byteLength;
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

  /** Credit that it uses without its body. */
  get headCredit(): number {
    return MESSAGE_OVERHEAD_BYTES + this.headBytes - MESSAGE_HEAD_BYTES;
  }

  /** Moves it out of the buffer pool, because it has to wait. */
  detach(): void {
    this.#frame = undefined;
    if (!this.#isPooled) return;
    this.payload = this.payload.slice();
    this.#isPooled = false;
  }

  /** The whole message as one frame, encoded once for all receivers. */
  frame(magic: Uint8Array): SharedFrame {
    return this.#frame ??= new SharedFrame(
      magic,
      COMMAND.message,
      this.payload,
    );
  }
}

/** Receives the outcome of a message. */
export interface Waiter {
  /** The receiver's application acked it. */
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
  readonly waiter: Waiter | undefined;
  /** Acknowledged or given up, and why it was given up. */
  done = false;
  error: VerackError | undefined;
  /** Some of it was sent on any session, so that it may arrive although it is given up. */
  begun = false;
  /** It comes from an earlier process, which may have sent it. */
  isRecalled = false;
  /** Set once it may be sent. */
  stream: SendStream | undefined;

  // --- On the current session ------------------------------------------------
  /** How many messages were begun before it. */
  number = 0;
  /** Credit that it uses from when it is begun until it is settled, else 0. */
  credit = 0;
  /** Bytes of the body sent. */
  sent = 0;
  /** Whether credit for the body was requested. */
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

  /** The session it was sent on has ended. */
  rewind(): void {
    this.content.detach();
    this.credit = this.sent = 0;
    this.offer = "none";
  }

  expired(): VerackError {
    const { ttlMs } = this.content;
    return this.#undelivered(`no acknowledgement within ${ttlMs} ms`);
  }

  /** It was dropped for another message, see `outbox_usage.ts`. */
  evicted(): VerackError {
    return this.#undelivered(
      "the outbox is full, and the oldest message to it gave way for another",
    );
  }

  /** The receiver's application nacked it too often. */
  rejected(): VerackError {
    return new VerackError(
      "rejected",
      `Cannot deliver to ${
        shortId(this.to)
      }: its application nacked the message too often, and it is a dead letter there`,
    );
  }

  /** The store could not keep it. */
  static notKept(error: unknown): VerackError {
    const what = `Cannot send: the message cannot be kept: ${messageOf(error)}`;
    return new VerackError("bad-data", what, { cause: error });
  }

  #undelivered(why: string): VerackError {
    const doubt = this.begun
      ? "; it was sent, so that it may have arrived all the same"
      : this.isRecalled
      ? "; an earlier run of this node may have sent it"
      : "";
    const what = `Cannot deliver to ${shortId(this.to)}: ${why}${doubt}`;
    return new VerackError("undelivered", what);
  }
}

/** The messages to one peer under one topic, which are sent in order. */
export class SendStream {
  readonly topic: string;
  /** Unacknowledged messages, oldest first; some in between may be done. */
  readonly #queue = new Deque<OutgoingMessage>();
  /** How many of them were sent in full on this session. */
  #sent = 0;
  /** Messages begun and not settled, and their credit. */
  unsettled = 0;
  inFlight = 0;
  /** Which queue of the sender it is in. */
  place: "idle" | "ready" | "blocked" = "idle";

  constructor(topic: string) {
    this.topic = topic;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  push(outgoing: OutgoingMessage): void {
    outgoing.stream = this;
    this.#queue.push(outgoing);
  }

  /** The message to send, or to send more of. */
  next(): OutgoingMessage | undefined {
    for (;;) {
      const outgoing = this.#queue.at(this.#sent);
      // A message that was begun must be completed, although it is given up.
      if (!outgoing?.done || outgoing.credit > 0) return outgoing;
      this.#sent++;
    }
  }

  /** The message that {@linkcode next} returned was sent in full. */
  advance(): void {
    this.#sent++;
  }

  /** Drops done messages at the beginning. */
  settle(): void {
    for (
      let oldest = this.#queue.first;
      oldest?.done && (this.#sent > 0 || oldest.credit === 0);
      oldest = this.#queue.first
    ) {
      this.#queue.shift();
      if (this.#sent > 0) this.#sent--;
    }
  }

  /** Drops all done messages but one that is being sent. */
  sweep(): void {
    const sending = this.#queue.at(this.#sent);
    let at = 0;
    let sent = 0;
    this.#queue.retain((outgoing) => {
      const isSent = at++ < this.#sent;
      const isKept = !outgoing.done ||
        (outgoing === sending && outgoing.credit > 0);
      if (isSent && isKept) sent++;
      return isKept;
    });
    this.#sent = sent;
  }

  /** The session has ended: everything is sent again on the next one. */
  rewind(): void {
    for (const outgoing of this.#queue) outgoing.rewind();
    this.#sent = this.inFlight = this.unsettled = 0;
    this.place = "idle";
    this.sweep();
  }

  /** The oldest message that is not begun on this session and passes `filter`. */
  oldestUnbegun(
    filter: (outgoing: OutgoingMessage) => boolean,
  ): OutgoingMessage | undefined {
    for (let at = this.#sent;; at++) {
      const outgoing = this.#queue.at(at);
      if (outgoing === undefined) return undefined;
      if (!outgoing.done && outgoing.credit === 0 && filter(outgoing)) {
        return outgoing;
      }
    }
  }

  /** Messages that are not done, oldest first. */
  *[Symbol.iterator](): IterableIterator<OutgoingMessage> {
    for (const outgoing of this.#queue) if (!outgoing.done) yield outgoing;
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
