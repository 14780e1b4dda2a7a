/**
 * What must survive a restart so that no message is lost or shown twice: the seam
 * between delivery and whatever keeps it. `memory_message_store.ts` forgets with
 * the process, `store/` is on disk.
 *
 * Calls are synchronous and take effect for later loads at once; they are durable
 * when {@linkcode MessageStore.committed} resolves or
 * {@linkcode MessageStore.commit} returns, so that many messages share one flush.
 * Arrays handed over are not changed afterwards, by either side.
 */
import type { PeerId } from "../identity/identity.ts";

/** A message as its sender keeps it. */
export interface StoredMessage {
  /** 16 random bytes; one broadcast has one id for all its receivers. */
  readonly id: Uint8Array;
  /** At most 128 bytes of UTF-8, may be empty. */
  readonly topic: string;
  /** At most `MAX_BODY_BYTES`. */
  readonly body: Uint8Array;
  /** When it was accepted, by the node's kept time, milliseconds. */
  readonly createdAt: number;
  /** How long after that it is given up, milliseconds. */
  readonly ttlMs: number;
}

/** A message and one of those that have not acknowledged it. */
export interface StoredOutgoing {
  /** What is sent. */
  readonly message: StoredMessage;
  /** What {@linkcode MessageStore.putOutgoing} gave for the message. */
  readonly key: number;
  /** Who has not acknowledged it. */
  readonly to: PeerId;
}

/** A message that was taken, by which it is known when it comes again. */
export interface StoredSeen {
  /** Who sent it. */
  readonly from: PeerId;
  /** The message's id, 16 bytes. */
  readonly id: Uint8Array;
  /** By the node's kept time, milliseconds. */
  readonly at: number;
}

/** How often the application refused a message that it has not taken yet. */
export interface StoredDeliveryCount {
  /** Who sent it. */
  readonly from: PeerId;
  /** The message's id, 16 bytes. */
  readonly id: Uint8Array;
  /** How often it was refused. */
  readonly deliveryCount: number;
  /** By the node's kept time, milliseconds. */
  readonly at: number;
}

/** A message that the application refused too often. */
export interface StoredDeadLetter {
  /** Who sent it. */
  readonly from: PeerId;
  /** The message's id, 16 bytes. */
  readonly id: Uint8Array;
  /** Its topic, may be empty. */
  readonly topic: string;
  /** Its body. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Why, as the application said the last time; may be empty. */
  readonly reason: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
}

/** Memory of the messages of one node. Whoever opens it closes it. */
export interface MessageStore {
  /**
   * Everything that is not acknowledged, in the order in which it was put: receivers
   * of one message follow each other.
   */
  outgoing(): Iterable<StoredOutgoing>;
  /**
   * Keeps a message until each of `to` is deleted; the body is kept once.
   *
   * @returns A key for {@linkcode deleteOutgoing}.
   */
  putOutgoing(message: StoredMessage, to: readonly PeerId[]): number;
  /** Peers for which a message waits that is for them alone; to be read likewise. */
  awaited(): Iterable<PeerId>;
  /** One receiver has it, or it is given up. */
  deleteOutgoing(key: number, to: PeerId): void;

  /**
   * Each sender of seen ids and delivery counts: first those of seen ids, the one whose
   * message was taken last first. To be read to the end before anything else is done.
   */
  senders(): Iterable<PeerId>;
  /** Ids of a sender's messages that were taken, oldest first; to be read likewise. */
  seenBy(from: PeerId): Iterable<Uint8Array>;
  /** The message was taken. */
  putSeen(seen: StoredSeen): void;
  /** Keeps only the newest `keep` ids from a sender. */
  trimSeen(from: PeerId, keep: number): void;
  /** Drops seen ids and delivery counts of one sender. */
  deleteSender(from: PeerId): void;
  /** Drops seen ids and delivery counts of all senders but those in `keep`. */
  trimSenders(keep: readonly PeerId[]): void;
  /** Drops seen ids and delivery counts from before a moment of the node's kept time, milliseconds. */
  expireSeen(before: number): void;

  /** Messages that were refused and may come again, oldest first. */
  deliveryCounts(): Iterable<StoredDeliveryCount>;
  /** The message was refused once more. */
  putDeliveryCount(counted: StoredDeliveryCount): void;
  /** Keeps only the newest `keep` of them, of all senders. */
  trimDeliveryCounts(keep: number): void;
  /** The message was taken, or set aside. */
  deleteDeliveryCount(from: PeerId, id: Uint8Array): void;

  /** Messages that were set aside, oldest first. */
  deadLetters(): Iterable<StoredDeadLetter>;
  /** Sets a message aside. */
  putDeadLetter(message: StoredDeadLetter): void;
  /** Drops a message that was set aside. */
  deleteDeadLetter(from: PeerId, id: Uint8Array): void;

  /** Makes everything so far durable, now. */
  commit(): void;
  /** Resolves when everything so far is durable; commits are grouped. */
  committed(): Promise<void>;
}
