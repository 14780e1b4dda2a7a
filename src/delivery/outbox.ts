/**
 * Everything a node has to send and has no acknowledgement of, in order, for each
 * peer and topic; kept in the store first, then sent on the session of the peer if
 * there is one, all of it again when there is another.
 *
 * Bounded; what does not fit is refused at once. How a session is filled is in
 * `sender.ts`.
 */
import type { Clock } from "../clock.ts";
import { messageOf, VerackError } from "../errors.ts";
import { type IdentityId, shortId } from "../identity/identity.ts";
import {
  MAX_SLAB_MESSAGES,
  SEND_AHEAD_BYTES,
  SEND_AHEAD_TOTAL_BYTES,
} from "../delivery_limits.ts";
import type { AckMessage } from "../wire/messages/ack.ts";
import type { Carrier } from "./carrier.ts";
import type { MessageStore } from "./message_store.ts";
import type { OutboxLimits } from "./outbox_limits.ts";
import { Content, Outgoing } from "./outgoing.ts";
import { PeerQueue } from "./peer_queue.ts";
import { SendStream } from "./send_stream.ts";
import { Sender, type SenderOptions } from "./sender.ts";
import { Slab } from "./slab.ts";

/** Settings of an {@linkcode Outbox}. */
export interface OutboxSettings {
  /** Absent if nothing is to outlive the node. */
  readonly store: MessageStore | undefined;
  readonly limits: OutboxLimits;
  readonly clock: Clock;
  readonly magic: Uint8Array;
  /** A message is not sent any more, though nobody acknowledged it. */
  readonly onGivenUp: (outgoing: Outgoing, error: VerackError) => void;
}

/** Messages of one node on their way. */
export class Outbox {
  readonly #settings: OutboxSettings;
  readonly #peers = new Map<IdentityId, PeerQueue>();
  readonly #slab = new Slab();
  readonly #sending: SenderOptions;
  #count = 0;
  #bytes = 0;
  /** Peers with a sender. */
  #senders = 0;
  /** Put into the store, and not known to be durable. */
  #uncommitted: Outgoing[] = [];
  #committing = false;
  #closed: VerackError | undefined;
  /** Monotonic clock, milliseconds; nothing expires before. */
  #nextExpiry = Infinity;

