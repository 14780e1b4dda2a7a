/**
 * Everything a node has to send and has no acknowledgement of, in order, for each
 * peer and topic; kept in the store first, then sent on the session of the peer if
 * there is one, all of it again when there is another.
 *
 * Bounded; what does not fit is refused at once, and what waits for absent peers
 * makes room for connected ones. The sums are in `outbox_usage.ts`, how a session
 * is filled in `sender.ts`.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import {
  MAX_POOLED_MESSAGES,
  SEND_AHEAD_BYTES,
  SEND_AHEAD_TOTAL_BYTES,
} from "../delivery_limits.ts";
import type { AckMessage } from "../wire/messages/ack.ts";
import type { ResumeMessage } from "../wire/messages/resume.ts";
import type { FrameSink } from "./frame_sink.ts";
import { Commits } from "./commits.ts";
import { chooseVictim } from "./eviction.ts";
import type { MessageStore } from "./message_store.ts";
import type { OutboxLimits } from "./outbox_limits.ts";
import { type Admitted, OutboxUsage, type Shortage } from "./outbox_usage.ts";
import type { MessageBody, OutgoingMessage } from "./outgoing_message.ts";
import { evicted, expired, rejected } from "./outgoing_errors.ts";
import { PeerQueue } from "./peer_queue.ts";
import { recall } from "./recall.ts";
import { SendStream } from "./send_stream.ts";
import { Sender, type SenderOptions } from "./sender.ts";
import { BufferPool } from "./buffer_pool.ts";

/** Settings of an {@linkcode Outbox}. */
export interface OutboxSettings {
  /** Absent if nothing is to outlive the node. */
  readonly store: MessageStore | undefined;
  readonly limits: OutboxLimits;
  readonly clock: Clock;
  /** See `DeliverySettings.keptNow`. */
  readonly keptNow: () => number;
  readonly magic: Uint8Array;
  /** A message is not sent any more, though nobody acknowledged it. */
  readonly onGivenUp: (outgoing: OutgoingMessage, error: VerackError) => void;
  /** Whether a peer's key lives in memory only. @default never */
  readonly isInMemory?: (peer: PeerId) => boolean;
  /** See `DeliverySettings.hasStanding`. @default always */
  readonly hasStanding?: (peer: PeerId) => boolean;
}

/** Messages of one node on their way. */
export class Outbox {
  readonly #settings: OutboxSettings;
  readonly #peers = new Map<PeerId, PeerQueue>();
  readonly #pool = new BufferPool();
  readonly #sending: SenderOptions;
  readonly #usage: OutboxUsage;
  readonly #commits: Commits;
  /** What in-memory peers cannot give up, until the next tick or the next peer that goes. */
  readonly #barren = new Set<Shortage["of"]>();
  /** Peers with a sender. */
  #senders = 0;
  #closed: VerackError | undefined;
  /** Monotonic clock, milliseconds; nothing expires before. */
  #nextExpiry = Infinity;

