/**
 * Counts an outbox, for one peer, for all absent ones and for all without standing: whether one
 * more message fits, and which one is evicted if it does not.
 */
import { type PeerId, shortId } from "../core/peer_id.ts";
import {
  ABSENT_SHARE,
  MAX_IDLE_STREAMS,
  STRANGERS_SHARE,
} from "./delivery_limits.ts";
import type { OutboxLimits } from "./delivery_settings.ts";
import type { Acceptance, MessageBody } from "./message_body.ts";
import { type OutgoingMessage, SendStream } from "./outgoing_message.ts";
import type { Sender } from "./sender.ts";

/** Messages to one peer: a stream for each topic, and the sender of its session. */
export class PeerQueue {
  readonly to: PeerId;
  readonly streams = new Map<string, SendStream>();
  sender: Sender | undefined;
  /** Unacknowledged messages, and their bytes. */
  count = 0;
  bytes = 0;
  /** Those that have no other receiver. */
  alone = 0;
  /** Whether the peer had standing when it was checked last, and the turn in which it was. */
  hasStanding: boolean;
  checkedIn: Acceptance | undefined = undefined;
  #pruneAt = MAX_IDLE_STREAMS;

  constructor(to: PeerId, hasStanding: boolean) {
    this.to = to;
    this.hasStanding = hasStanding;
  }

  /** The stream of a topic, which is made if there is none. */
  stream(topic: string): SendStream {
    let stream = this.streams.get(topic);
    if (stream === undefined) {
      this.#prune();
      stream = new SendStream(topic);
      this.streams.set(topic, stream);
    }
    return stream;
  }

  /** Drops topics without messages, once there are many. */
  #prune(): void {
    if (this.streams.size < this.#pruneAt) return;
    for (const stream of this.streams.values()) {
      if (stream.isEmpty && stream.place === "idle") {
        this.streams.delete(stream.topic);
      }
    }
    this.#pruneAt = Math.max(MAX_IDLE_STREAMS, 2 * this.streams.size);
  }

  /** Unacknowledged messages that may be sent, in order for each topic. */
  *[Symbol.iterator](): IterableIterator<OutgoingMessage> {
    for (const stream of this.streams.values()) yield* stream;
  }
}

/** The queues of one node. */
export class PeerQueues extends Map<PeerId, PeerQueue> {
  /** Whether a message waits that has this peer as its only receiver. */
  isAwaited(to: PeerId): boolean {
    return (this.get(to)?.alone ?? 0) > 0;
  }
}

/** Receivers of one body that were admitted before it is added. */
export class Admitted {
  messages = 0;
  absent = 0;
  strangers = 0;

  add({ hasStanding, sender }: PeerQueue): void {
    this.messages++;
    if (sender === undefined) this.absent++;
    if (!hasStanding) this.strangers++;
  }
}

const NONE: Readonly<Admitted> = new Admitted();

/** Why a message does not fit. */
export interface Shortage {
  /** For the error message. */
  readonly what: string;
  /** Which bound is reached; other peers cannot give way for a peer's own share. */
  readonly of: "own share" | "messages" | "bytes";
  /** The bound of all messages is reached, not that of a share of them. */
  readonly isTotal: boolean;
}

/** A message that does not fit, for which others may give way. */
export interface EvictionNeed extends Pick<Shortage, "of" | "isTotal"> {
  /** Whether its receiver has standing. */
  readonly hasStanding: boolean;
  /** Absent peers whose messages may be given up for it. */
  readonly absent: "all" | "in-memory" | "none";
}

/** How much of its bound the messages to one peer use, by number or by bytes. */
export interface QueueUse {
  readonly to: PeerId;
  readonly what: "messages" | "bytes";
  readonly used: number;
  readonly most: number;
}

/** The bound of all peers of one kind, and what they have. */
interface Share {
  /** Share of the sums of the outbox. */
  readonly of: number;
  readonly holders: string;
  readonly count: number;
  readonly bytes: number;
}

/** The sums of one outbox. A body with several receivers counts once. */
export class OutboxUsage {
  readonly #limits: OutboxLimits;
  readonly #isInMemory: (peer: PeerId) => boolean;
  count = 0;
  bytes = 0;
  /** Messages to absent peers, and the bodies that an absent peer waits for. */
  #absentCount = 0;
  #absentBytes = 0;
  /** The same for peers without standing, absent or connected. */
  #strangersCount = 0;
  #strangersBytes = 0;
  /** Bodies that only absent peers wait for: what eviction can free. */
  #idleBytes = 0;

