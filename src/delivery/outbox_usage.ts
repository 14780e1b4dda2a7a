/**
 * How much an outbox holds, in all and for absent peers, and whether one more
 * message fits. What is given up to make room is chosen in `outbox.ts`.
 */
import { ABSENT_SHARE } from "../delivery_limits.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import type { OutboxLimits } from "./outbox_limits.ts";
import type { Content } from "./outgoing.ts";
import type { PeerQueue } from "./peer_queue.ts";

/** What receivers of one body were admitted before it is added. */
export class Admitted {
  messages = 0;
  absent = 0;
}

/** Why a message does not fit. */
export interface Shortage {
  /** In words. */
  readonly what: string;
  /** What is short; of its own share a peer can give nothing to others. */
  readonly of: "own share" | "messages" | "bytes";
}

/** The sums of one outbox. A body with several receivers counts once. */
export class OutboxUsage {
  readonly #limits: OutboxLimits;
  count = 0;
  bytes = 0;
  /** Messages to absent peers, and the bodies that an absent peer waits for. */
  #absentCount = 0;
  #absentBytes = 0;
  /** Bodies that only absent peers wait for: so much can be had by giving them up. */
  #idleBytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  /** One message more (`sign` 1) or less (-1) for a peer. */
  tally(peer: PeerQueue, content: Content, sign: 1 | -1): void {
    const isConnected = peer.sender !== undefined;
    this.count += sign;
    peer.count += sign;
    peer.bytes += sign * content.payload.length;
    if (!isConnected) this.#absentCount += sign;
    this.#change(content, isConnected ? sign : 0, isConnected ? 0 : sign);
  }

  /** Everything of a peer waits for a connected peer (`sign` 1), or not any more (-1). */
  move(peer: PeerQueue, contents: Iterable<Content>, sign: 1 | -1): void {
    this.#absentCount -= sign * peer.count;
    for (const content of contents) this.#change(content, sign, -sign);
  }

  /** Whether all that is held for absent peers would be room enough for a connected one. */
  couldFit(bytes: number, admitted: Admitted | undefined): boolean {
    const { messages } = admitted ?? NONE;
    const { maxMessages, maxBytes } = this.#limits;
    return this.count - this.#absentCount + messages < maxMessages &&
      this.bytes - this.#idleBytes + bytes <= maxBytes;
  }

  /** Why a message to a peer, or to one that nothing waits for, does not fit now. */
  shortage(
    to: IdentityId,
    peer: PeerQueue | undefined,
    bytes: number,
    admitted: Admitted = NONE,
  ): Shortage | undefined {
    const { maxMessages, maxBytes, maxMessagesPerPeer, maxBytesPerPeer } =
      this.#limits;
    const count = peer?.count ?? 0;
    const own = peer?.bytes ?? 0;
    const total = this.count + admitted.messages;
    if (count >= maxMessagesPerPeer) {
      const what = `${count} messages wait for ${
        shortId(to)
      }, must be fewer than ${maxMessagesPerPeer}`;
      return { of: "own share", what };
    }
    if (own + bytes > maxBytesPerPeer) {
      const what = `${own} bytes wait for ${
        shortId(to)
      } and ${bytes} more do not fit, must be at most ${maxBytesPerPeer}`;
      return { of: "own share", what };
    }
    if (total >= maxMessages) {
      const what = `${total} messages wait, must be fewer than ${maxMessages}`;
      return { of: "messages", what };
    }
    if (this.bytes + bytes > maxBytes) {
      const what =
        `${this.bytes} bytes wait and ${bytes} more do not fit, must be at most ${maxBytes}`;
      return { of: "bytes", what };
    }
    return peer?.sender === undefined
      ? this.#absentShortage(to, { count, bytes: own + bytes }, admitted)
      : undefined;
  }

  /**
   * An absent peer may have as much as it leaves to the other absent ones: so there
   * is always some left for the next, without giving up what was accepted before
   * (the dynamic threshold of Choudhury and Hahne, 1998).
   */
  #absentShortage(
    to: IdentityId,
    own: { readonly count: number; readonly bytes: number },
    admitted: Admitted,
  ): Shortage | undefined {
    const most = Math.ceil(ABSENT_SHARE * this.#limits.maxMessages);
    const waiting = this.#absentCount + admitted.absent;
    const who = `${shortId(to)} is not connected and`;
    if (own.count + 1 > most - waiting) {
      const what =
        `${who} has ${own.count} messages waiting, all absent peers ${waiting}; one may have as many as it leaves free of ${most}`;
      return { of: "messages", what };
    }
    const mostBytes = Math.ceil(ABSENT_SHARE * this.#limits.maxBytes);
    if (own.bytes > mostBytes - this.#absentBytes) {
      const what =
        `${who} would have ${own.bytes} bytes waiting, all absent peers have ${this.#absentBytes}; one may have as many as it leaves free of ${mostBytes}`;
      return { of: "bytes", what };
    }
    return undefined;
  }

  #change(content: Content, connected: number, absent: number): void {
    this.#weigh(content, -1);
    content.connected += connected;
    content.absent += absent;
    this.#weigh(content, 1);
    if (content.connected === 0 && content.absent > 0) content.settleIn();
  }

  #weigh({ payload, connected, absent }: Content, sign: 1 | -1): void {
    const bytes = sign * payload.length;
    if (connected + absent > 0) this.bytes += bytes;
    if (absent > 0) this.#absentBytes += bytes;
    if (absent > 0 && connected === 0) this.#idleBytes += bytes;
  }
}

const NONE: Readonly<Admitted> = new Admitted();