  /** Takes up what an earlier process has left. */
  constructor(settings: OutboxSettings) {
    this.#settings = settings;
    const { clock, store, magic, limits } = settings;
    this.#usage = new OutboxUsage(limits);
    this.#sending = {
      magic,
      ahead: () => this.#ahead(),
      settled: (outgoing, taken) => this.#settled(outgoing, taken),
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

  /** Messages that are not acknowledged. */
  get count(): number {
    return this.#usage.count;
  }

  /** Bytes of their bodies and topics; a body with several receivers counts once. */
  get bytes(): number {
    return this.#usage.bytes;
  }

  /** Messages that a peer has not acknowledged. */
  countFor(to: PeerId): number {
    return this.#peers.get(to)?.count ?? 0;
  }

  /** Whether a message waits for a peer that is for it alone. */
  isAwaited(to: PeerId): boolean {
    return (this.#peers.get(to)?.alone ?? 0) > 0;
  }

  /**
   * Why a message does not fit, if it does not. Makes room for it if that can be
   * had of what waits for absent peers.
   *
   * @param admitted Receivers of the same body that fit, which it counts; the
   * connected ones come first.
   */
  refusal(
    to: PeerId,
    bytes: number,
    admitted?: Admitted,
  ): VerackError | undefined {
    if (this.#closed !== undefined) return this.#closed;
    const known = this.#peers.get(to);
    const peer = known ?? new PeerQueue(to, this.#hasStanding(to));
    const isConnected = peer.sender !== undefined;
    if (known !== undefined && !isConnected) this.#refresh(known);
    const mayEvict = isConnected
      ? this.#usage.couldFit(bytes, admitted)
      : !this.#isInMemory(to);
    let shortage: Shortage | undefined;
    do {
      shortage = this.#usage.shortage(peer, bytes, admitted);
    } while (
      shortage !== undefined && mayEvict && this.#evict(shortage, !isConnected)
    );
    if (shortage !== undefined) {
      return new VerackError("full", `Cannot send: ${shortage.what}`);
    }
    if (admitted === undefined) return undefined;
    admitted.messages++;
    if (!isConnected) admitted.absent++;
    if (!isConnected && !peer.hasStanding) admitted.strangers++;
    return undefined;
  }

  /** Keeps a message and sends it as soon as it is durable and may be. All must fit. */
  add(content: MessageBody, outgoings: readonly OutgoingMessage[]): void {
    const { store } = this.#settings;
    if (store !== undefined) {
      content.key = store.putOutgoing(content, outgoings.map(({ to }) => to));
    }
    for (const outgoing of outgoings) {
      this.#usage.tally(this.#peer(outgoing.to), content, 1);
    }
    this.#commits.add(outgoings);
  }

  /**
   * Memory for a message to somebody, or to several: pieces of pool blocks only while few
   * wait, and never for who is away.
   */
  memory(to: PeerId | undefined): BufferPool | undefined {
    if (this.count >= MAX_POOLED_MESSAGES) return undefined;
    return to === undefined || this.isAttached(to) ? this.#pool : undefined;
  }

  /** Whether there is a session to send on. */
  isAttached(to: PeerId): boolean {
    return this.#peers.get(to)?.sender !== undefined;
  }

  /** From now on a peer is sent to by this sink; what is not acknowledged goes again. */
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

  /** There is no session with a peer any more. */
  detach(to: PeerId): void {
    const peer = this.#peers.get(to);
    if (peer?.sender === undefined) return;
    peer.sender.close();
    peer.sender = undefined;
    this.#senders--;
    this.#barren.clear();
    peer.hasStanding = this.#hasStanding(to);
    for (const stream of peer.streams.values()) stream.rewind();
    this.#usage.move(peer, this.#contents(peer), -1);
    for (const outgoing of peer) outgoing.waiter?.disconnected?.(outgoing);
    if (peer.count === 0) this.#peers.delete(to);
  }

  /**
   * A peer said what became of messages; false if it said so on a session that is
   * not sent on.
   *
   * @throws {VerackError} `protocol` when that cannot be.
   */
  onAck(to: PeerId, sink: FrameSink, ack: AckMessage): boolean {
    const peer = this.#peers.get(to);
    // What an older session still says, the newer one will say again.
    if (peer?.sender?.sink !== sink) return false;
    peer.sender.onAck(ack);
    peer.prune();
    return true;
  }

  /**
   * A peer goes on with a body where an earlier session ended; false as in `onAck`.
   *
   * @throws {VerackError} `protocol` when that cannot be.
   */
  onResume(to: PeerId, sink: FrameSink, resume: ResumeMessage): boolean {
    const sender = this.#peers.get(to)?.sender;
    if (sender?.sink !== sink) return false;
    sender.onResume(resume);
    return true;
  }

  /** Does not send a message any more. */
  giveUp(outgoing: OutgoingMessage, error: VerackError): void {
    this.#fail(outgoing, error);
    outgoing.stream?.sweep();
  }

  /** Those for whom something waits and who are away. */
  away(): PeerId[] {
    return [...this.#peers.values()]
      .filter(({ sender, count }) => sender === undefined && count > 0)
      .map(({ to }) => to);
  }

  /** A peer is gone for good. */
  giveUpPeer(to: PeerId, error: VerackError): void {
    const peer = this.#peers.get(to);
    if (peer === undefined) return;
    for (const outgoing of [...this.#waitingFor(peer)]) {
      this.#fail(outgoing, error);
    }
    for (const stream of peer.streams.values()) stream.sweep();
    peer.prune();
  }

  /** Gives up what is too old. */
  tick(now: number): void {
    this.#barren.clear();
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
    this.#commits.close(error);
    this.#peers.clear();
  }

  #peer(to: PeerId): PeerQueue {
    let peer = this.#peers.get(to);
    peer ??= new PeerQueue(to, this.#hasStanding(to));
    this.#peers.set(to, peer);
    return peer;
  }

  /** Asks anew whether an absent peer has standing. */
  #refresh(peer: PeerQueue): void {
    const hasStanding = this.#hasStanding(peer.to);
    if (hasStanding === peer.hasStanding) return;
    this.#usage.turn(peer, this.#contents(peer), hasStanding);
  }

  /** Everything not acknowledged by a peer, also what is not durable yet. */
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

  /** Gives up what an absent peer waits for; false if nothing may be. */
  #evict({ of }: Shortage, inMemoryOnly: boolean): boolean {
    if (of === "own share" || (inMemoryOnly && this.#barren.has(of))) {
      return false;
    }
    const victim = chooseVictim(this.#peers.values(), {
      limits: this.#settings.limits,
      isInMemory: (peer) => this.#isInMemory(peer),
      inMemoryOnly,
      idleOnly: of === "bytes",
      unreleased: this.#commits.pending,
    });
    if (victim === undefined) {
      if (inMemoryOnly) this.#barren.add(of);
      return false;
    }
    this.#fail(victim, evicted(victim));
    victim.stream?.settle();
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

  #settled(outgoing: OutgoingMessage, taken: boolean): void {
    if (outgoing.done) return;
    if (taken) {
      this.#finish(outgoing);
      outgoing.waiter?.acknowledged(outgoing);
    } else {
      this.giveUp(outgoing, rejected(outgoing));
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