  constructor(limits: OutboxLimits, isInMemory: (peer: PeerId) => boolean) {
    this.#limits = limits;
    this.#isInMemory = isInMemory;
  }

  /** Counts one message more (`sign` 1) or less (-1) for a peer. */
  tally(peer: PeerQueue, content: MessageBody, sign: 1 | -1): void {
    this.count += sign;
    peer.count += sign;
    peer.bytes += sign * content.payloadBytes;
    if (!content.shared) peer.alone += sign;
    const strangers = peer.hasStanding ? 0 : sign;
    this.#strangersCount += strangers;
    if (peer.sender === undefined) {
      this.#absentCount += sign;
      this.#change(content, 0, sign, strangers);
    } else this.#change(content, sign, 0, strangers);
  }

  /** A peer is connected (`sign` 1), or absent (-1), with all its messages. */
  move(peer: PeerQueue, contents: Iterable<MessageBody>, sign: 1 | -1): void {
    this.#absentCount -= sign * peer.count;
    for (const content of contents) this.#change(content, sign, -sign, 0);
  }

  /** A peer has gained or lost standing. */
  setStanding(
    peer: PeerQueue,
    contents: Iterable<MessageBody>,
    hasStanding: boolean,
  ): void {
    peer.hasStanding = hasStanding;
    const strangers = hasStanding ? -1 : 1;
    this.#strangersCount += strangers * peer.count;
    for (const content of contents) this.#change(content, 0, 0, strangers);
  }

  /** Whether a message to a connected peer fits if all absent peers give way. */
  couldFit(bytes: number, { messages }: Admitted = NONE): boolean {
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
      return { of: "own share", isTotal: false, what };
    }
    if (own + bytes > maxBytesPerPeer) {
      const what = `${own} bytes wait for ${
        shortId(to)
      } and ${bytes} more do not fit, must be at most ${maxBytesPerPeer}`;
      return { of: "own share", isTotal: false, what };
    }
    if (total >= maxMessages) {
      const what = `${total} messages wait, must be fewer than ${maxMessages}`;
      return { of: "messages", isTotal: true, what };
    }
    if (this.bytes + bytes > maxBytes) {
      const what =
        `${this.bytes} bytes wait and ${bytes} more do not fit, must be at most ${maxBytes}`;
      return { of: "bytes", isTotal: true, what };
    }
    const shortage = peer.hasStanding
      ? undefined
      : this.#shareShortage(peer, bytes, {
        of: STRANGERS_SHARE,
        holders: "all peers without standing",
        count: this.#strangersCount + admitted.strangers,
        bytes: this.#strangersBytes,
      });
    if (shortage !== undefined || peer.sender !== undefined) return shortage;
    return this.#shareShortage(peer, bytes, {
      of: ABSENT_SHARE,
      holders: "all absent peers",
      count: this.#absentCount + admitted.absent,
      bytes: this.#absentBytes,
    });
  }

  /** The queue that is nearest to its bound at present. */
  fullest(peers: Iterable<PeerQueue>): QueueUse | undefined {
    let fullest: QueueUse | undefined;
    for (const peer of peers) {
      for (const use of this.#usesOf(peer)) {
        const { used, most } = fullest ?? { used: 0, most: 1 };
        if (use.used * most > used * use.most) fullest = use;
      }
    }
    return fullest;
  }

  /** All bounds of one queue, as {@linkcode shortage} has them. */
  *#usesOf(peer: PeerQueue): Iterable<QueueUse> {
    const { maxMessages, maxBytes, maxMessagesPerPeer, maxBytesPerPeer } =
      this.#limits;
    const { to, count, bytes, hasStanding, sender } = peer;
    const use = (most: number, mostBytes: number): QueueUse[] => [
      { to, what: "messages", used: count, most: Math.max(most, 0) },
      { to, what: "bytes", used: bytes, most: Math.max(mostBytes, 0) },
    ];
    yield* use(maxMessagesPerPeer, maxBytesPerPeer);
    if (!hasStanding) {
      yield* use(
        Math.ceil(STRANGERS_SHARE * maxMessages) - this.#strangersCount,
        Math.ceil(STRANGERS_SHARE * maxBytes) - this.#strangersBytes,
      );
    }
    if (sender !== undefined) return;
    yield* use(
      Math.ceil(ABSENT_SHARE * maxMessages) - this.#absentCount,
      Math.ceil(ABSENT_SHARE * maxBytes) - this.#absentBytes,
    );
  }

  /**
   * A peer may have as much of a share as it leaves to the others of its kind, so that
   * some is always left for the next one without evicting accepted messages (the
   * dynamic threshold of Choudhury and Hahne, 1998).
   */
  #shareShortage(
    peer: PeerQueue,
    bytes: number,
    share: Share,
  ): Shortage | undefined {
    const { maxMessages, maxBytes } = this.#limits;
    const subject = () =>
      `${shortId(peer.to)} ${
        peer.sender === undefined ? "is not connected" : "has no standing"
      } and`;
    const most = Math.ceil(share.of * maxMessages);
    if (peer.count + 1 > most - share.count) {
      const what =
        `${subject()} has ${peer.count} messages waiting, ${share.holders} ${share.count}; one may have as many as it leaves free of ${most}`;
      return { of: "messages", isTotal: false, what };
    }
    const mostBytes = Math.ceil(share.of * maxBytes);
    if (peer.bytes + bytes > mostBytes - share.bytes) {
      const what = `${subject()} would have ${
        peer.bytes + bytes
      } bytes waiting, ${share.holders} have ${share.bytes}; one may have as many as it leaves free of ${mostBytes}`;
      return { of: "bytes", isTotal: false, what };
    }
    return undefined;
  }

  /**
   * The message that gives way: the oldest of a peer without standing rather than of
   * others, of an absent one of these rather than of a connected one, then of one whose
   * key lives in memory, then of the one that has most.
   *
   * @param pending Messages that are not durable yet and therefore in no stream.
   */
  victim(
    peers: Iterable<PeerQueue>,
    need: EvictionNeed,
    pending: readonly OutgoingMessage[],
  ): OutgoingMessage | undefined {
    const { maxMessages, maxBytes } = this.#limits;
    let victim: OutgoingMessage | undefined;
    let most = -1;
    for (const peer of peers) {
      if (peer.count === 0) continue;
      const isInMemory = this.#isInMemory(peer.to);
      if (!givesWay(peer, isInMemory, need)) continue;
      const share = Math.max(peer.count / maxMessages, peer.bytes / maxBytes);
      const rank = share + (peer.hasStanding ? 0 : 8) +
        (peer.sender === undefined ? 4 : 0) + (isInMemory ? 2 : 0);
      if (rank <= most) continue;
      const oldest = oldestOf(peer, need, pending);
      if (oldest === undefined) continue;
      victim = oldest;
      most = rank;
    }
    return victim;
  }

  /** Changes the numbers of receivers of a body, and what it adds to the sums. */
  #change(
    content: MessageBody,
    connected: number,
    absent: number,
    strangers: number,
  ): void {
    this.#weigh(content, -1);
    content.connected += connected;
    content.absent += absent;
    content.strangers += strangers;
    this.#weigh(content, 1);
    if (content.connected > 0) return;
    if (content.absent > 0) content.detach();
    else content.release();
  }

  #weigh(content: MessageBody, sign: 1 | -1): void {
    const { payloadBytes, connected, absent, strangers } = content;
    const bytes = sign * payloadBytes;
    if (connected + absent > 0) this.bytes += bytes;
    if (absent > 0) this.#absentBytes += bytes;
    if (absent > 0 && connected === 0) this.#idleBytes += bytes;
    if (strangers > 0) this.#strangersBytes += bytes;
  }
}

