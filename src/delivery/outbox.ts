/**
 * Unacknowledged messages of a node, in order for each peer and topic: stored first,
 * then sent on the peer's session, and again on each later one.
 *
 * Bounded: a message that does not fit is rejected at once, and some messages are evicted for
 * others.
 */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { aheadOf } from "../session/send_turns.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import type { FrameSink } from "./frame_sink.ts";
import { type Acceptance, MessageBody } from "./message_body.ts";
import {
  type Admitted,
  type EvictionNeed,
  OutboxUsage,
  PeerQueue,
  type PeerQueues,
} from "./outbox_usage.ts";
import { OutgoingMessage } from "./outgoing_message.ts";
import { magicWord } from "../wire/frame.ts";
import { Sender, type SenderOptions } from "./sender.ts";

/** Outgoing messages of one node. */
export class Outbox {
  readonly #settings: DeliverySettings;
  readonly #queues: PeerQueues;
  readonly #sending: SenderOptions;
  readonly usage: OutboxUsage;
  /** Messages that are not durable yet: those being committed, and the next. */
  #committing: readonly OutgoingMessage[] = [];
  #uncommitted: OutgoingMessage[] = [];
  /** `MessageStore.losses` before the first of them was written. */
  #since = 0;
  #isCommitting = false;
  /** Needs for which no message gives way, until the next tick, message or detached peer. */
  readonly #barren = new Set<string>();
  /** Peers with a sender. */
  #senders = 0;
  #closed: VerackError | undefined;
  /** The queue that was last looked up, which is often the next one too. */
  #last: PeerQueue | undefined;
  /** Monotonic clock, milliseconds; nothing expires before. */
  #nextExpiry = Infinity;

  /** Loads what an earlier process left. */
  constructor(settings: DeliverySettings, queues: PeerQueues) {
    this.#settings = settings;
    this.#queues = queues;
    this.usage = new OutboxUsage(settings.limits, settings.isInMemory);
    this.#sending = {
      clock: settings.clock,
      magic: magicWord(settings.magic),
      ahead: () => aheadOf(this.#senders),
      onSettled: (...settled) => this.#onSettled(...settled),
    };
    this.#recall();
  }

  /** Unacknowledged messages. */
  get messages(): number {
    return this.usage.count;
  }

  /** Bytes of their bodies and topics; a body with several receivers counts once. */
  get bytes(): number {
    return this.usage.bytes;
  }

  /** Messages that one peer has not acknowledged. */
  countFor(to: PeerId): number {
    return this.#queues.get(to)?.count ?? 0;
  }

