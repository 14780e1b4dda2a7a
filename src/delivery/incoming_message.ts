/**
 * Incoming messages: as the application gets them, and as they wait for it, by sender
 * and topic.
 */
import type { PoolBlock } from "../core/buffer_pool.ts";
import { Deque } from "../core/deque.ts";
import { Ring, RingEntry } from "../core/ring.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { AckStatus } from "../wire/messages/ack.ts";
import { decodeTopic } from "../wire/messages/message_frame.ts";
import { MAX_IDLE_STREAMS, MIN_FREED_BODY_BYTES } from "./delivery_limits.ts";
import type { StoredDeadLetter } from "./message_store.ts";
import { type MessageId, SeenIds } from "./seen_ids.ts";

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A message from a peer. The consumer calls {@linkcode Message.ack} or
 * {@linkcode Message.nack}, or asks for the next message, which acks this one.
 */
export interface Message {
  /** Its random id, 32 hex digits: the same whenever it is delivered again. */
  readonly id: string;
  /** The verified identity of its sender. */
  readonly from: PeerId;
  /** The sender's topic; not escaped. */
  readonly topic: string;
  /** The body; the caller may keep and change it. A handler must read it before it is done. */
  readonly body: Uint8Array<ArrayBuffer>;
  /**
   * The body without a copy, to be read before the next message and not to be changed:
   * it may share memory with other messages.
   */
  readonly view: Uint8Array;
  /** How often it was delivered, this time included. */
  readonly deliveryCount: number;
  /** The body as UTF-8 with invalid bytes replaced; not escaped. */
  text(): string;
  /**
   * Accepts the message: it is not delivered again, and is acknowledged to its sender as soon
   * as that is recorded. Does nothing after the first `ack` or `nack`.
   *
   * @throws {VerackError} `bad-data` when it cannot be recorded; it is delivered again.
   */
  ack(): void;
  /**
   * Rejects the message for now: it is delivered again after a while, and later messages
   * under its topic wait for it. After too many deliveries it becomes a dead letter, and its
   * sender gets `rejected`. Does nothing after the first `ack` or `nack`.
   *
   * @param reason Why; kept with the dead letter.
   */
  nack(reason?: string): void;
}

/** Receives the acks and nacks of a consumer: the inbox. */
export interface MessageOwner {
  acked(incoming: IncomingMessage): void;
  nacked(incoming: IncomingMessage, reason: string): void;
  /** The consumer ended without an ack or nack. */
  released(incoming: IncomingMessage): void;
}

/** What messages use of the receiving half of a session. */
export interface MessageSession {
  /** Acknowledges a message, and returns its credit. */
  settle(incoming: IncomingMessage, status: AckStatus): void;
  /** A newer session goes on with the body of a message. */
  moveBody(id: MessageId): void;
}

/** One delivery of a message, and its place on the session it came on. */
export class IncomingMessage implements Message {
  readonly stream: ReceiveStream;
  readonly messageId: MessageId;
  /** Absent if that has ended, and for dead letters, which do not depend on one. */
  session: MessageSession | undefined;
  /** How many messages came before it on the session. */
  readonly number: number;
  /** Credit that it uses there, and that of its body if it was an offer. */
  readonly credit: number;
  bodyCredit = 0;
  /** The same message on other sessions, while one takes over from another. */
  twins: IncomingMessage[] | undefined;
  /** Set if it is a dead letter that is delivered again. */
  deadLetter: StoredDeadLetter | undefined;
  deliveryCount = 0;
  /** Nothing more is done with it: it was acked, or has become a dead letter. */
  isDone = false;
  /** Where the body is, if it shares memory; see {@linkcode place}. */
  #block: PoolBlock | undefined;
  #offset = 0;
  #size = 0;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #body: Uint8Array<ArrayBuffer> | undefined;
  #isSettled = false;

  constructor(
    stream: ReceiveStream,
    id: MessageId,
    session?: MessageSession,
    number = 0,
    credit = 0,
  ) {
    this.stream = stream;
    this.messageId = id;
    this.session = session;
    this.number = number;
    this.credit = credit;
  }

