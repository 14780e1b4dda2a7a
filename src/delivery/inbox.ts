/**
 * Delivers received messages to consumers: each message to one consumer, a stream's
 * messages one at a time, and a nacked message again after a while until it becomes a
 * dead letter. `receiver.ts` receives them.
 */
import { backoffMs } from "../core/backoff.ts";
import type { PeerId } from "../core/peer_id.ts";
import { ACK_STATUS, type AckStatus } from "../wire/messages/ack.ts";
import {
  Consumer,
  type ConsumerSource,
  type MessageFilter,
  type MessagesOptions,
} from "./consumer.ts";
import { DeadLetterBox, type RetryTarget } from "./dead_letters.ts";
import {
  REDELIVERY_MAX_MS,
  REDELIVERY_MIN_MS,
  SEEN_AGE_MS,
  SEEN_EXPIRY_PERIOD_MS,
} from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import { FairQueue } from "./fair_queue.ts";
import type { FrameSink } from "./frame_sink.ts";
import { HeldBodies } from "./held_bodies.ts";
import {
  IncomingMessage,
  type MessageOwner,
  type ReceiveStream,
} from "./incoming_message.ts";
import { KeptIntake } from "./kept_intake.ts";
import { KeptMessages, type KeptOwner } from "./kept_messages.ts";
import type { StoredDeadLetter } from "./message_store.ts";
import { ReceiveBudget } from "./receive_budget.ts";
import { WindowBudget } from "./receive_window.ts";
import { Receiver, type ReceiverOptions } from "./receiver.ts";
import { MessageId } from "./seen_ids.ts";
import { SenderMemory } from "./sender_memory.ts";

const UTF8 = new TextEncoder();

const REDELIVERY = { minMs: REDELIVERY_MIN_MS, maxMs: REDELIVERY_MAX_MS };

/** Messages, and the bytes of their bodies. */
interface Usage {
  readonly messages: number;
  readonly bytes: number;
}

/** What a node keeps of received messages. */
export interface InboxUsage {
  readonly deadLetters: Usage;
  readonly kept: Usage;
  /** Credit for large bodies that are received, or not acked. */
  readonly receivingBytes: number;
}

