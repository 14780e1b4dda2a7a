/**
 * A {@linkcode MessageStore} in memory, which survives a restart if it is passed to the next
 * node.
 */
import { messageKey } from "../../delivery/seen_ids.ts";
import type {
  MessageStore,
  StoredDeadLetter,
  StoredDeliveryCount,
  StoredKeptHead,
  StoredKeptMessage,
  StoredMessage,
  StoredOutgoing,
  StoredSeen,
} from "../../delivery/message_store.ts";
import type { PeerId } from "../../core/peer_id.ts";

const DONE = Promise.resolve();

interface Outgoing {
  readonly message: StoredMessage;
  /** Receivers that have not acknowledged it; a set only if there are several. */
  readonly to: Set<PeerId> | PeerId;
}

/** Keeps messages in memory. */
export class MemoryMessageStore implements MessageStore {
  readonly #outgoing = new Map<number, Outgoing>();
  readonly #seen = new Map<PeerId, StoredSeen[]>();
  readonly #deliveryCounts = new Map<string, StoredDeliveryCount>();
  readonly #deadLetters = new Map<string, StoredDeadLetter>();
  readonly #keptTopics = new Set<string>();
  readonly #kept = new Map<number, StoredKeptMessage>();
  #nextKey = 1;

  *outgoing(): Iterable<StoredOutgoing> {
    for (const [key, { message, to }] of this.#outgoing) {
      yield { message, key, to: typeof to === "string" ? [to] : [...to] };
    }
  }

  *awaited(): Iterable<PeerId> {
    for (const { to } of this.#outgoing.values()) {
      if (typeof to === "string") yield to;
      else if (to.size === 1) yield* to;
    }
  }

  putOutgoing(message: StoredMessage, to: readonly PeerId[]): number {
    const key = this.#nextKey++;
    const [only] = to;
    this.#outgoing.set(key, {
      message,
      to: to.length === 1 && only !== undefined ? only : new Set(to),
    });
    return key;
  }

  deleteOutgoing(key: number, to: PeerId): void {
    const kept = this.#outgoing.get(key);
    if (kept === undefined) return;
    if (typeof kept.to !== "string") {
      kept.to.delete(to);
      if (kept.to.size > 0) return;
    }
    this.#outgoing.delete(key);
  }

  senders(): Set<PeerId> {
    const nacked = [...this.#deliveryCounts.values()].map(({ from }) => from);
    return new Set([...[...this.#seen.keys()].reverse(), ...nacked]);
  }

  seenBy(from: PeerId): Uint8Array[] {
    return (this.#seen.get(from) ?? []).map(({ id }) => id);
  }

  putSeen(seen: StoredSeen): void {
    const known = this.#seen.get(seen.from) ?? [];
    known.push(seen);
    // Ordered by the last message.
    this.#seen.delete(seen.from);
    this.#seen.set(seen.from, known);
  }

  trimSeen(from: PeerId, keep: number): void {
    const known = this.#seen.get(from);
    if (known !== undefined && known.length > keep) {
      known.splice(0, known.length - keep);
    }
  }

  deleteSender(from: PeerId): void {
    this.#seen.delete(from);
    for (const [key, counted] of this.#deliveryCounts) {
      if (counted.from === from) this.#deliveryCounts.delete(key);
    }
  }

  trimSenders(keep: readonly PeerId[]): void {
    const kept = new Set(keep);
    for (const sender of this.senders()) {
      if (!kept.has(sender)) this.deleteSender(sender);
    }
  }

  expireSeen(before: number): void {
    for (const [from, seen] of this.#seen) {
      const kept = seen.filter(({ at }) => at >= before);
      if (kept.length === 0) this.#seen.delete(from);
      else this.#seen.set(from, kept);
    }
    for (const [key, { at }] of this.#deliveryCounts) {
      if (at < before) this.#deliveryCounts.delete(key);
    }
  }

  deliveryCounts(): StoredDeliveryCount[] {
    return [...this.#deliveryCounts.values()];
  }

  putDeliveryCount(counted: StoredDeliveryCount): void {
    const key = messageKey(counted.from, counted.id);
    this.#deliveryCounts.delete(key);
    this.#deliveryCounts.set(key, counted);
  }

  trimDeliveryCounts(keep: number): void {
    for (const key of this.#deliveryCounts.keys()) {
      if (this.#deliveryCounts.size <= keep) return;
      this.#deliveryCounts.delete(key);
    }
  }

  deleteDeliveryCount(from: PeerId, id: Uint8Array): void {
    this.#deliveryCounts.delete(messageKey(from, id));
  }

  deadLetters(): StoredDeadLetter[] {
    return [...this.#deadLetters.values()];
  }

  putDeadLetter(message: StoredDeadLetter): void {
    this.#deadLetters.set(messageKey(message.from, message.id), message);
  }

  deleteDeadLetter(from: PeerId, id: Uint8Array): void {
    this.#deadLetters.delete(messageKey(from, id));
  }

  keptTopics(): string[] {
    return [...this.#keptTopics];
  }

  putKeptTopic(topic: string): void {
    this.#keptTopics.add(topic);
  }

  deleteKeptTopic(topic: string): void {
    this.#keptTopics.delete(topic);
    for (const [key, message] of this.#kept) {
      if (message.topic === topic) this.#kept.delete(key);
    }
  }

  *keptHeads(): Iterable<StoredKeptHead> {
    for (const [key, { id: _, body, ...head }] of this.#kept) {
      yield { ...head, key, bytes: body.length };
    }
  }

  kept(key: number): StoredKeptMessage | undefined {
    const message = this.#kept.get(key);
    // The caller may change the body.
    return message && { ...message, body: message.body.slice() };
  }

  putKept(message: StoredKeptMessage): number {
    const key = this.#nextKey++;
    this.#kept.set(key, message);
    return key;
  }

  putKeptDeliveryCount(key: number, deliveryCount: number): void {
    const message = this.#kept.get(key);
    if (message !== undefined) {
      this.#kept.set(key, { ...message, deliveryCount });
    }
  }

  deleteKept(key: number): void {
    this.#kept.delete(key);
  }

  get losses(): number {
    return 0;
  }

  commit(_since?: number): void {}

  committed(_since?: number): Promise<void> {
    return DONE;
  }
}
