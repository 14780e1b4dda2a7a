/**
 * Messages of kept topics that were delivered and are not acked: with a consumer until their lease
 * ends, then waiting again.
 */
import { backoffMs } from "../core/backoff.ts";
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { REDELIVERY_MAX_MS, REDELIVERY_MIN_MS } from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import type { KeptIndex } from "./kept_index.ts";
import type { KeptEntry, KeptStream, KeptStreams } from "./kept_streams.ts";
import type { StoredDeadLetter, StoredKeptMessage } from "./message_store.ts";

const REDELIVERY = { minMs: REDELIVERY_MIN_MS, maxMs: REDELIVERY_MAX_MS };

/** The reason of a dead letter: its last lease has ended. */
const TOO_LATE = "no consumer acked it in time";

/** A message that was delivered and is not acked. */
export interface Delivered {
  readonly stream: KeptStream;
  readonly entry: KeptEntry;
  /** 32 hex digits. */
  readonly id: string;
  readonly consumer: object;
  /**
   * When its lease ends, monotonic clock, milliseconds; absent once it has ended, `Infinity` for
   * a consumer of the node's process.
   */
  leasedUntil: number | undefined;
}

/** Dependencies of {@linkcode KeptLeases}. */
export interface KeptLeasesOptions {
  readonly settings: Pick<
    DeliverySettings,
    "clock" | "counters" | "maxDeliveries"
  >;
  readonly index: KeptIndex;
  /** Makes a dead letter. */
  readonly bury: (message: StoredDeadLetter) => void;
  /** Messages of a topic can be delivered. */
  readonly onReady: (topic: string) => void;
  /** More messages fit. */
  readonly onFreed: () => void;
}

/** Messages that consumers of one node have or had. */
export class KeptLeases {
  readonly #options: KeptLeasesOptions;
  /** By the keys of the store. */
  readonly #delivered = new Map<number, Delivered>();
  /** The same by their ids, which senders choose and may use again. */
  readonly #byId = new Map<string, Delivered[]>();
  /** How many each consumer has. */
  readonly #held = new Map<object, number>();

  constructor(options: KeptLeasesOptions) {
    this.#options = options;
  }

  /** How many one consumer has. */
  heldBy(consumer: object): number {
    return this.#held.get(consumer) ?? 0;
  }

  /** All that are not acked. */
  [Symbol.iterator](): IterableIterator<Delivered> {
    return this.#delivered.values();
  }

  /** Takes a message that waits for a consumer; nothing if it is not in the store. */
  deliver(
    stream: KeptStream,
    entry: KeptEntry,
    leasedUntil: number,
    consumer: object,
  ):
    | { readonly message: StoredKeptMessage; readonly delivered: Delivered }
    | undefined {
    const { index } = this.#options;
    const message = index.store.kept(entry.key);
    stream.remove(entry);
    if (message === undefined) {
      index.leave(stream, entry);
      return undefined;
    }
    const id = message.id.toHex();
    const delivered = { stream, entry, id, consumer, leasedUntil };
    this.#add(delivered);
    this.#held.set(consumer, this.heldBy(consumer) + 1);
    stream.lease(consumer);
    stream.topic.leased++;
    return { message, delivered };
  }

  /** Whether a message is not acked. */
  has(delivered: Delivered): boolean {
    return this.#delivered.get(delivered.entry.key) === delivered;
  }

  /** The message with an id, which no consumer may have any more; the oldest of a sender. */
  find(id: string, from: PeerId | undefined, action: string): Delivered {
    const wanted = id.toLowerCase();
    const all = this.#byId.get(wanted) ?? [];
    const found = from === undefined
      ? all
      : all.filter(({ stream }) => stream.sender.from === from);
    const [first] = found;
    if (first === undefined) throw unknownMessage(action);
    const senders = new Set(found.map(({ stream }) => stream.sender.from));
    if (senders.size === 1) return first;
    throw new VerackError(
      "ambiguous",
      `Cannot ${action} message: ${senders.size} senders used this id, must be given with one of them: ${
        [...senders].join(", ")
      }`,
    );
  }

  /** Deletes a message. The store comes first, because it may fail. */
  ack(delivered: Delivered): void {
    this.#delete(delivered);
    this.#options.settings.counters.messagesAcked++;
  }