/** Received messages of one node that are not settled. */
export class Inbox
  implements ConsumerSource, MessageOwner, RetryTarget, KeptOwner {
  readonly deadLetters: DeadLetterBox;
  readonly kept: KeptMessages;
  readonly #intake: KeptIntake;
  readonly #settings: DeliverySettings;
  readonly #receiving: ReceiverOptions;
  readonly #senders: SenderMemory;
  readonly #consumers = new Set<Consumer>();
  readonly #queue = new FairQueue();
  /** Streams that wait before they deliver a nacked message again. */
  readonly #resting = new Set<ReceiveStream>();
  #nextExpiry = 0;
  #closed = false;

  /** Loads what an earlier process left. */
  constructor(settings: DeliverySettings) {
    const { clock, counters, store } = settings;
    this.#settings = settings;
    this.deadLetters = new DeadLetterBox(settings, this);
    const budget = new ReceiveBudget(clock);
    this.#receiving = {
      clock,
      counters,
      store,
      windows: new WindowBudget(),
      budget,
      held: new HeldBodies(budget),
      onMessage: (incoming) => this.#add(incoming),
      onClosed: (peer) => this.#queue.prune(peer),
    };
    this.#expireSeen(clock.monotonic());
    this.#senders = new SenderMemory(settings, this);
    this.kept = new KeptMessages(settings, this);
    this.#intake = new KeptIntake({
      settings,
      kept: this.kept,
      senders: this.#senders,
      deadLetters: this.deadLetters,
      rest: (stream, restMs) => this.#rest(stream, restMs),
      offer: (stream) => this.#offer(stream),
    });
  }

  /** What there is of its bounded things. */
  get usage(): InboxUsage {
    return {
      deadLetters: this.deadLetters.usage,
      kept: this.kept.index.usage,
      receivingBytes: this.#receiving.budget.bytes,
    };
  }

  /** Receives messages on a new session. */
  open(from: PeerId, sink: FrameSink): Receiver {
    return new Receiver(this.#receiving, this.#senders.open(from), sink);
  }

  /** Adds a consumer. */
  consume(options: MessagesOptions): Consumer {
    const consumer = new Consumer(this, options);
    if (this.#closed) consumer.end();
    if (!consumer.isEnded) this.#consumers.add(consumer);
    return consumer;
  }

  /** Delivers nacked messages whose delay is over; see `ReceiveBudget.tick`. */
  tick(now: number, pausedMs: number): void {
    this.#senders.refresh();
    this.#queue.refresh();
    this.#receiving.budget.tick(now, pausedMs);
    this.#receiving.held.tick(now);
    for (const stream of this.#resting) {
      if (stream.restsUntil > now) continue;
      this.#resting.delete(stream);
      this.#offer(stream);
    }
    this.kept.tick(now);
    this.#intake.retry();
    this.#applyFilters();
    if (now >= this.#nextExpiry) this.#expireSeen(now);
  }

  /** Ends all consumers. Messages that they have not acked come again. */
  close(): void {
    this.#closed = true;
    this.deadLetters.close();
    this.kept.close();
    for (const consumer of this.#consumers) consumer.end();
    this.#consumers.clear();
  }

  #expireSeen(now: number): void {
    this.#nextExpiry = now + SEEN_EXPIRY_PERIOD_MS;
    const { store, keptNow } = this.#settings;
    store?.expireSeen(keptNow() - SEEN_AGE_MS);
  }

  // --- Consumers -------------------------------------------------------------

  take(filter: MessageFilter): IncomingMessage | undefined {
    const { topic } = filter;
    if (topic !== undefined && this.kept.index.keeps(topic)) {
      return this.kept.take(filter);
    }
    for (
      let stream = this.#queue.next(filter);
      stream !== undefined;
      stream = this.#queue.next(filter)
    ) {
      const message = this.#deliverFrom(stream);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  removeConsumer(consumer: Consumer): void {
    this.#consumers.delete(consumer);
  }

  acked(incoming: IncomingMessage): void {
    if (this.#closed) return;
    try {
      this.#settle(incoming, ACK_STATUS.acked);
      this.#settings.counters.messagesAcked++;
    } catch (error) {
      this.#notRecorded(incoming, error);
    }
    this.#offer(incoming.stream);
  }

  nacked(incoming: IncomingMessage, reason: string): void {
    if (this.#closed || !this.#putBack(incoming, reason)) return;
    const { stream, deliveryCount } = incoming;
    this.#rest(stream, backoffMs(deliveryCount, REDELIVERY));
  }

  released(incoming: IncomingMessage): void {
    if (this.#closed || !this.#putBack(incoming, "")) return;
    this.#offer(incoming.stream);
  }

  /** A write to the store has failed: the message is delivered again. */
  #notRecorded({ stream }: IncomingMessage, error: unknown): never {
    stream.putBack();
    this.#rest(stream, REDELIVERY_MIN_MS);
    throw error;
  }

  /** Counts the delivery; false if it was the last one. */
  #putBack(incoming: IncomingMessage, reason: string): boolean {
    const { counters, maxDeliveries } = this.#settings;
    counters.messagesNacked++;
    const isLast = incoming.deliveryCount >= maxDeliveries;
    try {
      if (isLast || this.#isDiscarded(incoming)) {
        this.#bury(incoming, reason);
        this.#offer(incoming.stream);
        return false;
      }
      if (incoming.deadLetter === undefined) {
        const { from, messageId, deliveryCount } = incoming;
        const at = this.#settings.keptNow();
        const id = messageId.toBytes();
        this.#senders.putDeliveryCount({ from, id, deliveryCount, at });
      }
    } catch (error) {
      this.#notRecorded(incoming, error);
    }
    incoming.stream.putBack();
    return true;
  }

  /** Makes it a dead letter. */
  #bury(incoming: IncomingMessage, reason: string): void {
    if (!this.#isDiscarded(incoming)) {
      const { from, topic, messageId } = incoming;
      const id = messageId.toBytes();
      const body = incoming.bytes.slice();
      const at = this.#settings.clock.now();
      this.deadLetters.put({ from, id, topic, body, reason, at });
    }
    this.#settle(incoming, ACK_STATUS.rejected);
  }

  /** Whether it was a dead letter, and was discarded while the application had it. */
  #isDiscarded({ deadLetter }: IncomingMessage): boolean {
    return deadLetter !== undefined && !this.deadLetters.has(deadLetter);
  }

  #rest(stream: ReceiveStream, restMs: number): void {
    stream.restsUntil = this.#settings.clock.monotonic() + restMs;
    this.#resting.add(stream);
  }

  // --- Dead letters ----------------------------------------------------------

  retry(message: StoredDeadLetter): void {
    const stream = this.#streamOf(message);
    const incoming = new IncomingMessage(stream, new MessageId(message.id));
    incoming.bytes = message.body;
    incoming.deadLetter = message;
    this.#add(incoming);
  }

  withdraw(message: StoredDeadLetter): void {
    const stream = this.#streamOf(message);
    stream.remove(message);
    this.#queue.prune(stream.peer);
  }

  #streamOf({ from, topic }: StoredDeadLetter): ReceiveStream {
    return this.#senders.inbox(from).stream(UTF8.encode(topic));
  }

  // --- Kept topics -----------------------------------------------------------

  bury(message: StoredDeadLetter): void {
    this.deadLetters.put(message);
  }

  onReady(topic: string): void {
    for (const consumer of [...this.#consumers]) {
      if (consumer.filter.topic === topic) this.#serve(consumer);
    }
  }

  onFreed(): void {
    this.#intake.retry();
  }

  onChanged(topic: string): void {
    if (!this.kept.index.keeps(topic)) return this.#intake.retry();
    const filter = { topic };
    for (
      let stream = this.#queue.next(filter);
      stream !== undefined;
      stream = this.#queue.next(filter)
    ) this.#intake.take(stream);
  }

  blocked(topic: string): number {
    return this.#intake.blocked(topic);
  }

  /** Delivers to a consumer what it waits for, if there is something. */
  #serve(consumer: Consumer): void {
    try {
      while (consumer.isWaiting) {
        const message = this.take(consumer.filter);
        if (message === undefined) return;
        consumer.deliver(message);
      }
    } catch (error) {
      consumer.fail(error);
    }
  }

  // --- Streams ---------------------------------------------------------------

  #add(incoming: IncomingMessage): void {
    const { stream } = incoming;
    stream.queue.push(incoming);
    this.#offer(stream);
  }

  /** Delivers the next message of a stream to a waiting consumer, or queues the stream. */
  #offer(stream: ReceiveStream): void {
    if (stream.isQueued || !this.#hasNext(stream)) return;
    if (this.kept.index.keeps(stream.topic)) return this.#intake.take(stream);
    for (const consumer of this.#consumers) {
      if (!consumer.wants(stream.topic, stream.peer.from)) continue;
      const message = this.#deliverFrom(stream);
      if (message === undefined) return;
      if (this.#consumers.size > 1) {
        // Consumers take turns.
        this.#consumers.delete(consumer);
        this.#consumers.add(consumer);
      }
      return consumer.deliver(message);
    }
    this.#queue.add(stream);
  }

  /** A filter of senders may accept queued messages now that it refused before. */
  #applyFilters(): void {
    for (const consumer of [...this.#consumers]) {
      if (consumer.filter.from !== undefined) this.#serve(consumer);
    }
  }

  #hasNext(stream: ReceiveStream): boolean {
    return !stream.isDelivered && !stream.isEmpty && !this.#resting.has(stream);
  }

  /** The next message of a stream that was not acked on another session meanwhile. */
  #deliverFrom(stream: ReceiveStream): IncomingMessage | undefined {
    while (this.#hasNext(stream)) {
      const incoming = stream.queue.first!;
      const { from, messageId, deadLetter } = incoming;
      if (deadLetter === undefined && stream.peer.seen.has(messageId)) {
        stream.queue.shift();
        incoming.acknowledge(ACK_STATUS.acked);
        continue;
      }
      const before = this.#senders.deliveryCount(from, messageId);
      incoming.deliveryCount = Math.max(incoming.deliveryCount, before) + 1;
      stream.isDelivered = true;
      return incoming;
    }
    return undefined;
  }

  /** Records the end of a message, and acknowledges it. */
  #settle(incoming: IncomingMessage, status: AckStatus): void {
    const { stream, messageId, from, deadLetter } = incoming;
    // The store comes first, because it may fail: what is not recorded is not settled.
    this.#senders.deleteDeliveryCount(from, messageId);
    if (deadLetter !== undefined) {
      // Does nothing if it has just become a dead letter again.
      this.deadLetters.acked(deadLetter);
    } else if (!stream.peer.seen.has(messageId)) {
      this.#senders.putSeen(stream.peer, messageId);
    }
    stream.settle();
    incoming.isDone = true;
    incoming.acknowledge(status);
  }
}
