/** The bounds of an outbox: options, defaults and their validation. */
import {
  MAX_OUTBOX_AGE_MS,
  MAX_OUTBOX_BYTES,
  MAX_OUTBOX_BYTES_PER_PEER,
  MAX_OUTBOX_MESSAGES,
  MAX_OUTBOX_MESSAGES_PER_PEER,
  OUTBOX_AGE_MS,
} from "./delivery_limits.ts";

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

/**
 * Validates options and fills in defaults.
 *
 * @throws {RangeError} when a number is out of range.
 */
export function resolveOutbox(options: OutboxOptions = {}): OutboxLimits {
  const limits = {
    maxMessages: options.maxMessages ?? MAX_OUTBOX_MESSAGES,
    maxBytes: options.maxBytes ?? MAX_OUTBOX_BYTES,
    maxMessagesPerPeer: options.maxMessagesPerPeer ??
      MAX_OUTBOX_MESSAGES_PER_PEER,
    maxBytesPerPeer: options.maxBytesPerPeer ?? MAX_OUTBOX_BYTES_PER_PEER,
    maxAgeMs: options.maxAgeMs ?? OUTBOX_AGE_MS,
  };
  for (const [name, value] of Object.entries(limits)) {
    const most = name === "maxAgeMs"
      ? MAX_OUTBOX_AGE_MS
      : Number.MAX_SAFE_INTEGER;
    if (Number.isFinite(value) && value >= 0 && value <= most) continue;
    throw new RangeError(
      `Cannot start node: outbox.${name} is ${value}, must be 0 to ${most}`,
    );
  }
  return limits;
}
