/**
 * Unacknowledged messages of a node, in order for each peer and topic: stored first,
 * then sent on the peer's session, and again on each later one.
 *
 * Bounded: a message that does not fit is rejected at once, and some messages give way
 * for others.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import {
  MAX_POOLED_MESSAGES,
  SEND_AHEAD_BYTES,
  SEND_AHEAD_TOTAL_BYTES,
} from "./delivery_limits.ts";
import type { AckMessage, ResumeMessage } from "../wire/messages/ack.ts";
import type { FrameSink } from "./frame_sink.ts";
import { Commits } from "./commits.ts";
import type { MessageStore } from "./message_store.ts";
import type { OutboxLimits } from "./outbox_limits.ts";
import {
  type Admitted,
  type EvictionNeed,
  givesWay,
  OutboxUsage,
  type Shortage,
} from "./outbox_usage.ts";
import {
  type MessageBody,
  type OutgoingMessage,
  recall,
} from "./outgoing_message.ts";
import { PeerQueue } from "./peer_queue.ts";
import { Sender, type SenderOptions } from "./sender.ts";
import { BufferPool } from "./buffer_pool.ts";

/** Settings of an {@linkcode Outbox}. */
export interface OutboxSettings {
  /** Absent if messages do not outlive the node. */
  readonly store: MessageStore | undefined;
  readonly limits: OutboxLimits;
  readonly clock: Clock;
  /** See `DeliverySettings.keptNow`. */
  readonly keptNow: () => number;
  readonly magic: Uint8Array;
  /** A message was given up unacknowledged. */
  readonly onGivenUp: (outgoing: OutgoingMessage, error: VerackError) => void;
  /** Whether a peer's key lives in memory only. @default never */
  readonly isInMemory?: (peer: PeerId) => boolean;
  /** See `DeliverySettings.hasStanding`. @default always */
  readonly hasStanding?: (peer: PeerId) => boolean;
}

/** Outgoing messages of one node. */
export class Outbox {
  readonly #settings: OutboxSettings;
  readonly #peers = new Map<PeerId, PeerQueue>();
  readonly #pool = new BufferPool();
  readonly #sending: SenderOptions;
  readonly #usage: OutboxUsage;
  readonly #commits: Commits;
  /** Needs for which no message gives way, until the next tick, message or detached peer. */
  readonly #barren = new Set<string>();
  /** Peers with a sender. */
  #senders = 0;
  #closed: VerackError | undefined;
  /** Monotonic clock, milliseconds; nothing expires before. */
  #nextExpiry = Infinity;

