/**
 * A message that has come and is not settled, and the stream it came in.
 */
import type { PeerId } from "../identity/identity.ts";
import { Fifo } from "../core/fifo.ts";
import type { MessageId } from "./message_id.ts";
import type { PeerInbox } from "./peer_inbox.ts";
import type { Receiver } from "./receiver.ts";
import { RingEntry } from "../core/ring.ts";

/** A way by which a message came, and what it counts there. */
export interface Arrival {
  readonly receiver: Receiver;
  /** How many messages came before it on the session. */
  readonly number: number;
  readonly credit: number;
  /** Bytes of room that were given for it. */
  readonly bodyCredit: number;
}

/** A message that waits to be taken, or that the application has. */
export class IncomingMessage {
  readonly stream: ReceiveStream;
  readonly id: MessageId;
  /** The body; a piece of a pool, if it is short. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How it came; by several sessions while one takes over from another. */
  arrivals: readonly Arrival[] = [];
  /** It was set aside before, and is kept whether there is a session or not. */
  readonly isDeadLetter: boolean;
  /** How often it was handed out. */
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

  /** Whether it is here to stay; else it is its sender's again, who will send it once more. */
  get isHeld(): boolean {
    return this.isDeadLetter || this.arrivals.length > 0;
  }

  get from(): PeerId {
    return this.stream.peer.from;
  }
}

/** The messages of one peer under one topic, handed out one after another. */
export class ReceiveStream {
  readonly peer: PeerInbox;
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly queue = new Fifo<IncomingMessage>();
  /** Was given back, and is the next to be handed out. */
  redo: IncomingMessage | undefined;
  /** The application has it; nothing else of the stream is handed out meanwhile. */
  current: IncomingMessage | undefined;
  /** Monotonic clock, milliseconds; nothing is handed out before. */
  restsUntil = 0;
  /** Its places among those that can be taken from: of its peer, and of its topic. */
  readonly turn = new RingEntry<ReceiveStream>(this);
  readonly topicTurn = new RingEntry<ReceiveStream>(this);

  constructor(peer: PeerInbox, topic: string, topicBytes: Uint8Array) {
    this.peer = peer;
    this.topic = topic;
    this.topicBytes = topicBytes;
  }

  /** Whether it is listed as one that can be taken from; see `turns.ts`. */
  get listed(): boolean {
    return this.turn.ring !== undefined;
  }

  /** Whether nothing is left of it. */
  get isEmpty(): boolean {
    return this.current === undefined && this.redo === undefined &&
      this.queue.length === 0;
  }

  /** The one with this id, if it is here. */
  find(id: MessageId): IncomingMessage | undefined {
    if (this.current?.id.equals(id)) return this.current;
    if (this.redo?.id.equals(id)) return this.redo;
    for (const incoming of this.queue) {
      if (incoming.id.equals(id)) return incoming;
    }
    return undefined;
  }

  /** Takes out a message that is not in the application's hands. */
  remove(incoming: IncomingMessage): void {
    if (this.redo === incoming) this.redo = undefined;
    else this.queue.retain((one) => one !== incoming);
  }

  /** A session is gone, and with it what came by no other; the application keeps what it has. */
  drop(receiver: Receiver): void {
    const { current, redo } = this;
    if (current !== undefined) leave(current, receiver);
    if (redo !== undefined && !leave(redo, receiver)) this.redo = undefined;
    this.queue.retain((incoming) => leave(incoming, receiver));
  }
}

/** Whether it came by another session too, or needs none. */
function leave(incoming: IncomingMessage, receiver: Receiver): boolean {
  if (incoming.arrivals.some((arrival) => arrival.receiver === receiver)) {
    incoming.arrivals = incoming.arrivals.filter((arrival) =>
      arrival.receiver !== receiver
    );
  }
  return incoming.isHeld;
}
