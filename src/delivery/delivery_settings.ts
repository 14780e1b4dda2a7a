/** Settings of delivery, and the bounds of the outbox. */
import type { Clock, Random } from "../core/clock.ts";
import type { VerackError } from "../core/errors.ts";
import type { Histogram } from "../core/histogram.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { PeerId } from "../core/peer_id.ts";
import {
  MAX_OUTBOX_AGE_MS,
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_BYTES_PER_PEER,
  MAX_OUTBOX_MESSAGES,
  MAX_OUTBOX_MESSAGES_PER_PEER,
  OUTBOX_AGE_MS,
} from "./delivery_limits.ts";
import type { MessageStore, StoredDeadLetter } from "./message_store.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";

/** Settings of `Delivery`. */
export interface DeliverySettings {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: NodeCounters;
  /** Has added how long each message took until it was acked. */
  readonly deliveryMs: Histogram;
  /** First bytes of every frame. */
  readonly magic: Uint8Array;
  /** Absent if nothing outlives the node. */
  readonly store: MessageStore | undefined;
  readonly limits: OutboxLimits;
  /** Deliveries of a message before it becomes a dead letter. */
  readonly maxDeliveries: number;
  /** Topics to keep besides those of the store, which must be there. */
  readonly keepTopics?: readonly string[];
  /** The clock of ages in the store, milliseconds. */
  readonly keptNow: () => number;
  /**
   * Whether a peer has standing (`mesh/peers/standing.ts`): its messages do not wait or
   * give way for those of peers without.
   */
  readonly hasStanding: (peer: PeerId) => boolean;
  /** Whether a peer's key lives in memory only. */
  readonly isInMemory: (peer: PeerId) => boolean;
  /** A message was given up unacknowledged. */
  readonly onGivenUp: (outgoing: OutgoingMessage, error: VerackError) => void;
  /** The application nacked a message too often. */
  readonly onDeadLetter: (message: StoredDeadLetter) => void;
}

/**
 * Bounds of unacknowledged messages; a message that does not fit is rejected at once.
 * Messages to absent peers have at most three quarters, and give way for those to
 * connected peers; messages to peers without standing have at most half, of which one
 * peer has as much as it leaves free.
 */
export interface OutboxOptions {
  /** Messages in all; one to several peers counts for each. @default {100_000} */
  readonly maxMessages?: number;
  /** Bytes of their bodies and topics in all; a body to several peers counts once. @default {67_108_864} */
  readonly maxBytes?: number;
  /** Messages to one peer. @default {10_000} */
  readonly maxMessagesPerPeer?: number;
  /** Bytes to one peer. @default {16_777_216} */
  readonly maxBytesPerPeer?: number;
  /** Age at which a message expires, milliseconds; at most 30 days. @default 7 days */
  readonly maxAgeMs?: number;
}

/** {@linkcode OutboxOptions} with defaults filled in and checked. */
export type OutboxLimits = Required<OutboxOptions>;

const DEFAULTS: OutboxLimits = {
  maxMessages: MAX_OUTBOX_MESSAGES,
  maxBytes: MAX_OUTBOX_BYTES,
  maxMessagesPerPeer: MAX_OUTBOX_MESSAGES_PER_PEER,
  maxBytesPerPeer: MAX_OUTBOX_BYTES_PER_PEER,
  maxAgeMs: OUTBOX_AGE_MS,
};

/** Checks options and fills in defaults. */
export function resolveOutbox(options: OutboxOptions = {}): OutboxLimits {
  const limits = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof OutboxLimits)[]) {
    const value = options[name] ?? DEFAULTS[name];
    const most = name === "maxAgeMs"
      ? MAX_OUTBOX_AGE_MS
      : Number.MAX_SAFE_INTEGER;
    if (!(Number.isFinite(value) && value >= 0 && value <= most)) {
      throw new RangeError(
        `Cannot start node: outbox.${name} is ${value}, must be 0 to ${most}`,
      );
    }
    limits[name] = value;
  }
  return limits;
}
