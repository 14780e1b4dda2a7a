/**
 * The interface of storage for messages, so that none is lost or delivered twice after
 * a restart: in memory in `mesh/peers/`, in SQLite in `store/`.
 *
 * Writes are synchronous and visible to later reads at once; they are durable when
 * {@linkcode MessageStore.committed} resolves or {@linkcode MessageStore.commit}
 * returns, so that many messages share one flush. Neither side changes arrays that
 * were passed, but for those of an outgoing message, which are reused once it is deleted.
 */
import type { PeerId } from "../core/peer_id.ts";

/** An outgoing message. */
export interface StoredMessage {
  /** 16 random bytes; one broadcast has one id for all its receivers. */
  readonly id: Uint8Array;
  /** At most 128 bytes of UTF-8, may be empty. */
  readonly topic: string;
  /** At most `MAX_BODY_BYTES`. */
  readonly body: Uint8Array;
  /** When it was accepted, by the clock of the store, milliseconds. */
  readonly createdAt: number;
  /** How long after that it expires, milliseconds. */
  readonly ttlMs: number;
}

/** An outgoing message and the receivers that have not acknowledged it. */
export interface StoredOutgoing {
  /** The message, shared by its receivers. */
  readonly message: StoredMessage;
  /** The key that {@linkcode MessageStore.putOutgoing} returned. */
  readonly key: number;
  /** Its receivers. */
  readonly to: readonly PeerId[];
}

/** The id of an acked message, so that it is not delivered again. */
export interface StoredSeen {
  /** Its sender. */
  readonly from: PeerId;
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** By the clock of the store, milliseconds. */
  readonly at: number;
}

/** The delivery count of a nacked message. */
export interface StoredDeliveryCount {
  /** Its sender. */
  readonly from: PeerId;
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** Deliveries so far. */
  readonly deliveryCount: number;
  /** By the clock of the store, milliseconds. */
  readonly at: number;
}

/** A message that the application nacked too often. */
export interface StoredDeadLetter {
  /** Its sender. */
  readonly from: PeerId;
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** May be empty. */
  readonly topic: string;
  /** As it was sent. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The reason of the last nack; may be empty. */
  readonly reason: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
}

/** A message of a kept topic, which is acknowledged to its sender. */
export interface StoredKeptMessage {
  /** Its sender. */
  readonly from: PeerId;
  /** 16 bytes. */
  readonly id: Uint8Array;
  /** May be empty. */
  readonly topic: string;
  /** As it was sent. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** When it came, wall clock, milliseconds. */
  readonly at: number;
  /** Deliveries so far. */
  readonly deliveryCount: number;
}

/** A {@linkcode StoredKeptMessage} without its id and body. */
export interface StoredKeptHead
  extends Pick<StoredKeptMessage, "from" | "topic" | "at" | "deliveryCount"> {
  /** The key that {@linkcode MessageStore.putKept} returned. */
  readonly key: number;
  /** Length of the body. */
  readonly bytes: number;
}

/** Storage of the messages of one node. */
export interface MessageStore {
  /** Unacknowledged messages in the order of `putOutgoing`. */
  outgoing(): Iterable<StoredOutgoing>;
  /**
   * Stores a message until each receiver of `to` is deleted; the body is stored once.
   *
   * @returns A key for {@linkcode deleteOutgoing}.
   */
  putOutgoing(message: StoredMessage, to: readonly PeerId[]): number;
  /** Peers that are the only receiver of a message; to be read like `senders`. */
  awaited(): Iterable<PeerId>;
  /** Deletes one receiver of a message. */
  deleteOutgoing(key: number, to: PeerId): void;

  /**
   * Each sender of seen ids and delivery counts: first those of seen ids, latest first.
   * To be read to the end before the next call.
   */
  senders(): Iterable<PeerId>;
  /** Ids of a sender's acked messages, oldest first; to be read like `senders`. */
  seenBy(from: PeerId): Iterable<Uint8Array>;
  /** Keeps the id of an acked message. */
  putSeen(seen: StoredSeen): void;
  /** Keeps only the newest `keep` ids from a sender. */
  trimSeen(from: PeerId, keep: number): void;
  /** Drops seen ids and delivery counts of one sender. */
  deleteSender(from: PeerId): void;
  /** Drops seen ids and delivery counts of all senders but those in `keep`. */
  trimSenders(keep: readonly PeerId[]): void;
  /** Drops seen ids and delivery counts older than `before`, by the clock of the store, milliseconds. */
  expireSeen(before: number): void;

  /** Delivery counts of nacked messages, oldest first. */
  deliveryCounts(): Iterable<StoredDeliveryCount>;
  /** Keeps a delivery count, in place of an older one. */
  putDeliveryCount(counted: StoredDeliveryCount): void;
  /** Keeps only the newest `keep` delivery counts of all senders. */
  trimDeliveryCounts(keep: number): void;
  /** Drops a delivery count. */
  deleteDeliveryCount(from: PeerId, id: Uint8Array): void;

  /** Dead letters, oldest first. */
  deadLetters(): Iterable<StoredDeadLetter>;
  /** Keeps a dead letter. */
  putDeadLetter(message: StoredDeadLetter): void;
  /** Drops a dead letter. */
  deleteDeadLetter(from: PeerId, id: Uint8Array): void;

  /** Topics whose messages are kept for consumers. */
  keptTopics(): Iterable<string>;
  /** Adds a kept topic. */
  putKeptTopic(topic: string): void;
  /** Removes a kept topic with all its messages. */
  deleteKeptTopic(topic: string): void;
  /** All messages of kept topics in short, oldest first; to be read like `senders`. */
  keptHeads(): Iterable<StoredKeptHead>;
  /** One message of a kept topic. */
  kept(key: number): StoredKeptMessage | undefined;
  /** Keeps a message; returns a key, larger than those before it. */
  putKept(message: StoredKeptMessage): number;
  /** Changes its delivery count. */
  putKeptDeliveryCount(key: number, deliveryCount: number): void;
  /** Drops it. */
  deleteKept(key: number): void;

  /** How often writes that were not durable yet have been lost. */
  readonly losses: number;
  /** Makes everything so far durable, now; throws as {@linkcode committed} rejects. */
  commit(since?: number): void;
  /**
   * Resolves when everything so far is durable; commits are grouped. Rejects when it is not, and
   * when something has been lost since {@linkcode losses} was `since`.
   */
  committed(since?: number): Promise<void>;
}
