/**
 * Delivers received messages to consumers: each message to one consumer, a stream's
 * messages one at a time, and a nacked message again after a while until it becomes a
 * dead letter. `receiver.ts` receives them.
 */
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import {
  REDELIVERY_MAX_MS,
  REDELIVERY_MIN_MS,
  SEEN_AGE_MS,
  SEEN_EXPIRY_PERIOD_MS,
  WINDOW_BUDGET_BYTES,
} from "./delivery_limits.ts";
import type { PeerId } from "../identity/identity.ts";
import { ACK_STATUS, type AckStatus } from "../wire/messages/ack.ts";
import { Consumer, type ConsumerSource } from "./consumer.ts";
import { DeadLetterBox, type RetryTarget } from "./dead_letters.ts";
import { FairQueue } from "./fair_queue.ts";
import type { FrameSink } from "./frame_sink.ts";
import { HeldBodies } from "./held_bodies.ts";
import {
  DeliveredMessage,
  type MessageFilter,
  type MessageOwner,
} from "./message.ts";
import { MessageId } from "./message_id.ts";
import type { MessageStore, StoredDeadLetter } from "./message_store.ts";
import { IncomingMessage, type ReceiveStream } from "./peer_inbox.ts";
import { ReceiveBudget } from "./receive_budget.ts";
import { WindowBudget } from "./receive_window.ts";
import { Receiver, type ReceiverOptions } from "./receiver.ts";
import { SenderMemory } from "./sender_memory.ts";

const UTF8 = new TextEncoder();

const REDELIVERY = { minMs: REDELIVERY_MIN_MS, maxMs: REDELIVERY_MAX_MS };

/** Settings of an {@linkcode Inbox}. */
export interface InboxSettings {
  readonly clock: Clock;
  /** See `DeliverySettings.keptNow`. */
  readonly keptNow: () => number;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: (peer: PeerId) => boolean;
  /** Absent if nothing outlives the node. */
  readonly store: MessageStore | undefined;
  /** A number that peers do not know. */
  readonly salt: number;
  /** Deliveries of a message before it becomes a dead letter. */
  readonly maxDeliveries: number;
  /** A message has become a dead letter. */
  readonly onDeadLetter: (message: StoredDeadLetter) => void;
}

/** Received messages of one node that are not settled. */
export class Inbox implements ConsumerSource, MessageOwner, RetryTarget {
  readonly deadLetters: DeadLetterBox;
  readonly #settings: InboxSettings;
  readonly #receiving: ReceiverOptions;
  readonly #senders: SenderMemory;
  readonly #consumers = new Set<Consumer>();
  readonly #queue = new FairQueue();
  /** Streams that wait before they deliver a nacked message again. */
  readonly #resting = new Set<ReceiveStream>();
  #nextExpiry: number;
  #closed = false;

