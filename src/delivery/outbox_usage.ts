/**
 * The sums of an outbox, in all and for absent peers: whether one more message fits,
 * and which one gives way if it does not.
 */
import { ABSENT_SHARE, ABSENT_STRANGERS_SHARE } from "../delivery_limits.ts";
import { type PeerId, shortId } from "../identity/identity.ts";
import type { OutboxLimits } from "./outbox_limits.ts";
import type { MessageBody, OutgoingMessage } from "./outgoing_message.ts";
import type { PeerQueue } from "./peer_queue.ts";

/** Receivers of one body that were admitted before it is added. */
export class Admitted {
  messages = 0;
  absent = 0;
  strangers = 0;
}

/** Why a message does not fit. */
export interface Shortage {
  /** For the error message. */
  readonly what: string;
  /** Which bound is reached; other peers cannot give way for a peer's own share. */
  readonly of: "own share" | "messages" | "bytes";
}

/** Messages that may give way. */
export interface EvictionOptions {
  readonly isInMemory: (peer: PeerId) => boolean;
  /** Only messages to peers whose key lives in memory. */
  readonly inMemoryOnly: boolean;
  /** Only messages whose body no connected peer waits for: others free no bytes. */
  readonly idleOnly: boolean;
  /** Messages that are not durable yet and therefore in no stream, oldest first. */
  readonly unreleased: readonly OutgoingMessage[];
}

/** The sums of one outbox. A body with several receivers counts once. */
export class OutboxUsage {
  readonly #limits: OutboxLimits;
  count = 0;
  bytes = 0;
  /** Messages to absent peers, and the bodies that an absent peer waits for. */
  #absentCount = 0;
  #absentBytes = 0;
  /** The same for absent peers without standing. */
  #strangersCount = 0;
  #strangersBytes = 0;
  /** Bodies that only absent peers wait for: what eviction can free. */
  #idleBytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  /** Counts one message more (`sign` 1) or less (-1) for a peer. */
  tally(peer: PeerQueue, content: MessageBody, sign: 1 | -1): void {
    const isConnected = peer.sender !== undefined;
    this.count += sign;
    peer.count += sign;
    peer.bytes += sign * content.payload.length;
    if (!content.shared) peer.alone += sign;
    if (isConnected) return this.#change(content, { connected: sign });
    this.#absentCount += sign;
    if (peer.hasStanding) return this.#change(content, { absent: sign });
    this.#strangersCount += sign;
    this.#change(content, { absent: sign, strangers: sign });
  }

  /** A peer is connected (`sign` 1), or absent (-1), with all its messages. */
  move(peer: PeerQueue, contents: Iterable<MessageBody>, sign: 1 | -1): void {
    this.#absentCount -= sign * peer.count;
    const strangers = peer.hasStanding ? 0 : -sign;
    this.#strangersCount += strangers * peer.count;
    for (const content of contents) {
      this.#change(content, { connected: sign, absent: -sign, strangers });
    }
  }

  /** An absent peer has gained or lost standing. */
  setStanding(
    peer: PeerQueue,
    contents: Iterable<MessageBody>,
    hasStanding: boolean,
  ): void {
    peer.hasStanding = hasStanding;
    const strangers = hasStanding ? -1 : 1;
    this.#strangersCount += strangers * peer.count;
    for (const content of contents) this.#change(content, { strangers });
  }

  /** Whether a message to a connected peer fits if all absent peers give way. */
  couldFit(bytes: number, admitted: Admitted | undefined): boolean {
    const { messages } = admitted ?? NONE;
    const { maxMessages, maxBytes } = this.#limits;
    return this.count - this.#absentCount + messages < maxMessages &&
      this.bytes - this.#idleBytes + bytes <= maxBytes;
  }