  /** Takes up what an earlier process has left. */
  constructor(settings: OutboxSettings) {
    this.#settings = settings;
    const { clock, store, magic } = settings;
    this.#sending = {
      magic,
      ahead: () => this.#ahead(),
      settled: (outgoing, taken) => this.#settled(outgoing, taken),
    };
    const now = clock.monotonic();
    const contents = new Map<number, Content>();
    for (const { message, key, to } of store?.outgoing() ?? []) {
      let content = contents.get(key);
      if (content === undefined) {
        content = new Content({ ...fieldsOf(message), shared: true });
        content.key = key;
        contents.set(key, content);
      }
      // A wall clock that jumped back makes nothing older than it is.
      const age = Math.max(0, clock.now() - message.createdAt);
      const outgoing = new Outgoing(content, to, now + message.ttlMs - age);
      // It may have been sent before, as far as we know.
      outgoing.begun = true;
      this.#tally(outgoing, 1);
      this.#release(outgoing);
    }
  }

  /** Messages that are not acknowledged. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of their bodies and topics. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that a peer has not acknowledged. */
  countFor(to: IdentityId): number {
    return this.#peers.get(to)?.count ?? 0;
  }

  /** Why a message does not fit, if it does not. */
  refusal(to: IdentityId, bytes: number): VerackError | undefined {
    if (this.#closed !== undefined) return this.#closed;
    const { limits } = this.#settings;
    const peer = this.#peers.get(to);
    const full = this.#count >= limits.maxMessages
      ? `${this.#count} messages wait, must be fewer than ${limits.maxMessages}`
      : this.#bytes + bytes > limits.maxBytes
      ? `${this.#bytes} bytes wait and ${bytes} more do not fit, must be at most ${limits.maxBytes}`
      : peer === undefined
      ? undefined
      : peer.count >= limits.maxMessagesPerPeer
      ? `${peer.count} messages wait for ${
        shortId(to)
      }, must be fewer than ${limits.maxMessagesPerPeer}`
      : peer.bytes + bytes > limits.maxBytesPerPeer
      ? `${peer.bytes} bytes wait for ${
        shortId(to)
      } and ${bytes} more do not fit, must be at most ${limits.maxBytesPerPeer}`
      : undefined;
    return full === undefined
      ? undefined
      : new VerackError("full", `Cannot send: ${full}`);
  }

  /** Keeps a message and sends it as soon as it is durable and may be. All must fit. */
  add(content: Content, outgoings: readonly Outgoing[]): void {
    const { store } = this.#settings;
    if (store !== undefined) {
      content.key = store.putOutgoing(content, outgoings.map(({ to }) => to));
    }
    for (const outgoing of outgoings) {
      this.#tally(outgoing, 1);
      this.#uncommitted.push(outgoing);
    }
    if (!this.#committing) this.#commit();
  }

  /**
   * Memory for a message to somebody, or to several: pieces of slabs only while few
   * wait, and never for who is away.
   */
  memory(to: IdentityId | undefined): Slab | undefined {
    if (this.#count >= MAX_SLAB_MESSAGES) return undefined;
    return to === undefined || this.isAttached(to) ? this.#slab : undefined;
  }

  /** Whether there is a session to send on. */
  isAttached(to: IdentityId): boolean {
    return this.#peers.get(to)?.sender !== undefined;
  }

  /** From now on a peer is sent to by this carrier; what is not acknowledged goes again. */
  attach(to: IdentityId, carrier: Carrier): void {
    const peer = this.#peer(to);
    if (peer.sender?.carrier === carrier) return;
    if (peer.sender === undefined) this.#senders++;
    peer.sender?.close();
    for (const stream of peer.streams.values()) stream.rewind();
    const sender = new Sender(carrier, this.#sending);
    peer.sender = sender;
    for (const stream of peer.streams.values()) sender.wake(stream);
    sender.pump();
  }

  /** There is no session with a peer any more. */
  detach(to: IdentityId): void {
    const peer = this.#peers.get(to);
    if (peer?.sender === undefined) return;
    peer.sender.close();
    peer.sender = undefined;
    this.#senders--;
    for (const stream of peer.streams.values()) stream.rewind();
    for (const outgoing of peer) outgoing.waiter?.disconnected?.(outgoing);
    if (peer.count === 0) this.#peers.delete(to);
  }

  /**
   * A peer said what became of messages; false if it said so on a session that is
   * not sent on.
   *
   * @throws {VerackError} `protocol` when that cannot be.
   */
  onAck(to: IdentityId, carrier: Carrier, ack: AckMessage): boolean {
    const peer = this.#peers.get(to);
    // What an older session still says, the newer one will say again.
    if (peer?.sender?.carrier !== carrier) return false;
    peer.sender.onAck(ack);
    peer.prune();
    return true;
  }

  /** Does not send a message any more. */
  giveUp(outgoing: Outgoing, error: VerackError): void {
    this.#fail(outgoing, error);
    outgoing.stream?.sweep();
  }

  /** Those for whom something waits and who are away. */
  away(): IdentityId[] {
    return [...this.#peers.values()]
      .filter(({ sender, count }) => sender === undefined && count > 0)
      .map(({ to }) => to);
  }

  /** A peer is gone for good. */
  giveUpPeer(to: IdentityId, error: VerackError): void {
    const peer = this.#peers.get(to);
    const waiting = this.#uncommitted.filter((outgoing) => outgoing.to === to);
    for (const outgoing of [...(peer ?? []), ...waiting]) {
      this.#fail(outgoing, error);
    }
    for (const stream of peer?.streams.values() ?? []) stream.sweep();
    peer?.prune();
  }

  /** Gives up what is too old. */
  tick(now: number): void {
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Infinity;
    for (const peer of [...this.#peers.values()]) {
      for (const outgoing of [...peer]) {
        if (outgoing.expiresAt > now) this.#expectExpiry(outgoing.expiresAt);
        else this.#fail(outgoing, expired(outgoing));
      }
      for (const stream of peer.streams.values()) stream.sweep();
    }
  }

  /** Tells all who wait that nothing more is sent by this process. */
  close(error: VerackError): void {
    this.#closed = error;
    for (const peer of this.#peers.values()) {
      for (const outgoing of peer) outgoing.waiter?.failed(outgoing, error);
    }
    for (const outgoing of this.#uncommitted) {
      if (!outgoing.done) outgoing.waiter?.failed(outgoing, error);
    }
    this.#peers.clear();
    this.#uncommitted = [];
  }

  #peer(to: IdentityId): PeerQueue {
    let peer = this.#peers.get(to);
    if (peer === undefined) this.#peers.set(to, peer = new PeerQueue(to));
    return peer;
  }

  #tally(outgoing: Outgoing, sign: 1 | -1): void {
    const peer = this.#peer(outgoing.to);
    const bytes = sign * sizeOf(outgoing.content);
    this.#count += sign;
    this.#bytes += bytes;
    peer.count += sign;
    peer.bytes += bytes;
  }

  /** Everything that a turn of the event loop adds shares a commit. */
  async #commit(): Promise<void> {
    this.#committing = true;
    await Promise.resolve();
    while (this.#uncommitted.length > 0 && this.#closed === undefined) {
      const batch = this.#uncommitted;
      this.#uncommitted = [];
      try {
        await this.#settings.store?.committed();
      } catch (error) {
        this.#failBatch(batch, error);
        continue;
      }
      if (this.#closed === undefined) this.#releaseBatch(batch);
      else for (const it of batch) it.waiter?.failed(it, this.#closed);
    }
    this.#committing = false;
  }

  #failBatch(batch: readonly Outgoing[], error: unknown): void {
    const reason = new VerackError(
      "bad-data",
      `Cannot send: the message cannot be kept: ${messageOf(error)}`,
      { cause: error },
    );
    for (const outgoing of batch) this.giveUp(outgoing, reason);
  }

  #releaseBatch(batch: readonly Outgoing[]): void {
    const senders = new Set<Sender>();
    let last: IdentityId | undefined;
    for (const outgoing of batch) {
      if (outgoing.done) continue;
      const sender = this.#release(outgoing);
      if (sender === undefined || outgoing.to === last) continue;
      senders.add(sender);
      last = outgoing.to;
    }
    for (const sender of senders) sender.pump();
  }

  #release(outgoing: Outgoing): Sender | undefined {
    const { content, to } = outgoing;
    const peer = this.#peer(to);
    let stream = peer.streams.get(content.topic);
    if (stream === undefined) {
      stream = new SendStream(content.topic);
      peer.streams.set(content.topic, stream);
    }
    stream.push(outgoing);
    this.#expectExpiry(outgoing.expiresAt);
    if (peer.sender === undefined) {
      content.settleIn();
      outgoing.waiter?.disconnected?.(outgoing);
    } else peer.sender.wake(stream);
    return peer.sender;
  }

  /** What one sender may put on the way, so that all together do not put too much. */
  #ahead(): number {
    const share = SEND_AHEAD_TOTAL_BYTES / Math.max(1, this.#senders);
    return Math.min(SEND_AHEAD_BYTES, share);
  }

  #expectExpiry(at: number): void {
    if (at < this.#nextExpiry) this.#nextExpiry = at;
  }

  #settled(outgoing: Outgoing, taken: boolean): void {
    if (outgoing.done) return;
    if (taken) {
      this.#finish(outgoing);
      outgoing.waiter?.acknowledged(outgoing);
    } else {
      this.giveUp(
        outgoing,
        new VerackError(
          "rejected",
          `Cannot deliver to ${
            shortId(outgoing.to)
          }: its application refused the message too often and it is set aside there`,
        ),
      );
    }
  }

  #fail(outgoing: Outgoing, error: VerackError): void {
    if (outgoing.done) return;
    this.#finish(outgoing);
    outgoing.error = error;
    outgoing.waiter?.failed(outgoing, error);
    this.#settings.onGivenUp(outgoing, error);
  }

  #finish(outgoing: Outgoing): void {
    const { content, to } = outgoing;
    outgoing.done = true;
    this.#tally(outgoing, -1);
    this.#settings.store?.deleteOutgoing(content.key, to);
    const peer = this.#peers.get(to);
    if (peer?.count === 0 && peer.sender === undefined) this.#peers.delete(to);
  }
}

function sizeOf(content: Content): number {
  return content.payload.length;
}

function fieldsOf(message: ConstructorParameters<typeof Content>[0]) {
  const { id, topic, body, createdAt, ttlMs } = message;
  return { id, topic, body, createdAt, ttlMs };
}

function expired(outgoing: Outgoing): VerackError {
  const { ttlMs } = outgoing.content;
  const doubt = outgoing.begun
    ? "; it was sent, so that it may have arrived all the same"
    : "";
  return new VerackError(
    "undelivered",
    `Cannot deliver to ${
      shortId(outgoing.to)
    }: no acknowledgement within ${ttlMs} ms${doubt}`,
  );
}