/**
 * Whether messages to a peer give way. Those of peers without standing give way for
 * peers with standing, connected or not; those of absent peers for connected ones, but
 * never those of a peer with standing for one without.
 */
function givesWay(
  { hasStanding, sender }: PeerQueue,
  isInMemory: boolean,
  need: EvictionNeed,
): boolean {
  if (need.hasStanding && need.isTotal && !hasStanding) return true;
  if (sender !== undefined || (hasStanding && !need.hasStanding)) return false;
  return need.absent === "all" || (need.absent === "in-memory" && isInMemory);
}

/** For bytes only messages whose body is freed once those of their kind are given up. */
function oldestOf(
  peer: PeerQueue,
  need: EvictionNeed,
  pending: readonly OutgoingMessage[],
): OutgoingMessage | undefined {
  const fits = ({ to, done, content }: OutgoingMessage) => {
    if (to !== peer.to || done) return false;
    const { connected, absent, strangers } = content;
    return need.of !== "bytes" ||
      (peer.sender === undefined
        ? connected === 0
        : strangers === connected + absent);
  };
  let oldest: OutgoingMessage | undefined;
  for (const stream of peer.streams.values()) {
    const outgoing = stream.oldestUnbegun(fits);
    if (outgoing === undefined) continue;
    if (oldest === undefined || outgoing.since < oldest.since) {
      oldest = outgoing;
    }
  }
  // Messages that are not durable yet are younger than all others.
  return oldest ?? pending.find(fits);
}
