/**
 * The messages of kept topics: which consumer gets which, and for how long. They are in the store
 * before they come here (`kept_intake.ts`), and here without their bodies.
 */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MAX_BODY_BYTES } from "../wire/wire_limits.ts";
import type { MessageFilter } from "./consumer.ts";
import {
  KEPT_REFRESH_MS,
  MAX_LEASED_MESSAGES,
  REDELIVERY_MIN_MS,
} from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import {
  IncomingMessage,
  type MessageOwner,
  PeerInbox,
  ReceiveStream,
} from "./incoming_message.ts";
import { KeptIndex } from "./kept_index.ts";
import { type Delivered, KeptLeases, unknownMessage } from "./kept_leases.ts";
import type { KeptFilter, KeptStreams } from "./kept_streams.ts";
import {
  checkDelayMs,
  type CheckedLease,
  checkLease,
  checkLeaseMs,
  type KeptMessage,
  type KeptTopic,
  type KeptTopics,
  type LeaseOptions,
  type NackOptions,
} from "./kept_topics.ts";
import type { StoredDeadLetter, StoredKeptMessage } from "./message_store.ts";
import { MessageId } from "./seen_ids.ts";

const UTF8 = new TextEncoder();

/** A consumer that waits for a message to lease. */
interface Waiter {
  readonly topic: string;
  /** Whether it got some, or an error. */
  attempt(): boolean;
}

/** What {@linkcode KeptMessages} needs of the inbox. */
export interface KeptOwner {
  /** Makes a dead letter. */
  bury(message: StoredDeadLetter): void;
  /** Serves consumers of the node's process; messages of a topic are ready. */
  onReady(topic: string): void;
  /** More messages fit. */
  onFreed(): void;
  /** A topic is kept, or not any more. */
  onChanged(topic: string): void;
  /** Streams of a topic that wait because their next message does not fit. */
  blocked(topic: string): number;
}

/** Kept topics of one node, and their consumers. */
export class KeptMessages implements KeptTopics, MessageOwner {
  readonly index: KeptIndex;
  readonly #settings: DeliverySettings;
  readonly #owner: KeptOwner;
  readonly #leases: KeptLeases;
  readonly #waiters = new Set<Waiter>();
  /** What consumers of the node's process have. */
  readonly #taken = new WeakMap<IncomingMessage, Delivered>();
  #nextRefresh = 0;
  #closed = false;