  /** The body is complete: the last bytes of a block. */
  place(block: PoolBlock, size: number): void {
    this.#block = block;
    this.#offset = block.used - size;
    this.#size = size;
  }

  /**
   * The body where it is; an array is made only if it is looked at.
   *
   * @throws {TypeError} when its memory was freed.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes !== undefined) return this.#bytes;
    if (this.#block === undefined) {
      throw new TypeError(
        "Cannot read message: its handler is done, and its memory used again; read body in the handler to keep it",
      );
    }
    const { buffer } = this.#block.bytes;
    return this.#bytes = new Uint8Array(buffer, this.#offset, this.#size);
  }

  set bytes(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get id(): string {
    return this.messageId.toString();
  }

  get from(): PeerId {
    return this.stream.peer.from;
  }

  get topic(): string {
    return this.stream.topic;
  }

  get body(): Uint8Array<ArrayBuffer> {
    // The caller may change it, and after a nack the message comes again unchanged.
    return this.#body ??= this.bytes.slice();
  }

  get view(): Uint8Array {
    return this.#body ?? this.bytes;
  }

  text(): string {
    return UTF8.decode(this.view);
  }

  ack(): void {
    if (this.#settle()) this.stream.peer.owner.acked(this);
  }

  nack(reason = ""): void {
    if (this.#settle()) this.stream.peer.owner.nacked(this, reason);
  }

  /** Returns it for the next consumer, unless it is acked or nacked. */
  release(): void {
    if (this.#settle()) this.stream.peer.owner.released(this);
  }

  /**
   * Frees the memory of the body, of which `body` is a copy, if it is done. Without that,
   * large bodies would have all of the heap collected every few dozen megabytes.
   */
  free(): void {
    if (!this.isDone || this.deadLetter !== undefined) return;
    const bytes = this.#bytes;
    this.#bytes = undefined;
    if (this.#block !== undefined) {
      this.#block.release();
      this.#block = undefined;
      return;
    }
    // A delivery before it, to a loop, may still be read.
    if (bytes === undefined || this.deliveryCount > 1) return;
    if (bytes.length >= MIN_FREED_BODY_BYTES) bytes.buffer.transfer(0);
  }

  /** What `console.log` shows, instead of all that is behind it. */
  [Symbol.for("Deno.customInspect")](inspect: typeof Deno.inspect): string {
    const { id, from, topic, deliveryCount } = this;
    return `Message ${inspect({ id, from, topic, deliveryCount })}`;
  }

  /** Whether it stays here; without a session its sender will send it again. */
  get isHeld(): boolean {
    return this.deadLetter !== undefined || this.hasSession;
  }

  get hasSession(): boolean {
    return this.session !== undefined || (this.twins?.length ?? 0) > 0;
  }

  /** The same message, to be delivered once more. */
  again(): IncomingMessage {
    const { bytes } = this;
    return Object.assign(
      new IncomingMessage(this.stream, this.messageId),
      this,
      { bytes },
    );
  }

  /** Sends the status to the sender, on each session it came on. */
  acknowledge(status: AckStatus): void {
    this.session?.settle(this, status);
    if (this.twins === undefined) return;
    for (const twin of this.twins) twin.acknowledge(status);
  }

  /** A session has ended; returns {@linkcode isHeld}. */
  leave(session: MessageSession): boolean {
    if (this.session === session) this.session = undefined;
    this.twins = this.twins?.filter((twin) => twin.session !== session);
    return this.isHeld;
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    return this.#isSettled = true;
  }
}

/** The messages of one peer under one topic, delivered one at a time. */
export class ReceiveStream {
  readonly peer: PeerInbox;
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly queue = new Deque<IncomingMessage>();
  /** The application has the first message; the stream waits meanwhile. */
  isDelivered = false;
  /** Monotonic clock, milliseconds; nothing is delivered before. */
  restsUntil = 0;
  /** Its places in the fair queue: among the streams of its peer, and of its topic. */
  readonly turn = new RingEntry<ReceiveStream>(this);
  readonly topicTurn = new RingEntry<ReceiveStream>(this);

  constructor(peer: PeerInbox, topic: string, topicBytes: Uint8Array) {
    this.peer = peer;
    this.topic = topic;
    this.topicBytes = topicBytes;
  }