  /** Loads what an earlier process left. */
  constructor(settings: InboxSettings) {
    this.#settings = settings;
    const { clock, keptNow, store, hasStanding, onDeadLetter } = settings;
    this.deadLetters = new DeadLetterBox(
      { store, hasStanding, onDeadLetter },
      this,
    );
    const budget = new ReceiveBudget(clock);
    const windows = new WindowBudget(WINDOW_BUDGET_BYTES / 2);
    const strangerWindows = new WindowBudget(WINDOW_BUDGET_BYTES / 2);
    this.#receiving = {
      clock,
      store,
      windows: (hasStanding) => hasStanding ? windows : strangerWindows,
      budget,
      held: new HeldBodies(budget),
      queue: this.#queue,
      onMessage: (incoming) => this.#add(incoming),
    };
    this.#nextExpiry = clock.monotonic() + SEEN_EXPIRY_PERIOD_MS;
    store?.expireSeen(keptNow() - SEEN_AGE_MS);
    this.#senders = new SenderMemory(settings);
  }

  /** Receives messages on a new session. */
  open(from: PeerId, sink: FrameSink): Receiver {
    return new Receiver(this.#receiving, this.#senders.open(from), sink);
  }

  /** Adds a consumer of messages that pass a filter. */
  consume(filter: MessageFilter, signal?: AbortSignal): Consumer {
    const consumer = new Consumer(this, filter, signal);
    if (this.#closed) consumer.end();
    if (!consumer.isEnded) this.#consumers.add(consumer);
    return consumer;
  }

  /** Delivers what has rested; see `ReceiveBudget.tick`. */
  tick(now: number, pausedMs: number): void {
    this.#senders.refresh();
    this.#queue.refresh();
    this.#receiving.budget.tick(now, pausedMs);
    for (const stream of this.#resting) {
      if (stream.restsUntil > now) continue;
      this.#resting.delete(stream);
      this.#offer(stream);
    }
    this.#applyFilters();
    this.#receiving.held.tick(now);
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = now + SEEN_EXPIRY_PERIOD_MS;
    const { store, keptNow } = this.#settings;
    store?.expireSeen(keptNow() - SEEN_AGE_MS);
  }

  /** Ends all consumers. Messages that they have not acked come again. */
  close(): void {
    this.#closed = true;
    this.deadLetters.close();
    for (const consumer of this.#consumers) consumer.end();
    this.#consumers.clear();
  }

  // --- Consumers -------------------------------------------------------------

  take({ filter }: Consumer): DeliveredMessage | undefined {
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
    this.#record(incoming, () => this.#settle(incoming, ACK_STATUS.acked));
    this.#offer(incoming.stream);
  }

  nacked(incoming: IncomingMessage, reason: string): void {
    if (this.#closed) return;
    if (!this.#record(incoming, () => this.#putBack(incoming, reason))) return;
    const { stream, deliveryCount } = incoming;
    this.#rest(stream, backoffMs(deliveryCount, REDELIVERY));
  }

  released(incoming: IncomingMessage): void {
    if (this.#closed) return;
    if (!this.#record(incoming, () => this.#putBack(incoming, ""))) return;
    this.#offer(incoming.stream);
  }

  retry({ from, id, topic, body }: StoredDeadLetter): IncomingMessage {
    const stream = this.#senders.inbox(from).stream(UTF8.encode(topic));
    const incoming = new IncomingMessage(stream, new MessageId(id), body);
    this.#add(incoming);
    return incoming;
  }

  withdraw(incoming: IncomingMessage): void {
    const { stream } = incoming;
    stream.remove(incoming);
    this.#queue.prune(stream.peer);
  }

  /** Runs a write to the store; if it fails, the message is delivered again. */
  #record<Result>(incoming: IncomingMessage, write: () => Result): Result {
    try {
      return write();
    } catch (error) {
      this.#redo(incoming);
      this.#rest(incoming.stream, REDELIVERY_MIN_MS);
      throw error;
    }
  }

  /** Counts the delivery; false if it was the last one. */
  #putBack(incoming: IncomingMessage, reason: string): boolean {
    const { clock, keptNow, maxDeliveries } = this.#settings;
    const { stream, from, bytes, deliveryCount, isDeadLetter } = incoming;
    const id = incoming.id.toBytes();
    const isDiscarded = isDeadLetter && !this.deadLetters.has(incoming);
    if (isDiscarded || deliveryCount >= maxDeliveries) {
      if (!isDiscarded) {
        const { topic } = stream;
        const at = clock.now();
        const body = bytes.slice();
        this.deadLetters.put({ from, id, topic, body, reason, at });
      }
      this.#settle(incoming, ACK_STATUS.rejected);
      this.#offer(stream);
      return false;
    }
    if (!isDeadLetter) {
      const at = keptNow();
      this.#senders.putDeliveryCount({ from, id, deliveryCount, at });
    }
    this.#redo(incoming);
    return true;
  }

  /** Delivers a message again, unless its sender will send it again. */
  #redo(incoming: IncomingMessage): void {
    const { stream } = incoming;
    stream.current = undefined;
    if (incoming.isHeld) stream.redo = incoming;
  }

  #rest(stream: ReceiveStream, restMs: number): void {
    stream.restsUntil = this.#settings.clock.monotonic() + restMs;
    this.#resting.add(stream);
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

  /** The filter of a sender may accept queued messages now that it did not accept before. */
  #applyFilters(): void {
    for (const consumer of [...this.#consumers]) {
      if (consumer.filter.from === undefined || !consumer.isWaiting) continue;
      const message = this.take(consumer);
      if (message !== undefined) consumer.deliver(message);
    }
  }

  #hasNext(stream: ReceiveStream): boolean {
    return stream.current === undefined &&
      (stream.redo !== undefined || stream.queue.length > 0) &&
      !this.#resting.has(stream);
  }

  /** The next message of a stream that was not acked on another session meanwhile. */
  #deliverFrom(stream: ReceiveStream): DeliveredMessage | undefined {
    while (this.#hasNext(stream)) {
      const incoming = stream.redo ?? stream.queue.shift()!;
      stream.redo = undefined;
      const { from, id } = incoming;
      if (stream.peer.seen.has(id) && !incoming.isDeadLetter) {
        this.#acknowledge(incoming, ACK_STATUS.acked);
        continue;
      }
      const before = this.#senders.deliveryCount(from, id);
      incoming.deliveryCount = Math.max(incoming.deliveryCount, before) + 1;
      stream.current = incoming;
      return new DeliveredMessage(incoming, this);
    }
    return undefined;
  }

  /** Records the end of a message, and tells its sender. */
  #settle(incoming: IncomingMessage, status: AckStatus): void {
    const { stream, id, from } = incoming;
    if (incoming.isDeadLetter) {
      // Does nothing if it has just become a dead letter again.
      this.deadLetters.acked(incoming);
    } else if (!stream.peer.seen.has(id)) {
      // First, because it may fail: what is not recorded is not settled.
      this.#senders.putSeen(stream.peer, id, this.#settings.keptNow);
    }
    stream.current = undefined;
    this.#senders.deleteDeliveryCount(from, id);
    this.#acknowledge(incoming, status);
  }

  #acknowledge(incoming: IncomingMessage, status: AckStatus): void {
    for (const arrival of incoming.arrivals) {
      arrival.receiver.settle(arrival, status);
    }
  }
}