  #delete(delivered: Delivered): void {
    const { index, onFreed, onReady } = this.#options;
    const { stream, entry } = delivered;
    index.store.deleteKept(entry.key);
    this.#end(delivered);
    index.leave(stream, entry);
    onFreed();
    onReady(stream.topic.name);
  }

  /** The ack of a message was lost with other writes: it waits again. */
  restore({ stream, entry }: Delivered): void {
    entry.restsUntil = 0;
    this.#options.index.restore(stream, entry);
    this.#options.onReady(stream.topic.name);
  }

  /** A delivery ended without an ack: it waits again, or is a dead letter if it was the last. */
  nack(delivered: Delivered, reason: string, delayMs?: number): void {
    const { settings, index, bury, onReady } = this.#options;
    const { stream, entry } = delivered;
    settings.counters.messagesNacked++;
    const count = entry.deliveryCount + 1;
    const message = count >= settings.maxDeliveries
      ? index.store.kept(entry.key)
      : undefined;
    if (message !== undefined) {
      const { from, id, topic, body } = message;
      const at = settings.clock.now();
      bury({ from, id, topic, body, reason, at });
      return this.#delete(delivered);
    }
    entry.deliveryCount = count;
    this.release(delivered, delayMs ?? backoffMs(count, REDELIVERY));
    index.store.putKeptDeliveryCount(entry.key, count);
    onReady(stream.topic.name);
  }

  /** A message waits again, and rests for a while. */
  release(delivered: Delivered, delayMs: number): void {
    if (delivered.leasedUntil === undefined) return;
    const { stream, entry } = delivered;
    delivered.leasedUntil = undefined;
    this.#unlease(delivered);
    const now = this.#options.settings.clock.monotonic();
    entry.restsUntil = delayMs > 0 ? now + delayMs : 0;
    stream.putBack(entry);
  }

  /** Has a lease end `leaseMs` from now. */
  extend(delivered: Delivered, leaseMs: number): void {
    const { leasedUntil } = delivered;
    if (leasedUntil === undefined) throw unknownMessage("extend lease of");
    if (leasedUntil === Infinity) return;
    const { clock } = this.#options.settings;
    delivered.leasedUntil = clock.monotonic() + leaseMs;
  }

  /** Messages of one consumer wait again. */
  leave(consumer: object): void {
    const topics = new Set<string>();
    for (const delivered of this) {
      if (delivered.consumer !== consumer) continue;
      this.release(delivered, 0);
      topics.add(delivered.stream.topic.name);
    }
    for (const topic of topics) this.#options.onReady(topic);
  }

  /** A topic is not kept any more; what waits under it was dropped. */
  drop(topic: KeptStreams): void {
    for (const delivered of this) {
      const { stream, entry, leasedUntil } = delivered;
      if (stream.topic !== topic) continue;
      this.#remove(delivered);
      if (leasedUntil === undefined) continue;
      this.#unlease(delivered);
      this.#options.index.leave(stream, entry);
    }
  }

  /** Ends leases that are over, and has messages delivered that have rested. */
  tick(now: number): void {
    const ready = new Set<string>();
    for (const delivered of this) {
      const { entry, leasedUntil, stream } = delivered;
      if (leasedUntil === undefined) {
        if (entry.restsUntil === 0 || entry.restsUntil > now) continue;
        entry.restsUntil = 0;
        ready.add(stream.topic.name);
      } else if (leasedUntil <= now) {
        this.#expire(delivered);
      }
    }
    for (const topic of ready) this.#options.onReady(topic);
  }

  #expire(delivered: Delivered): void {
    try {
      this.nack(delivered, TOO_LATE, 0);
    } catch {
      // The disk is full, which the database reports: the count is lost, or comes later.
      this.release(delivered, REDELIVERY_MIN_MS);
    }
  }

  /** In the place of an earlier delivery of it. */
  #add(delivered: Delivered): void {
    const { entry: { key }, id } = delivered;
    const before = this.#delivered.get(key);
    if (before !== undefined) this.#remove(before);
    this.#delivered.set(key, delivered);
    const all = this.#byId.get(id);
    if (all === undefined) this.#byId.set(id, [delivered]);
    else all.push(delivered);
  }

  #remove(delivered: Delivered): void {
    const { entry: { key }, id } = delivered;
    this.#delivered.delete(key);
    const all = this.#byId.get(id)?.filter((one) => one !== delivered) ?? [];
    if (all.length === 0) this.#byId.delete(id);
    else this.#byId.set(id, all);
  }

  #end(delivered: Delivered): void {
    const { stream, entry, leasedUntil } = delivered;
    this.#remove(delivered);
    if (leasedUntil === undefined) stream.remove(entry);
    else this.#unlease(delivered);
  }

  #unlease({ stream, consumer }: Delivered): void {
    const held = this.heldBy(consumer) - 1;
    if (held > 0) this.#held.set(consumer, held);
    else this.#held.delete(consumer);
    stream.outstanding--;
    stream.topic.leased--;
  }
}

/** The error about an id that no delivered message has. */
export function unknownMessage(action: string): VerackError {
  return new VerackError(
    "unknown-message",
    `Cannot ${action} message: none with this id was delivered and waits for its ack, must be the 32 digits of one`,
  );
}