  /** Why a message to a peer does not fit, if it does not. */
  shortage(
    peer: PeerQueue,
    bytes: number,
    admitted: Admitted = NONE,
  ): Shortage | undefined {
    const { maxMessages, maxBytes, maxMessagesPerPeer, maxBytesPerPeer } =
      this.#limits;
    const { to, count, bytes: own } = peer;
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
    if (peer.sender !== undefined) return undefined;
    const all: Share = {
      of: ABSENT_SHARE,
      holders: "all absent peers",
      count: this.#absentCount + admitted.absent,
      bytes: this.#absentBytes,
    };
    const strangers: Share = {
      of: ABSENT_STRANGERS_SHARE,
      holders: "all absent peers without standing",
      count: this.#strangersCount + admitted.strangers,
      bytes: this.#strangersBytes,
    };
    return (peer.hasStanding ? [all] : [strangers, all])
      .map((share) => this.#absentShortage(peer, bytes, share))
      .find((shortage) => shortage !== undefined);
  }

  /**
   * An absent peer may have as much as it leaves to the others of its kind, so that
   * some is always left for the next one without evicting accepted messages (the
   * dynamic threshold of Choudhury and Hahne, 1998).
   */
  #absentShortage(
    peer: PeerQueue,
    bytes: number,
    share: Share,
  ): Shortage | undefined {
    const { maxMessages, maxBytes } = this.#limits;
    const subject = `${shortId(peer.to)} is not connected and`;
    const most = Math.ceil(share.of * maxMessages);
    if (peer.count + 1 > most - share.count) {
      const what =
        `${subject} has ${peer.count} messages waiting, ${share.holders} ${share.count}; one may have as many as it leaves free of ${most}`;
      return { of: "messages", what };
    }
    const mostBytes = Math.ceil(share.of * maxBytes);
    if (peer.bytes + bytes > mostBytes - share.bytes) {
      const what = `${subject} would have ${
        peer.bytes + bytes
      } bytes waiting, ${share.holders} have ${share.bytes}; one may have as many as it leaves free of ${mostBytes}`;
      return { of: "bytes", what };
    }
    return undefined;
  }

  /**
   * The oldest message of an absent peer: of one whose key lives in memory rather
   * than of others, then of one without standing, then of the one that has most.
   */
  victim(
    peers: Iterable<PeerQueue>,
    options: EvictionOptions,
  ): OutgoingMessage | undefined {
    const { maxMessages, maxBytes } = this.#limits;
    let victim: OutgoingMessage | undefined;
    let most = -1;
    for (const peer of peers) {
      if (peer.sender !== undefined || peer.count === 0) continue;
      const inMemory = options.isInMemory(peer.to);
      if (options.inMemoryOnly && !inMemory) continue;
      const share = Math.max(peer.count / maxMessages, peer.bytes / maxBytes);
      const rank = share + (inMemory ? 4 : peer.hasStanding ? 0 : 2);
      if (rank <= most) continue;
      const oldest = oldestOf(peer, options);
      if (oldest === undefined) continue;
      victim = oldest;
      most = rank;
    }
    return victim;
  }

  #change(
    content: MessageBody,
    { connected = 0, absent = 0, strangers = 0 }: Change,
  ): void {
    this.#weigh(content, -1);
    content.connected += connected;
    content.absent += absent;
    content.strangers += strangers;
    this.#weigh(content, 1);
    if (content.connected === 0 && content.absent > 0) content.detach();
  }

  #weigh(content: MessageBody, sign: 1 | -1): void {
    const { payload, connected, absent, strangers } = content;
    const bytes = sign * payload.length;
    if (connected + absent > 0) this.bytes += bytes;
    if (absent > 0) this.#absentBytes += bytes;
    if (absent > 0 && connected === 0) this.#idleBytes += bytes;
    if (strangers > 0) this.#strangersBytes += bytes;
  }
}

/** Changes of the numbers of receivers of a body. */
type Change = Partial<Pick<MessageBody, "connected" | "absent" | "strangers">>;

/** The bound of all peers of one kind, and what they have. */
interface Share {
  /** Share of the sums of the outbox. */
  readonly of: number;
  readonly holders: string;
  readonly count: number;
  readonly bytes: number;
}

const NONE: Readonly<Admitted> = new Admitted();

function oldestOf(
  peer: PeerQueue,
  { idleOnly, unreleased }: EvictionOptions,
): OutgoingMessage | undefined {
  const fits = ({ to, done, content }: OutgoingMessage) =>
    to === peer.to && !done && !(idleOnly && content.connected > 0);
  let oldest: OutgoingMessage | undefined;
  for (const stream of peer.streams.values()) {
    for (const outgoing of stream) {
      if (!fits(outgoing)) continue;
      if (oldest === undefined || outgoing.since < oldest.since) {
        oldest = outgoing;
      }
      break;
    }
  }
  // Messages that are not durable yet are younger than all others.
  return oldest ?? unreleased.find(fits);
}
