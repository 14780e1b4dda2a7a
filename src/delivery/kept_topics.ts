/** Kept topics as the user of a node has them: types, and checks of what is given. */
import { refuseUnknownOptions } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MAX_TOPIC_BYTES } from "../wire/wire_limits.ts";
import {
  LEASE_MS,
  MAX_LEASE_MS,
  MAX_LEASED_MESSAGES,
  MIN_LEASE_MS,
} from "./delivery_limits.ts";

/** A message of a kept topic. Text is not escaped. */
export interface KeptMessage {
  /** Its id, 32 hex digits. */
  readonly id: string;
  /** The verified identity of its sender. */
  readonly from: PeerId;
  /** Its topic. */
  readonly topic: string;
  /** The body, which is the caller's. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** When it came. */
  readonly receivedAt: Date;
  /** How often it was delivered; if it is leased, this time included. */
  readonly deliveryCount: number;
  /** When its lease ends, if a consumer has one. */
  readonly leasedUntil?: Date;
}

/** A kept topic. */
export interface KeptTopic {
  /** Its name; may be empty, not escaped. */
  readonly topic: string;
  /** Messages that are not acked. */
  readonly messages: number;
  /** Length of their bodies. */
  readonly bytes: number;
  /** Messages that consumers have at present. */
  readonly leased: number;
  /** Senders that wait with their next message, because it does not fit. */
  readonly blocked: number;
  /** When the oldest message came, if there is any. */
  readonly oldestAt?: Date;
}