  /** Loads what an earlier process left. */
  constructor(settings: OutboxSettings) {
    this.#settings = settings;
    const { clock, store, magic, limits } = settings;
    this.#usage = new OutboxUsage(limits);
    this.#sending = {
      magic,
      ahead: () => this.#ahead(),
      onSettled: (outgoing, acked) => this.#onSettled(outgoing, acked),
    };
    this.#commits = new Commits({
      store,
      onKept: (batch) => this.#releaseBatch(batch),
      onFailed: (batch, error) => batch.forEach((it) => this.giveUp(it, error)),
    });
    if (store === undefined) return;
    const now = { monotonic: clock.monotonic(), kept: settings.keptNow() };
    for (const outgoing of recall(store, now)) {
      this.#usage.tally(this.#peer(outgoing.to), outgoing.content, 1);
      this.#release(outgoing);
    }
  }

  /** Unacknowledged messages. */
  get count(): number {
    return this.#usage.count;
  }

  /** Bytes of their bodies and topics; a body with several receivers counts once. */
  get bytes(): number {
    return this.#usage.bytes;
  }

  /** Messages that one peer has not acknowledged. */
  countFor(to: PeerId): number {
    return this.#peers.get(to)?.count ?? 0;
  }

  /** Whether a message waits that has this peer as its only receiver. */
  isAwaited(to: PeerId): boolean {
    return (this.#peers.get(to)?.alone ?? 0) > 0;
  }

  /**
   * Admits a message, evicting other messages if they give way for it; returns the
   * error if it does not fit.
   *
   * @param admitted Earlier receivers of the same body, to which this one is added;
   * those with standing first.
   */
  admit(
    to: PeerId,
    bytes: number,
    admitted?: Admitted,
  ): VerackError | undefined {
    if (this.#closed !== undefined) return this.#closed;
    const known = this.#peers.get(to);
    const peer = known ?? new PeerQueue(to, this.#hasStanding(to));
    const isConnected = peer.sender !== undefined;
    if (known !== undefined) this.#refreshStanding(known);
    for (;;) {
      const shortage = this.#usage.shortage(peer, bytes, admitted);
      if (shortage === undefined) break;
      const need = { hasStanding: peer.hasStanding, isTotal: shortage.isTotal };
      const helps = isConnected
        ? this.#usage.couldFit(bytes, admitted)
        : !this.#isInMemory(to);
      const absent = !helps ? "none" : isConnected ? "all" : "in-memory";
      if (this.#evict(shortage, { ...need, absent })) continue;
      return new VerackError("full", `Cannot send: ${shortage.what}`);
    }
    if (admitted === undefined) return undefined;
    admitted.messages++;
    if (!isConnected) admitted.absent++;
    if (!peer.hasStanding) admitted.strangers++;
    return undefined;
  }

  /** Stores a message that was admitted, and sends it once it is durable. */
  add(content: MessageBody, outgoings: readonly OutgoingMessage[]): void {
    const { store } = this.#settings;
    if (store !== undefined) {
      content.key = store.putOutgoing(content, outgoings.map(({ to }) => to));
    }
    for (const outgoing of outgoings) {
      this.#usage.tally(this.#peer(outgoing.to), content, 1);
    }
    this.#barren.clear();
    this.#commits.add(outgoings);
  }

  /** The buffer pool, for a message that is expected to leave soon. */
  poolFor(to: PeerId | undefined): BufferPool | undefined {
    if (this.count >= MAX_POOLED_MESSAGES) return undefined;
    return to === undefined || this.isAttached(to) ? this.#pool : undefined;
  }

  /** Whether there is a session to send on. */
  isAttached(to: PeerId): boolean {
    return this.#peers.get(to)?.sender !== undefined;
  }

  /** Sends to a peer by this sink from now on, beginning with unacknowledged messages. */
  attach(to: PeerId, sink: FrameSink): void {
    const peer = this.#peer(to);
    if (peer.sender?.sink === sink) return;
    if (peer.sender === undefined) {
      this.#senders++;
      this.#usage.move(peer, this.#contents(peer), 1);
    }
    peer.sender?.close();
    for (const stream of peer.streams.values()) stream.rewind();
    const sender = new Sender(sink, this.#sending);
    peer.sender = sender;
    for (const stream of peer.streams.values()) sender.wake(stream);
    sender.pump();
  }

  /** The last session with a peer has ended. */
  detach(to: PeerId): void {
    const peer = this.#peers.get(to);
    if (peer?.sender === undefined) return;
    peer.sender.close();
    peer.sender = undefined;
    this.#senders--;
    this.#barren.clear();
    this.#refreshStanding(peer);
    for (const stream of peer.streams.values()) stream.rewind();
    this.#usage.move(peer, this.#contents(peer), -1);
    for (const outgoing of peer) outgoing.waiter?.disconnected?.(outgoing);
    if (peer.count === 0) this.#peers.delete(to);
  }

  /** Handles `ack`; false if messages are not sent on that session. */
  onAck(to: PeerId, sink: FrameSink, ack: AckMessage): boolean {
    const peer = this.#peers.get(to);
    // The newer session repeats what an older one still acknowledges.
    if (peer?.sender?.sink !== sink) return false;
    peer.sender.onAck(ack);
    peer.prune();
    return true;
  }

  /** Handles `resume`; false if messages are not sent on that session. */
  onResume(to: PeerId, sink: FrameSink, resume: ResumeMessage): boolean {
    const sender = this.#peers.get(to)?.sender;
    if (sender?.sink !== sink) return false;
    sender.onResume(resume);
    return true;
  }

  /** Gives up one message. */
  giveUp(outgoing: OutgoingMessage, error: VerackError): void {
    this.#fail(outgoing, error);
    outgoing.stream?.sweep();
  }

  /** Absent peers for which messages wait. */
  away(): PeerId[] {
    return [...this.#peers.values()]
      .filter(({ sender, count }) => sender === undefined && count > 0)
      .map(({ to }) => to);
  }

  /** Gives up all messages to a peer. */
  giveUpPeer(to: PeerId, error: VerackError): void {
    const peer = this.#peers.get(to);
    if (peer === undefined) return;
    for (const outgoing of [...this.#waitingFor(peer)]) {
      this.#fail(outgoing, error);
    }
    for (const stream of peer.streams.values()) stream.sweep();
    peer.prune();
  }

  /** Gives up expired messages. */
  tick(now: number): void {
    this.#barren.clear();
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Infinity;
    for (const peer of [...this.#peers.values()]) {
      for (const outgoing of [...peer]) {
        if (outgoing.expiresAt > now) this.#expectExpiry(outgoing.expiresAt);
        else this.#fail(outgoing, outgoing.expired());
      }
      for (const stream of peer.streams.values()) stream.sweep();
    }
  }

  /** Sends nothing more; the store keeps what is not acknowledged. */
  close(error: VerackError): void {
    this.#closed = error;
    for (const peer of this.#peers.values()) {
      for (const outgoing of peer) outgoing.waiter?.failed(outgoing, error);
    }
    this.#commits.close(error);
    this.#peers.clear();
  }

  #peer(to: PeerId): PeerQueue {
    let peer = this.#peers.get(to);
    peer ??= new PeerQueue(to, this.#hasStanding(to));
    this.#peers.set(to, peer);
    return peer;
  }

  /** Checks again whether a peer has standing; true if that has changed. */
  #refreshStanding(peer: PeerQueue): boolean {
    const hasStanding = this.#hasStanding(peer.to);
    if (hasStanding === peer.hasStanding) return false;
    this.#usage.setStanding(peer, this.#contents(peer), hasStanding);
    return true;
  }

  /** Unacknowledged messages to a peer, those included that are not durable yet. */
  *#waitingFor(peer: PeerQueue): Iterable<OutgoingMessage> {
    yield* peer;
    for (const outgoing of this.#commits.pending) {
      if (outgoing.to === peer.to && !outgoing.done) yield outgoing;
    }
  }

  *#contents(peer: PeerQueue): Iterable<MessageBody> {
    for (const { content } of this.#waitingFor(peer)) yield content;
  }

  #isInMemory(peer: PeerId): boolean {
    return this.#settings.isInMemory?.(peer) ?? false;
  }

  #hasStanding(peer: PeerId): boolean {
    return this.#settings.hasStanding?.(peer) ?? true;
  }

  /** Gives up one message that gives way for another; false if none does. */
  #evict({ of }: Shortage, need: EvictionNeed): boolean {
    const key = JSON.stringify({ of, ...need });
    if (of === "own share" || this.#barren.has(key)) return false;
    const victim = this.#usage.victim(this.#peers.values(), {
      isInMemory: (peer) => this.#isInMemory(peer),
      mayLose: (peer) => givesWay(peer, this.#isInMemory(peer.to), need),
      freesBytes: of === "bytes",
      unreleased: this.#commits.pending,
    });
    if (victim === undefined) {
      // For connected peers with standing, each acknowledgement may change it.
      if (!need.hasStanding || need.absent !== "all") this.#barren.add(key);
      return false;
    }
    const peer = this.#peer(victim.to);
    if (this.#refreshStanding(peer)) return true;
    this.#fail(victim, victim.evicted());
    peer.sweepEvicted(victim);
    return true;
  }

  #releaseBatch(batch: readonly OutgoingMessage[]): void {
    const senders = new Set<Sender>();
    let last: PeerId | undefined;
    for (const outgoing of batch) {
      if (outgoing.done) continue;
      const sender = this.#release(outgoing);
      if (sender === undefined || outgoing.to === last) continue;
      senders.add(sender);
      last = outgoing.to;
    }
    for (const sender of senders) sender.pump();
  }

  #release(outgoing: OutgoingMessage): Sender | undefined {
    const { content, to } = outgoing;
    const peer = this.#peer(to);
    const stream = peer.stream(content.topic);
    stream.push(outgoing);
    this.#expectExpiry(outgoing.expiresAt);
    if (peer.sender === undefined) {
      content.detach();
      outgoing.waiter?.disconnected?.(outgoing);
    } else peer.sender.wake(stream);
    return peer.sender;
  }

  /** Bytes that one sender may queue, so that all together do not queue too much. */
  #ahead(): number {
    const share = SEND_AHEAD_TOTAL_BYTES / Math.max(1, this.#senders);
    return Math.min(SEND_AHEAD_BYTES, share);
  }

  #expectExpiry(at: number): void {
    if (at < this.#nextExpiry) this.#nextExpiry = at;
  }

  #onSettled(outgoing: OutgoingMessage, acked: boolean): void {
    if (outgoing.done) return;
    if (acked) {
      this.#finish(outgoing);
      outgoing.waiter?.acknowledged(outgoing);
    } else {
      this.giveUp(outgoing, outgoing.rejected());
    }
  }

  #fail(outgoing: OutgoingMessage, error: VerackError): void {
    if (outgoing.done) return;
    this.#finish(outgoing);
    outgoing.error = error;
    outgoing.waiter?.failed(outgoing, error);
    this.#settings.onGivenUp(outgoing, error);
  }

  #finish(outgoing: OutgoingMessage): void {
    const { content, to } = outgoing;
    outgoing.done = true;
    const peer = this.#peer(to);
    this.#usage.tally(peer, content, -1);
    this.#settings.store?.deleteOutgoing(content.key, to);
    if (peer.count === 0 && peer.sender === undefined) this.#peers.delete(to);
  }
}
