/**
 * Messages that have come from one peer on any session: a stream for each topic, the
 * unsettled messages in it, and the ids of the messages acked before.
 */
import { Deque } from "../core/deque.ts";
import { Ring, RingEntry } from "../core/ring.ts";
import { MAX_IDLE_STREAMS } from "./delivery_limits.ts";
import type { PeerId } from "../identity/identity.ts";
import type { AckStatus } from "../wire/messages/ack.ts";
import { decodeTopic } from "../wire/messages/message_frame.ts";
import { IdWindow } from "./id_window.ts";
import type { MessageId } from "./message_id.ts";

/** The receiving half of a session, as far as its messages need it. */
export interface ArrivalSession {
  /** Acknowledges a message, and returns its credit. */
  settle(arrival: Arrival, status: AckStatus): void;
  /** A newer session goes on with the body of a message. */
  moveBody(id: MessageId): void;
}

/** One way by which a message came, and the credit it uses there. */
export interface Arrival {
  readonly receiver: ArrivalSession;
  /** How many messages came before it on the session. */
  readonly number: number;
  readonly credit: number;
  /** Credit of its body, if it was an offer. */
  readonly bodyCredit: number;
}

/** A complete message that is not settled. */
export class IncomingMessage {
  readonly stream: ReceiveStream;
  readonly id: MessageId;
  /** The body; a short one shares memory with others. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Several while one session takes over from another. */
  arrivals: readonly Arrival[] = [];
  /** It is a dead letter that is delivered again, and does not depend on a session. */
  readonly isDeadLetter: boolean;
  deliveryCount = 0;

  constructor(
    stream: ReceiveStream,
    id: MessageId,
    bytes: Uint8Array<ArrayBuffer>,
    arrival?: Arrival,
  ) {
    this.stream = stream;
    this.id = id;
    this.bytes = bytes;
    this.isDeadLetter = arrival === undefined;
    if (arrival !== undefined) this.arrivals = [arrival];
  }

  /** Whether it stays here; without a session its sender will send it again. */
  get isHeld(): boolean {
    return this.isDeadLetter || this.arrivals.length > 0;
  }

  get from(): PeerId {
    return this.stream.peer.from;
  }

  /** A session has ended; returns {@linkcode isHeld}. */
  leave(receiver: ArrivalSession): boolean {
    if (this.arrivals.some((arrival) => arrival.receiver === receiver)) {
      this.arrivals = this.arrivals.filter((it) => it.receiver !== receiver);
    }
    return this.isHeld;
  }
}

/** A body of which more is to come on a session. */
export interface PartialBody {
  readonly stream: ReceiveStream;
  readonly id: MessageId;
  readonly number: number;
  readonly credit: number;
  readonly total: number;
  bodyCredit: number;
  /** Absent until it has credit, and when it is not needed. */
  body: Uint8Array<ArrayBuffer> | undefined;
  filled: number;
  /** A newer session goes on with it; the rest that comes here is dropped. */
  moved: boolean;
  /** Its sender waits for credit. */
  isOffer: boolean;
  /** Monotonic clock, milliseconds, of its last chunk. */
  at: number;
}

/** The messages of one peer under one topic, delivered one at a time. */
export class ReceiveStream {
  readonly peer: PeerInbox;
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly queue = new Deque<IncomingMessage>();
  /** Was nacked, and is the next to be delivered. */
  redo: IncomingMessage | undefined;
  /** The application has it; the stream waits meanwhile. */
  current: IncomingMessage | undefined;
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
    return this.current === undefined && this.redo === undefined &&
      this.queue.length === 0;
  }

  /** The unsettled message with this id. */
  find(id: MessageId): IncomingMessage | undefined {
    if (this.current?.id.equals(id)) return this.current;
    if (this.redo?.id.equals(id)) return this.redo;
    for (const incoming of this.queue) {
      if (incoming.id.equals(id)) return incoming;
    }
    return undefined;
  }

  /** Removes a message that the application does not have. */
  remove(incoming: IncomingMessage): void {
    if (this.redo === incoming) this.redo = undefined;
    else this.queue.retain((one) => one !== incoming);
  }

  /** A session has ended: drops what came by no other, except what the application has. */
  leave(receiver: ArrivalSession): void {
    this.current?.leave(receiver);
    if (this.redo?.leave(receiver) === false) this.redo = undefined;
    this.queue.retain((incoming) => incoming.leave(receiver));
  }
}

/** The receiving end of one peer's messages. */
export class PeerInbox {
  readonly from: PeerId;
  /** Ids of acked messages. */
  readonly seen: IdWindow;
  /** More than one only while one session takes over from another. */
  readonly receivers = new Set<ArrivalSession>();
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

  constructor(from: PeerId, salt: number, hasStanding: boolean) {
    this.from = from;
    this.hasStanding = hasStanding;
    this.seen = new IdWindow(salt);
  }

  /** The stream of a topic; `malformed` if the topic is no UTF-8. */
  stream(topicBytes: Uint8Array): ReceiveStream {
    // Most messages have the topic of the one before.
    const last = this.#last;
    if (last !== undefined && equal(last.topicBytes, topicBytes)) return last;
    const topic = decodeTopic(topicBytes);
    let stream = this.#streams.get(topic);
    if (stream === undefined) {
      this.#prune();
      stream = new ReceiveStream(this, topic, topicBytes.slice());
      this.#streams.set(topic, stream);
    }
    return this.#last = stream;
  }

  /** Whether it has a session or unsettled messages. */
  get isBusy(): boolean {
    if (this.receivers.size > 0) return true;
    for (const stream of this.#streams.values()) {
      if (!stream.isEmpty) return true;
    }
    return false;
  }

  /** A session has ended. */
  leave(receiver: ArrivalSession): void {
    this.receivers.delete(receiver);
    for (const stream of this.#streams.values()) stream.leave(receiver);
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

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
