/**
 * Outgoing messages: the message to one receiver with the errors that can end it, and the
 * messages to one peer under one topic.
 */
import { Deque } from "../core/deque.ts";
import { messageOf, VerackError } from "../core/errors.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import type { MessageBody } from "./message_body.ts";

/** One message to one receiver; kinds of it are told the outcome. */
export class OutgoingMessage {
  readonly content: MessageBody;
  readonly to: PeerId;
  /** Acknowledged or given up, and why it was given up. */
  done = false;
  error: VerackError | undefined = undefined;
  /** Some of it was sent on any session, so that it may arrive although it is given up. */
  begun = false;
  /** It comes from an earlier process, which may have sent it. */
  isRecalled = false;
  /** Set once it may be sent. */
  stream: SendStream | undefined = undefined;

  // --- On the current session ------------------------------------------------
  /** How many messages were begun before it. */
  number = 0;
  /** Credit that it uses from when it is begun until it is settled, else 0. */
  credit = 0;
  /** Bytes of the body sent. */
  sent = 0;
  /** Whether credit for the body was requested. */
  offer: "none" | "requested" | "granted" = "none";

  constructor(content: MessageBody, to: PeerId) {
    this.content = content;
    this.to = to;
  }

  /** Monotonic clock, milliseconds, when it was accepted. */
  get since(): number {
    return this.content.accepted.monotonic;
  }

  /** The receiver's application acked it. */
  acknowledged(): void {}

  /** It is not sent any more. */
  failed(_error: VerackError): void {}

  /** There is no session with the receiver any more. */
  disconnected(): void {}

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

/** A message of `send`; a rejection that is not observed does not end the process. */
export class SentMessage extends OutgoingMessage {
  readonly promise: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: VerackError) => void;
  /** Called once it is acknowledged or given up. */
  onSettled: (() => void) | undefined = undefined;

  constructor(content: MessageBody, to: PeerId) {
    super(content, to);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  override acknowledged(): void {
    this.onSettled?.();
    this.#resolve();
  }

  override failed(error: VerackError): void {
    this.onSettled?.();
    this.promise.catch(() => {});
    this.#reject(error);
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