  /** Whether it is in the fair queue. */
  get isQueued(): boolean {
    return this.turn.ring !== undefined;
  }

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** The message that the application has. */
  get delivered(): IncomingMessage | undefined {
    return this.isDelivered ? this.queue.first : undefined;
  }

  /** The delivered message is settled. */
  settle(): void {
    this.isDelivered = false;
    this.queue.shift();
  }

  /** The delivered message is the next again, unless its sender will send it again. */
  putBack(): void {
    this.isDelivered = false;
    const { first } = this.queue;
    if (first?.isHeld) this.queue.replaceFirst(first.again());
    else this.queue.shift();
  }

  /** The unsettled message with this id. */
  find(id: MessageId): IncomingMessage | undefined {
    for (const incoming of this.queue) {
      if (incoming.messageId.equals(id)) return incoming;
    }
    return undefined;
  }

  /** Removes a dead letter, unless the application has it. */
  remove(deadLetter: StoredDeadLetter): void {
    const { delivered } = this;
    this.queue.retain((one) =>
      one === delivered || one.deadLetter !== deadLetter
    );
  }

  /** A session has ended: drops what came by no other, except what the application has. */
  leave(session: MessageSession): void {
    const { delivered } = this;
    this.queue.retain((one) => one.leave(session) || one === delivered);
  }
}

/** The messages of one peer on any session, and the ids of those acked before. */
export class PeerInbox {
  readonly from: PeerId;
  readonly owner: MessageOwner;
  readonly seen: SeenIds;
  /** More than one only while one session takes over from another. */
  readonly sessions = new Set<MessageSession>();
  /** Number of ids that the store has. */
  untrimmed = 0;
  /** Refreshed each tick; see `mesh/peers/standing.ts`. */
  hasStanding: boolean;
  /** Its place in the fair queue, and its streams there. */
  readonly turn = new RingEntry<PeerInbox>(this);
  readonly ready = new Ring<ReceiveStream>();
  readonly #streams = new Map<string, ReceiveStream>();
  #pruneAt = MAX_IDLE_STREAMS;
  #last: ReceiveStream | undefined;

  constructor(
    from: PeerId,
    owner: MessageOwner,
    salt: number,
    hasStanding: boolean,
  ) {
    this.from = from;
    this.owner = owner;
    this.seen = new SeenIds(salt);
    this.hasStanding = hasStanding;
  }

  /** The stream of the topic from `start` to `end`; `malformed` if it is no UTF-8. */
  stream(
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
  ): ReceiveStream {
    // Most messages have the topic of the one before.
    const last = this.#last;
    if (last !== undefined && isAt(last.topicBytes, bytes, start, end)) {
      return last;
    }
    const topicBytes = bytes.slice(start, end);
    const topic = decodeTopic(topicBytes);
    let stream = this.#streams.get(topic);
    if (stream === undefined) {
      this.#prune();
      stream = new ReceiveStream(this, topic, topicBytes);
      this.#streams.set(topic, stream);
    }
    return this.#last = stream;
  }

  /** Whether it has a session or unsettled messages. */
  get isBusy(): boolean {
    return this.sessions.size > 0 ||
      this.#streams.values().some((stream) => !stream.isEmpty);
  }

  /** A session has ended. */
  leave(session: MessageSession): void {
    this.sessions.delete(session);
    for (const stream of this.#streams.values()) stream.leave(session);
  }

  /** Drops topics without messages, once there are many. */
  #prune(): void {
    if (this.#streams.size < this.#pruneAt) return;
    for (const stream of this.#streams.values()) {
      if (stream.isEmpty && !stream.isQueued) {
        this.#streams.delete(stream.topic);
      }
    }
    this.#pruneAt = Math.max(MAX_IDLE_STREAMS, 2 * this.#streams.size);
  }
}

/** Whether `bytes` has `part` and nothing else from `start` to `end`. */
function isAt(
  part: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (part.length !== end - start) return false;
  for (let at = 0; at < part.length; at++) {
    if (part[at] !== bytes[start + at]) return false;
  }
  return true;
}