  constructor(settings: DeliverySettings, owner: KeptOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.index = new KeptIndex(settings);
    this.#leases = new KeptLeases({
      settings,
      index: this.index,
      bury: (message) => owner.bury(message),
      onReady: (topic) => this.ready(topic),
      onFreed: () => owner.onFreed(),
    });
  }

  // --- Topics ----------------------------------------------------------------

  list(): KeptTopic[] {
    const oldest = new Map<KeptStreams, number>();
    const seen = (topic: KeptStreams, at: number) =>
      oldest.set(topic, Math.min(oldest.get(topic) ?? Infinity, at));
    for (const { stream, entry } of this.#leases) {
      seen(stream.topic, entry.at);
    }
    return [...this.index.topics()].map((topic) => {
      for (const stream of topic) seen(topic, stream.oldestAt);
      const at = oldest.get(topic) ?? Infinity;
      const { name, messages, bytes, leased } = topic;
      const blocked = this.#owner.blocked(name);
      return {
        ...{ topic: name, messages, bytes, leased, blocked },
        ...(at < Infinity && { oldestAt: new Date(at) }),
      };
    });
  }

  keep(topic: string): boolean {
    this.#check("keep topic");
    if (!this.index.keepNow(topic)) return false;
    this.#owner.onChanged(topic);
    return true;
  }

  drop(topic: string): number {
    const streams = this.#topic(topic, "drop topic");
    const { messages } = streams;
    this.index.drop(streams);
    this.#leases.drop(streams);
    this.index.store.commit();
    this.#owner.onChanged(topic);
    this.#owner.onFreed();
    this.#serveWaiters(topic);
    return messages;
  }

  #topic(topic: string, action: string): KeptStreams {
    this.#check(action);
    const streams = this.index.at(topic);
    if (streams !== undefined) return streams;
    throw new VerackError(
      "unknown-topic",
      `Cannot ${action}: messages of this topic are not kept`,
    );
  }

  #check(action: string): void {
    if (!this.#closed) return;
    throw new VerackError("stopped", `Cannot ${action}: this node is closing`);
  }

  /** Messages of a topic can be delivered: serves those that wait. */
  ready(topic: string): void {
    this.#owner.onReady(topic);
    this.#serveWaiters(topic);
  }

  #serveWaiters(topic: string): void {
    for (const waiter of this.#waiters) {
      if (waiter.topic === topic && waiter.attempt()) {
        this.#waiters.delete(waiter);
      }
    }
  }

  // --- Consumers -------------------------------------------------------------

  lease(topic: string, options: LeaseOptions = {}): Promise<KeptMessage[]> {
    return new Promise((resolve, reject) => {
      const checked = checkLease(options);
      const { signal } = options;
      if (signal?.aborted) return resolve([]);
      const leased = this.#lease(topic, checked);
      if (leased.length > 0 || checked.waitMs === 0) return resolve(leased);
      const end = () => {
        cancel();
        this.#waiters.delete(waiter);
        signal?.removeEventListener("abort", giveUp);
      };
      const giveUp = () => (end(), resolve([]));
      const cancel = checked.waitMs === Infinity
        ? () => {}
        : this.#settings.clock.after(checked.waitMs, giveUp);
      const waiter: Waiter = {
        topic,
        attempt: () => {
          try {
            const leased = this.#lease(topic, checked);
            if (leased.length === 0) return false;
            resolve(leased);
          } catch (error) {
            reject(error);
          }
          end();
          return true;
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  #lease(topic: string, options: CheckedLease): KeptMessage[] {
    const streams = this.#topic(topic, "lease messages");
    const { max, leaseMs, anyOrder, since, consumer } = options;
    const now = this.#settings.clock.monotonic();
    const from = undefined;
    const filter: KeptFilter = { now, since, anyOrder, from, consumer };
    const leased: KeptMessage[] = [];
    const until = now + leaseMs;
    let bytes = 0;
    while (
      this.#leases.heldBy(consumer) < max &&
      streams.leased < MAX_LEASED_MESSAGES
    ) {
      const next = streams.next(filter);
      if (next === undefined) break;
      const [stream, entry] = next;
      if (leased.length > 0 && bytes + entry.bytes > MAX_BODY_BYTES) break;
      const given = this.#leases.deliver(stream, entry, until, consumer);
      if (given === undefined) continue;
      bytes += entry.bytes;
      leased.push(this.#shown(given.message, entry.deliveryCount + 1, until));
    }
    return leased;
  }

  /** The next message for a consumer of the node's process, which keeps it until it is settled. */
  take({ topic = "", from }: MessageFilter): IncomingMessage | undefined {
    const streams = this.index.at(topic);
    const now = this.#settings.clock.monotonic();
    const filter: KeptFilter = {
      ...{ now, since: -Infinity, anyOrder: false },
      ...{ from, consumer: {} },
    };
    while (true) {
      const next = streams?.next(filter);
      if (next === undefined) return undefined;
      const [stream, entry] = next;
      const { consumer } = filter;
      const given = this.#leases.deliver(stream, entry, Infinity, consumer);
      if (given === undefined) continue;
      const { message, delivered } = given;
      // The stream that a consumer expects; it has this message alone.
      const inbox = new PeerInbox(message.from, this, 0, false);
      const topicBytes = UTF8.encode(topic);
      const incoming = new IncomingMessage(
        new ReceiveStream(inbox, topic, topicBytes),
        new MessageId(message.id),
      );
      incoming.bytes = message.body;
      incoming.deliveryCount = entry.deliveryCount + 1;
      this.#taken.set(incoming, delivered);
      return incoming;
    }
  }

  #shown(
    { from, topic, id, body, at }: StoredKeptMessage,
    deliveryCount: number,
    leasedUntil: number | undefined,
  ): KeptMessage {
    const { clock } = this.#settings;
    const leftMs = (leasedUntil ?? Infinity) - clock.monotonic();
    return {
      id: id.toHex(),
      from,
      topic,
      body,
      receivedAt: new Date(at),
      deliveryCount,
      ...(leftMs < Infinity && { leasedUntil: new Date(clock.now() + leftMs) }),
    };
  }

  peek(
    topic: string,
    options: Pick<LeaseOptions, "max" | "since"> = {},
  ): KeptMessage[] {
    const streams = this.#topic(topic, "show messages");
    const { max, since } = checkLease(options);
    const entries = [...streams].flatMap((stream) =>
      [...stream].map((entry) => ({
        entry,
        until: undefined as number | undefined,
      }))
    );
    for (const { stream, entry, leasedUntil } of this.#leases) {
      if (stream.topic !== streams || leasedUntil === undefined) continue;
      entries.push({ entry, until: leasedUntil });
    }
    const shown: KeptMessage[] = [];
    let bytes = 0;
    entries.sort((a, b) => a.entry.key - b.entry.key);
    for (const { entry, until } of entries) {
      if (entry.at < since) continue;
      bytes += entry.bytes;
      if (shown.length >= max || (shown.length > 0 && bytes > MAX_BODY_BYTES)) {
        break;
      }
      const message = this.index.store.kept(entry.key);
      if (message === undefined) continue;
      const count = entry.deliveryCount + (until === undefined ? 0 : 1);
      shown.push(this.#shown(message, count, until));
    }
    return shown;
  }

  get(id: string, from?: PeerId): KeptMessage {
    const { entry, leasedUntil } = this.#find(id, from, "show");
    const message = this.index.store.kept(entry.key);
    if (message === undefined) throw unknownMessage("show");
    const count = entry.deliveryCount + (leasedUntil === undefined ? 0 : 1);
    return this.#shown(message, count, leasedUntil);
  }

  async ack(id: string, from?: PeerId): Promise<void> {
    const delivered = this.#find(id, from, "ack");
    const since = this.index.store.losses;
    this.#leases.ack(delivered);
    await this.index.store.committed(since).catch((error) => {
      if (!this.#closed) this.#leases.restore(delivered);
      throw error;
    });
  }

  async nack(
    id: string,
    { reason = "", delayMs }: NackOptions = {},
    from?: PeerId,
  ): Promise<void> {
    const delivered = this.#find(id, from, "nack");
    checkDelayMs(delayMs);
    // Its lease has ended, which counted.
    if (delivered.leasedUntil === undefined) return;
    const since = this.index.store.losses;
    this.#leases.nack(delivered, reason, delayMs);
    await this.index.store.committed(since);
  }

  release(id: string, from?: PeerId): void {
    const delivered = this.#find(id, from, "release");
    this.#leases.release(delivered, 0);
    this.ready(delivered.stream.topic.name);
  }

  leave(consumer: object): void {
    if (!this.#closed) this.#leases.leave(consumer);
  }

  extend(id: string, leaseMs: number, from?: PeerId): void {
    checkLeaseMs(leaseMs);
    this.#leases.extend(this.#find(id, from, "extend lease of"), leaseMs);
  }

  #find(id: string, from: PeerId | undefined, action: string): Delivered {
    this.#check(`${action} message`);
    return this.#leases.find(id, from, action);
  }

  // --- Consumers of the node's process ---------------------------------------

  acked(incoming: IncomingMessage): void {
    const delivered = this.#deliveredAs(incoming);
    if (delivered === undefined) return;
    try {
      this.#leases.ack(delivered);
    } catch (error) {
      this.#leases.release(delivered, REDELIVERY_MIN_MS);
      throw error;
    }
    incoming.isDone = true;
  }

  nacked(incoming: IncomingMessage, reason: string): void {
    const delivered = this.#deliveredAs(incoming);
    if (delivered?.leasedUntil === undefined) return;
    this.#leases.nack(delivered, reason);
  }

  released(incoming: IncomingMessage): void {
    const delivered = this.#deliveredAs(incoming);
    if (delivered?.leasedUntil === undefined) return;
    this.#leases.nack(delivered, "", 0);
  }

  #deliveredAs(incoming: IncomingMessage): Delivered | undefined {
    const delivered = this.#taken.get(incoming);
    const isThere = delivered !== undefined && this.#leases.has(delivered);
    return isThere && !this.#closed ? delivered : undefined;
  }

  // --- Time ------------------------------------------------------------------

  /** Ends leases that are over, and delivers messages that have rested. */
  tick(now: number): void {
    if (now >= this.#nextRefresh) {
      this.#nextRefresh = now + KEPT_REFRESH_MS;
      this.index.refresh();
    }
    this.#leases.tick(now);
  }

  /** Ends; messages that are not acked stay in the store. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiters]) waiter.attempt();
    this.#waiters.clear();
  }
}
