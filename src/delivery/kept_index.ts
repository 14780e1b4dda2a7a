/**
 * The messages of kept topics, in memory without their bodies: which topics there are, what waits
 * under each, and whether one more fits. They are put into the store by `kept_intake.ts`, and
 * given to consumers by `kept_messages.ts`.
 */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MAX_KEPT_TOPICS } from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import {
  type KeptEntry,
  type KeptStream,
  KeptStreams,
} from "./kept_streams.ts";
import { checkTopic } from "./kept_topics.ts";
import { KeptUsage } from "./kept_usage.ts";
import type { MessageStore, StoredKeptMessage } from "./message_store.ts";

/** A message in the store that is not durable yet. */
export interface UnsettledKept {
  readonly stream: KeptStream;
  readonly entry: KeptEntry;
}

/** The kept topics of one node, and what waits under them. */
export class KeptIndex {
  readonly #store: MessageStore | undefined;
  readonly #usage: KeptUsage;
  readonly #topics = new Map<string, KeptStreams>();

  /** Loads what an earlier process left. */
  constructor({ store, hasStanding, keepTopics = [] }: DeliverySettings) {
    this.#store = store;
    this.#usage = new KeptUsage(hasStanding);
    for (const topic of store?.keptTopics() ?? []) {
      this.#topics.set(topic, new KeptStreams(topic));
    }
    for (const head of store?.keptHeads() ?? []) {
      const { from, topic, key, bytes, at, deliveryCount } = head;
      // Without it if the disk was full when the topic came, and not when the message did.
      if (!this.#topics.has(topic)) this.#restore(topic);
      const stream = this.#streamOf(from, topic);
      if (stream === undefined) continue;
      this.#count(stream, bytes, 1);
      stream.push({ key, bytes, at, deliveryCount, restsUntil: 0 });
    }
    for (const topic of keepTopics) this.keep(topic);
  }

  /** @throws {TypeError} when there is none. */
  get store(): MessageStore {
    if (this.#store !== undefined) return this.#store;
    throw new TypeError(
      "Cannot keep topic: the node has no store, must be started with one (--data)",
    );
  }

  /** What all kept topics have together. */
  get usage(): { readonly messages: number; readonly bytes: number } {
    const { messages, bytes } = this.#usage;
    return { messages, bytes };
  }

  /** Whether messages of a topic are kept. */
  keeps(topic: string): boolean {
    return this.#topics.size > 0 && this.#topics.has(topic);
  }

  /** All topics. */
  topics(): Iterable<KeptStreams> {
    return this.#topics.values();
  }

  /** What waits under a topic, if that is kept. */
  at(topic: string): KeptStreams | undefined {
    return this.#topics.get(topic);
  }

  /** Keeps a topic; false if it was kept before. */
  keep(topic: string): boolean {
    checkTopic(topic);
    const { store } = this;
    if (this.#topics.has(topic)) return false;
    if (this.#topics.size >= MAX_KEPT_TOPICS) {
      throw new VerackError(
        "full",
        `Cannot keep topic: ${this.#topics.size} are kept, must be fewer than ${MAX_KEPT_TOPICS}`,
      );
    }
    store.putKeptTopic(topic);
    this.#topics.set(topic, new KeptStreams(topic));
    return true;
  }

  /** Keeps a topic, durably; not at all if that fails. */
  keepNow(topic: string): boolean {
    const since = this.store.losses;
    if (!this.keep(topic)) return false;
    try {
      this.store.commit(since);
    } catch (error) {
      // Nothing came meanwhile: it is kept when it is said to be.
      this.#topics.delete(topic);
      throw error;
    }
    return true;
  }

  #restore(topic: string): void {
    this.#topics.set(topic, new KeptStreams(topic));
    try {
      this.store.putKeptTopic(topic);
    } catch {
      // The database reports what is wrong with it; the messages are here all the same.
    }
  }

  /** Keeps a topic no longer, and drops what waits under it; not what consumers have. */
  drop(streams: KeptStreams): void {
    this.store.deleteKeptTopic(streams.name);
    this.#topics.delete(streams.name);
    for (const stream of streams) {
      for (const { bytes } of stream) {
        this.#usage.tally(stream.sender, bytes, -1);
      }
    }
  }

  /** Updates the standing of senders. */
  refresh(): void {
    this.#usage.refresh();
    for (const topic of this.#topics.values()) topic.refresh();
  }

  // --- Messages that come ----------------------------------------------------

  /** Whether a message fits. */
  fits(from: PeerId, bytes: number): boolean {
    return this.#usage.fits(this.#usage.sender(from), bytes);
  }

  /**
   * Puts a message into the store, which {@linkcode admit} or {@linkcode leave} follows; nothing
   * if its topic is not kept.
   */
  put(message: StoredKeptMessage): UnsettledKept | undefined {
    const { from, topic, body, at } = message;
    const stream = this.#streamOf(from, topic);
    if (stream === undefined) return undefined;
    const key = this.store.putKept(message);
    const bytes = body.length;
    this.#count(stream, bytes, 1);
    const entry = { key, bytes, at, deliveryCount: 0, restsUntil: 0 };
    return { stream, entry };
  }

  /** A message is durable: consumers may have it. */
  admit({ stream, entry }: UnsettledKept): void {
    const { topic, sender } = stream;
    if (this.#topics.get(topic.name) !== topic) this.leave(stream, entry);
    // A new stream if it was empty meanwhile.
    else topic.stream(sender).push(entry);
  }

  /** A message that does not wait has left the store. */
  leave(stream: KeptStream, { bytes }: KeptEntry): void {
    this.#count(stream, bytes, -1);
    stream.topic.prune(stream);
  }

  /** A message that has left is in the store all the same, and waits again. */
  restore({ topic, sender }: KeptStream, entry: KeptEntry): void {
    if (this.#topics.get(topic.name) !== topic) return;
    // A new stream if it was empty meanwhile.
    const stream = topic.stream(this.#usage.sender(sender.from));
    this.#count(stream, entry.bytes, 1);
    stream.putBack(entry);
  }

  #streamOf(from: PeerId, topic: string): KeptStream | undefined {
    return this.#topics.get(topic)?.stream(this.#usage.sender(from));
  }

  #count(stream: KeptStream, bytes: number, sign: 1 | -1): void {
    stream.topic.messages += sign;
    stream.topic.bytes += sign * bytes;
    this.#usage.tally(stream.sender, bytes, sign);
  }
}
