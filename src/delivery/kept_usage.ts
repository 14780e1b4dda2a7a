/**
 * Counts the messages of kept topics, for one sender, for all without standing and in all:
 * whether one more fits.
 */
import type { PeerId } from "../core/peer_id.ts";
import {
  MAX_KEPT_BYTES,
  MAX_KEPT_MESSAGES,
  STRANGERS_SHARE,
} from "./delivery_limits.ts";

/** What one sender has under all kept topics. */
export interface SenderUsage {
  readonly from: PeerId;
  /** Refreshed now and then; see `mesh/peers/standing.ts`. */
  hasStanding: boolean;
  messages: number;
  bytes: number;
}

/** The sums of one node. */
export class KeptUsage {
  readonly #hasStanding: (peer: PeerId) => boolean;
  readonly #senders = new Map<PeerId, SenderUsage>();
  messages = 0;
  bytes = 0;
  /** Of senders without standing. */
  #strangersMessages = 0;
  #strangersBytes = 0;

  constructor(hasStanding: (peer: PeerId) => boolean) {
    this.#hasStanding = hasStanding;
  }

  /** The usage of a sender; kept while it has messages. */
  sender(from: PeerId): SenderUsage {
    return this.#senders.get(from) ??
      { from, hasStanding: this.#hasStanding(from), messages: 0, bytes: 0 };
  }

  /**
   * Whether a message fits. A sender may have as much as it leaves free: of everything if it has
   * standing, else of the share of all senders without, which is never more than half. So strangers
   * leave half to peers with standing, and one sender some to the next (the dynamic threshold of
   * Choudhury and Hahne, 1998).
   */
  fits(sender: SenderUsage, bytes: number): boolean {
    const messagesLeft = MAX_KEPT_MESSAGES - this.messages;
    const bytesLeft = MAX_KEPT_BYTES - this.bytes;
    const fit = (messages: number, size: number) =>
      sender.messages + 1 <= messages && sender.bytes + bytes <= size;
    if (!fit(messagesLeft, bytesLeft)) return false;
    return sender.hasStanding ||
      fit(
        STRANGERS_SHARE * MAX_KEPT_MESSAGES - this.#strangersMessages,
        STRANGERS_SHARE * MAX_KEPT_BYTES - this.#strangersBytes,
      );
  }

  /** Counts a message more (`sign` 1) or less (-1). */
  tally(sender: SenderUsage, bytes: number, sign: 1 | -1): void {
    sender.messages += sign;
    sender.bytes += sign * bytes;
    this.messages += sign;
    this.bytes += sign * bytes;
    if (!sender.hasStanding) {
      this.#strangersMessages += sign;
      this.#strangersBytes += sign * bytes;
    }
    if (sender.messages > 0) this.#senders.set(sender.from, sender);
    else this.#senders.delete(sender.from);
  }

  /** Updates the standing of all senders. */
  refresh(): void {
    for (const sender of this.#senders.values()) {
      const hasStanding = this.#hasStanding(sender.from);
      if (hasStanding === sender.hasStanding) continue;
      sender.hasStanding = hasStanding;
      const sign = hasStanding ? -1 : 1;
      this.#strangersMessages += sign * sender.messages;
      this.#strangersBytes += sign * sender.bytes;
    }
  }
}
