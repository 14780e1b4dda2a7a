/**
 * Outgoing messages: the body that all receivers share, and the state of the message
 * to one receiver with the errors that can end it.
 */
import { messageOf, VerackError } from "../core/errors.ts";
import { type PeerId, shortId } from "../identity/identity.ts";
import { MESSAGE_OVERHEAD_BYTES } from "./delivery_limits.ts";
import { SharedFrame } from "../session/shared_frame.ts";
import { COMMAND } from "../wire/commands.ts";
import {
  encodeMessage,
  MESSAGE_HEAD_BYTES,
  MESSAGE_ID_BYTES,
} from "../wire/messages/message_frame.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type {
  MessageStore,
  StoredMessage,
  StoredOutgoing,
} from "./message_store.ts";

const UTF8 = new TextEncoder();

/** Number of acknowledged messages from which on the array of a stream is shortened. */
const COMPACT_AT = 1_024;

/** A message as all its receivers get it. The body is copied once, into its frame. */
export class MessageBody implements StoredMessage {
  readonly topic: string;
  readonly createdAt: number;
  readonly ttlMs: number;
  /** Payload of `message` with all of the body. */
  payload: Uint8Array<ArrayBuffer>;
  #isPooled: boolean;
  /** Where the body begins in {@linkcode payload}. */
  readonly headBytes: number;
  /** Its key in the store. */
  key = 0;
  /** Whether it has several receivers. */
  readonly shared: boolean;
  /** Unacknowledged receivers with a session and without; of both, those without standing. */
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
    /** Memory for a message that is expected to leave soon. */
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

/** Is told what becomes of a message. */
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
  /** Acknowledged or given up. */
  done = false;
  /** Why it was given up. */
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
  /** Credit that it uses; 0 until it is begun. */
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

  /** It has expired. */
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
    return new VerackError(
      "bad-data",
      `Cannot send: the message cannot be kept: ${messageOf(error)}`,
      { cause: error },
    );
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
  #queue: OutgoingMessage[] = [];
  #head = 0;
  #next = 0;
  /** Credit of its unsettled messages. */
  inFlight = 0;
  /** Messages begun and not settled. */
  unsettled = 0;
  /** Which queue of the sender it is in. */
  place: "idle" | "ready" | "blocked" = "idle";

  constructor(topic: string) {
    this.topic = topic;
  }

  get isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }

  push(outgoing: OutgoingMessage): void {
    outgoing.stream = this;
    this.#queue.push(outgoing);
  }

  /** The message to send, or to send more of. */
  next(): OutgoingMessage | undefined {
    let outgoing = this.#queue[this.#next];
    // A message that was begun must be completed, although it is given up.
    while (outgoing?.done && outgoing.credit === 0) {
      outgoing = this.#queue[++this.#next];
    }
    return outgoing;
  }

  /** The message that {@linkcode next} returned was sent in full. */
  advance(): void {
    this.#next++;
  }

  /** Drops done messages at the beginning. */
  settle(): void {
    for (
      let oldest = this.#queue[this.#head];
      oldest?.done && (this.#head < this.#next || oldest.credit === 0);
      oldest = this.#queue[this.#head]
    ) {
      this.#head++;
      this.#next = Math.max(this.#next, this.#head);
    }
    if (this.#head === this.#queue.length) {
      this.#queue.length = this.#head = this.#next = 0;
    } else if (
      this.#head >= COMPACT_AT && 2 * this.#head >= this.#queue.length
    ) {
      this.#queue.splice(0, this.#head);
      this.#next -= this.#head;
      this.#head = 0;
    }
  }

  /** Drops all done messages but one that is being sent. */
  sweep(): void {
    let next = 0;
    const kept: OutgoingMessage[] = [];
    for (let at = this.#head; at < this.#queue.length; at++) {
      const outgoing = this.#queue[at]!;
      const sending = at === this.#next && outgoing.credit > 0;
      if (outgoing.done && !sending) continue;
      if (at < this.#next) next++;
      kept.push(outgoing);
    }
    this.#queue = kept;
    this.#head = 0;
    this.#next = next;
  }

  /** The session has ended: everything is sent again on the next one. */
  rewind(): void {
    for (let at = this.#head; at < this.#queue.length; at++) {
      this.#queue[at]!.rewind();
    }
    this.#next = this.#head;
    this.inFlight = this.unsettled = 0;
    this.place = "idle";
    this.sweep();
  }

  /** The oldest message that is not begun on this session and passes `filter`. */
  oldestUnbegun(
    filter: (outgoing: OutgoingMessage) => boolean,
  ): OutgoingMessage | undefined {
    for (let at = this.#next; at < this.#queue.length; at++) {
      const outgoing = this.#queue[at]!;
      if (!outgoing.done && outgoing.credit === 0 && filter(outgoing)) {
        return outgoing;
      }
    }
    return undefined;
  }

  /** Messages that are not done, oldest first. */
  *[Symbol.iterator](): IterableIterator<OutgoingMessage> {
    for (let at = this.#head; at < this.#queue.length; at++) {
      const outgoing = this.#queue[at]!;
      if (!outgoing.done) yield outgoing;
    }
  }
}

/**
 * Loads all messages that an earlier process left unacknowledged, each body once.
 *
 * @param now Monotonic clock, and the clock of the store, milliseconds.
 */
export function* recall(
  store: MessageStore,
  now: { readonly monotonic: number; readonly kept: number },
): Iterable<OutgoingMessage> {
  let receivers: StoredOutgoing[] = [];
  for (const one of store.outgoing()) {
    if (receivers[0]?.key !== one.key) {
      yield* recallOne(receivers, now);
      receivers = [];
    }
    receivers.push(one);
  }
  yield* recallOne(receivers, now);
}

function* recallOne(
  receivers: readonly StoredOutgoing[],
  now: { readonly monotonic: number; readonly kept: number },
): Iterable<OutgoingMessage> {
  const [first] = receivers;
  if (first === undefined) return;
  const { id, topic, body, createdAt, ttlMs } = first.message;
  const shared = receivers.length > 1;
  const content = new MessageBody({
    id,
    topic,
    body,
    createdAt,
    ttlMs,
    shared,
  });
  content.key = first.key;
  const age = Math.max(0, now.kept - createdAt);
  for (const { to } of receivers) {
    const expiresAt = now.monotonic + ttlMs - age;
    const outgoing = new OutgoingMessage(content, to, expiresAt);
    outgoing.isRecalled = true;
    yield outgoing;
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