  /** Absent peers for which messages wait. */
  away(): PeerId[] {
    return [...this.#queues.values()]
      .filter(({ sender, count }) => sender === undefined && count > 0)
      .map(({ to }) => to);
  }

  // --- Messages --------------------------------------------------------------

  /**
   * The queue of a peer; a new one, that is not kept, if nothing waits for the peer. The standing
   * of the peer is checked once in a turn of the event loop.
   */
  queue(to: PeerId, turn: Acceptance): PeerQueue {
    const known = this.#known(to);
    if (known === undefined) return this.#newPeer(to);
    if (known.checkedIn !== turn) this.#refreshStanding(known);
    known.checkedIn = turn;
    return known;
  }

  /**
   * Admits a message, evicting other messages if they give way for it; returns the
   * error if it does not fit.
   *
   * @param admitted Earlier receivers of the same body, to which this one is added;
   * those with standing first.
   */
  admit(
    peer: PeerQueue,
    bytes: number,
    admitted?: Admitted,
  ): VerackError | undefined {
    if (this.#closed !== undefined) return this.#closed;
    const { to, sender, hasStanding } = peer;
    for (;;) {
      const shortage = this.usage.shortage(peer, bytes, admitted);
      if (shortage === undefined) break;
      const helps = sender === undefined
        ? !this.#settings.isInMemory(to)
        : this.usage.couldFit(bytes, admitted);
      const absent = !helps ? "none" : sender ? "all" : "in-memory";
      const { of, isTotal } = shortage;
      if (this.#evict({ of, hasStanding, isTotal, absent })) continue;
      return new VerackError("full", `Cannot send: ${shortage.what}`);
    }
    admitted?.add(peer);
    return undefined;
  }

  /** Stores a message that was admitted, and sends it once it is durable. */
  add(content: MessageBody, outgoings: readonly OutgoingMessage[]): void {
    const { store } = this.#settings;
    if (store !== undefined) {
      if (this.#uncommitted.length === 0) this.#since = store.losses;
      content.key = store.putOutgoing(content, outgoings.map(({ to }) => to));
    }
    for (const outgoing of outgoings) {
      this.usage.tally(this.#peer(outgoing.to), content, 1);
      this.#uncommitted.push(outgoing);
    }
    // Clearing a set allocates, even an empty one.
    if (this.#barren.size > 0) this.#barren.clear();
    if (!this.#isCommitting) this.#commit();
  }

  /** Gives up one message. */
  giveUp(outgoing: OutgoingMessage, error: VerackError): void {
    this.#fail(outgoing, error);
    outgoing.stream?.sweep();
  }

  /** Gives up all messages to a peer. */
  giveUpPeer(to: PeerId, error: VerackError): void {
    const peer = this.#queues.get(to);
    if (peer === undefined) return;
    for (const outgoing of [...this.#waitingFor(peer)]) {
      this.#fail(outgoing, error);
    }
    for (const stream of peer.streams.values()) stream.sweep();
  }

  /** Gives up expired messages. */
  tick(now: number): void {
    this.#barren.clear();
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Infinity;
    for (const peer of [...this.#queues.values()]) {
      for (const outgoing of [...peer]) {
        const { expiresAt } = outgoing.content;
        if (expiresAt <= now) this.#fail(outgoing, outgoing.expired());
        else this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
      }
      for (const stream of peer.streams.values()) stream.sweep();
    }
  }

  /** Sends nothing more; the store keeps what is not acknowledged. */
  close(error: VerackError): void {
    this.#closed = error;
    for (const peer of this.#queues.values()) stop(peer, error);
    stop(this.#uncommitted, error);
    this.#uncommitted = [];
    this.#queues.clear();
    this.#last = undefined;
  }

  // --- Sessions --------------------------------------------------------------

  /** Sends to a peer by this sink from now on, beginning with unacknowledged messages. */
  attach(to: PeerId, sink: FrameSink): void {
    const peer = this.#peer(to);
    if (peer.sender?.sink === sink) return;
    if (peer.sender === undefined) {
      this.#senders++;
      this.usage.move(peer, this.#contents(peer), 1);
    }
    peer.sender?.close();
    const sender = peer.sender = new Sender(sink, this.#sending);
    for (const stream of peer.streams.values()) {
      stream.rewind();
      sender.wake(stream);
    }
    sender.pump();
  }

  /** The last session with a peer has ended. */
  detach(to: PeerId): void {
    const peer = this.#queues.get(to);
    if (peer?.sender === undefined) return;
    peer.sender.close();
    peer.sender = undefined;
    this.#senders--;
    this.#barren.clear();
    this.#refreshStanding(peer);
    for (const stream of peer.streams.values()) stream.rewind();
    this.usage.move(peer, this.#contents(peer), -1);
    for (const outgoing of peer) outgoing.disconnected();
    if (peer.count === 0) this.#forget(to);
  }

  /** The sender to a peer, if it sends on this session. */
  senderOn(to: PeerId, sink: FrameSink): Sender | undefined {
    const sender = this.#known(to)?.sender;
    // The newer session repeats what an older one still acknowledges.
    return sender?.sink === sink ? sender : undefined;
  }

  // --- Storing ---------------------------------------------------------------

  /** Loads all messages that an earlier process left unacknowledged, each body once. */
  #recall(): void {
    const { store, clock, keptNow } = this.#settings;
    const { magic } = this.#sending;
    for (const { message, key, to } of store?.outgoing() ?? []) {
      const { id, topic, body, createdAt, ttlMs } = message;
      const age = Math.max(0, keptNow() - createdAt);
      const accepted = { kept: createdAt, monotonic: clock.monotonic() - age };
      const fields = { id, topic, body, ttlMs, accepted };
      const content = new MessageBody(magic, fields, to.length > 1);
      content.key = key;
      for (const one of to) {
        const outgoing = new OutgoingMessage(content, one);
        outgoing.isRecalled = true;
        this.usage.tally(this.#peer(one), content, 1);
        this.#release(outgoing);
      }
    }
  }

  /** Messages of one turn of the event loop share a commit, after which they are sent. */
  async #commit(): Promise<void> {
    const { store } = this.#settings;
    this.#isCommitting = true;
    await Promise.resolve();
    while (this.#uncommitted.length > 0) {
      const batch = this.#committing = this.#uncommitted;
      this.#uncommitted = [];
      let failure: VerackError | undefined;
      try {
        await store?.committed(this.#since);
      } catch (error) {
        failure = OutgoingMessage.notKept(error);
      }
      this.#committing = [];
      if (failure !== undefined) {
        for (const outgoing of batch) this.giveUp(outgoing, failure);
      } else if (this.#closed !== undefined) stop(batch, this.#closed);
      else this.#releaseBatch(batch);
    }
    this.#isCommitting = false;
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
    this.#nextExpiry = Math.min(this.#nextExpiry, content.expiresAt);
    if (peer.sender === undefined) {
      content.detach();
      outgoing.disconnected();
    } else peer.sender.wake(stream);
    return peer.sender;
  }

  // --- Peers and eviction ----------------------------------------------------

  #known(to: PeerId): PeerQueue | undefined {
    if (this.#last?.to !== to) this.#last = this.#queues.get(to);
    return this.#last;
  }

  #forget(to: PeerId): void {
    this.#queues.delete(to);
    this.#last = undefined;
  }

  #peer(to: PeerId): PeerQueue {
    let peer = this.#known(to);
    if (peer === undefined) {
      peer = this.#newPeer(to);
      this.#queues.set(to, peer);
    }
    return peer;
  }

  #newPeer(to: PeerId): PeerQueue {
    return new PeerQueue(to, this.#settings.hasStanding(to));
  }

  /** Checks again whether a peer has standing; true if that has changed. */
  #refreshStanding(peer: PeerQueue): boolean {
    const hasStanding = this.#settings.hasStanding(peer.to);
    if (hasStanding === peer.hasStanding) return false;
    this.usage.setStanding(peer, this.#contents(peer), hasStanding);
    return true;
  }

  /** Unacknowledged messages to a peer, those included that are not durable yet. */
  *#waitingFor(peer: PeerQueue): Iterable<OutgoingMessage> {
    yield* peer;
    for (const outgoing of this.#pending()) {
      if (outgoing.to === peer.to && !outgoing.done) yield outgoing;
    }
  }

  *#contents(peer: PeerQueue): Iterable<MessageBody> {
    for (const { content } of this.#waitingFor(peer)) yield content;
  }

  #pending(): OutgoingMessage[] {
    return [...this.#committing, ...this.#uncommitted];
  }

  /** Gives up one message that gives way for another; false if none does. */
  #evict(need: EvictionNeed): boolean {
    const key = JSON.stringify(need);
    if (need.of === "own share" || this.#barren.has(key)) return false;
    const peers = this.#queues.values();
    const victim = this.usage.victim(peers, need, this.#pending());
    if (victim === undefined) {
      // For connected peers with standing, each acknowledgement may change it.
      if (!need.hasStanding || need.absent !== "all") this.#barren.add(key);
      return false;
    }
    const peer = this.#peer(victim.to);
    if (this.#refreshStanding(peer)) return true;
    this.#fail(victim, victim.evicted());
    // Behind a begun message it would stay until that is acknowledged.
    if (peer.sender === undefined) victim.stream?.settle();
    else victim.stream?.sweep();
    return true;
  }

  // --- Ends ------------------------------------------------------------------

  #onSettled(outgoing: OutgoingMessage, acked: boolean, now: number): void {
    if (outgoing.done) return;
    if (!acked) return this.giveUp(outgoing, outgoing.rejected());
    this.#finish(outgoing);
    this.#settings.counters.messagesDelivered++;
    this.#settings.deliveryMs.add(now - outgoing.since);
    outgoing.acknowledged();
  }

  #fail(outgoing: OutgoingMessage, error: VerackError): void {
    if (outgoing.done) return;
    outgoing.content.keep();
    this.#finish(outgoing);
    this.#settings.counters.messagesUndelivered++;
    outgoing.error = error;
    outgoing.failed(error);
    this.#settings.onGivenUp(outgoing, error);
  }

  #finish(outgoing: OutgoingMessage): void {
    const { content, to } = outgoing;
    outgoing.done = true;
    const peer = this.#peer(to);
    this.#settings.store?.deleteOutgoing(content.key, to);
    this.usage.tally(peer, content, -1);
    if (peer.count === 0 && peer.sender === undefined) this.#forget(to);
  }
}

/** Rejects the promises of callers, since the node has ended; the messages stay in the store. */
function stop(outgoings: Iterable<OutgoingMessage>, error: VerackError): void {
  for (const outgoing of outgoings) {
    if (!outgoing.done) outgoing.failed(error);
  }
}