/** Options of {@linkcode KeptTopics.lease}. */
export interface LeaseOptions {
  /** Most messages, 1 to 10,000; with those that a `consumer` has already. @default {1} */
  readonly max?: number;
  /**
   * How long the consumer has them, milliseconds: 100 to 43,200,000, or `Infinity`.
   * @default {30_000}
   */
  readonly leaseMs?: number;
  /** How long to wait for a first one, milliseconds. @default {0} */
  readonly waitMs?: number;
  /**
   * Also messages with predecessors, of the same sender, that are with a consumer or rest after a
   * nack: so several consumers share the messages of one sender. @default {false}
   */
  readonly anyOrder?: boolean;
  /** Only messages that came then or later. @default all */
  readonly since?: Date;
  /**
   * The same object in several calls is one consumer, which gets more messages of a sender of which
   * it has some. @default another consumer for each call
   */
  readonly consumer?: object;
  /** Ends the wait; nothing is leased then. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode KeptTopics.nack}. */
export interface NackOptions {
  /** Why; kept with the dead letter. */
  readonly reason?: string;
  /** When it is delivered again, milliseconds from now. @default half a second, doubled each time */
  readonly delayMs?: number;
}

/**
 * Kept topics of one node, as `node.keptTopics`. A message of a kept topic is stored by the node,
 * and acknowledged to its sender once that is durable; then it waits for a consumer of this node.
 * Consumers are `node.messages({ topic })`, or lease messages here.
 */
export interface KeptTopics {
  /** All of them. */
  list(): KeptTopic[];
  /**
   * Keeps a topic from now on, also after a restart; durable when the call returns.
   *
   * @param topic At most 128 bytes of UTF-8.
   * @returns Whether it was not kept before.
   * @throws {VerackError} `full` when 64 are kept; `stopped`; `bad-data` when the store cannot
   * write.
   * @throws {TypeError} when the node has no store.
   */
  keep(topic: string): boolean;
  /**
   * Keeps a topic no longer, and deletes its messages; durable when the call returns.
   *
   * @returns How many messages were deleted.
   * @throws {VerackError} `unknown-topic`; `stopped`; `bad-data` when the store cannot write.
   */
  drop(topic: string): number;
  /**
   * Gives messages to a consumer for a while: those that are neither acked nor nacked by then
   * are delivered again. Those of one sender come in order, and to no other consumer while this
   * one has some. Bodies have at most 4,000,000 bytes together.
   *
   * @returns Messages, none if there was none in time.
   * @throws {VerackError} `unknown-topic`, `stopped`.
   * @throws {RangeError} when an option is out of range.
   */
  lease(topic: string, options?: LeaseOptions): Promise<KeptMessage[]>;
  /**
   * The oldest messages of a topic, which stay as they are; bodies have at most 4,000,000 bytes
   * together.
   *
   * @throws {VerackError} `unknown-topic`, `stopped`.
   */
  peek(
    topic: string,
    options?: Pick<LeaseOptions, "max" | "since">,
  ): KeptMessage[];
  /**
   * A message that was delivered and is not acked.
   *
   * @throws As {@linkcode ack}.
   */
  get(id: string, from?: PeerId): KeptMessage;
  /**
   * Deletes a message that was delivered, also if its lease has ended meanwhile; resolves when
   * that is durable.
   *
   * @param id Its id, 32 hex digits.
   * @param from Its sender; needed only if several have sent messages of that id.
   * @throws {VerackError} `unknown-message` when it was acked before or never delivered since
   * this node started; `ambiguous`; `stopped`; `bad-data` when the store cannot write.
   */
  ack(id: string, from?: PeerId): Promise<void>;
  /**
   * Returns a message, to be delivered again after a while. After too many deliveries it becomes
   * a dead letter.
   *
   * @throws As {@linkcode ack}.
   */
  nack(id: string, options?: NackOptions, from?: PeerId): Promise<void>;
  /**
   * Returns a message as if it had not been delivered.
   *
   * @throws As {@linkcode ack}.
   */
  release(id: string, from?: PeerId): void;
  /** Returns all messages of a `consumer`, as {@linkcode release}. */
  leave(consumer: object): void;
  /**
   * Has a lease end `leaseMs` from now.
   *
   * @throws As {@linkcode ack}; {@linkcode RangeError} when `leaseMs` is out of range.
   */
  extend(id: string, leaseMs: number, from?: PeerId): void;
}

/** Options of a lease with defaults, checked. */
export interface CheckedLease {
  readonly max: number;
  readonly leaseMs: number;
  readonly waitMs: number;
  readonly anyOrder: boolean;
  /** Wall clock, milliseconds. */
  readonly since: number;
  readonly consumer: object;
}

const LEASE_OPTION_NAMES: Readonly<Record<keyof LeaseOptions, true>> = {
  max: true,
  leaseMs: true,
  waitMs: true,
  anyOrder: true,
  since: true,
  consumer: true,
  signal: true,
};

/** @throws {RangeError} when an option is out of range. */
export function checkLease(options: LeaseOptions): CheckedLease {
  refuseUnknownOptions(options, LEASE_OPTION_NAMES, "Cannot lease messages");
  const { max = 1, leaseMs = LEASE_MS, waitMs = 0 } = options;
  const { anyOrder = false, since, consumer = {} } = options;
  if (!Number.isInteger(max) || max < 1 || max > MAX_LEASED_MESSAGES) {
    throw new RangeError(
      `Cannot lease messages: max is ${max}, must be a whole number from 1 to ${MAX_LEASED_MESSAGES}`,
    );
  }
  if (!(waitMs >= 0)) {
    throw new RangeError(
      `Cannot lease messages: waitMs is ${waitMs}, must be 0 or more`,
    );
  }
  checkLeaseMs(leaseMs);
  const from = since?.getTime() ?? -Infinity;
  if (Number.isNaN(from)) {
    throw new RangeError("Cannot lease messages: since is no time");
  }
  return { max, leaseMs, waitMs, anyOrder, since: from, consumer };
}

/** @throws {RangeError} when it is out of range. */
export function checkLeaseMs(leaseMs: number): void {
  const isFinite = leaseMs >= MIN_LEASE_MS && leaseMs <= MAX_LEASE_MS;
  if (isFinite || leaseMs === Infinity) return;
  throw new RangeError(
    `Cannot lease messages: leaseMs is ${leaseMs}, must be ${MIN_LEASE_MS} to ${MAX_LEASE_MS}`,
  );
}

/** @throws {RangeError} when it is out of range. */
export function checkDelayMs(delayMs = 0): void {
  if (delayMs >= 0 && delayMs <= MAX_LEASE_MS) return;
  throw new RangeError(
    `Cannot nack message: delayMs is ${delayMs}, must be 0 to ${MAX_LEASE_MS}`,
  );
}

/** @throws {RangeError} when it is too long. */
export function checkTopic(topic: string): void {
  const { length } = new TextEncoder().encode(topic);
  if (length <= MAX_TOPIC_BYTES && topic.isWellFormed()) return;
  throw new RangeError(
    `Cannot keep topic: it has ${length} bytes, must be Unicode text of at most ${MAX_TOPIC_BYTES}`,
  );
}
