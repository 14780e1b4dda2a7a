/**
 * Hands what has come to whoever takes it: each message to one taker, a stream's
 * messages one after another, what is refused again after a while, and not for
 * ever. How messages arrive is in `receiver.ts`.
 */
import type { Clock } from "../core/clock.ts";
import type { PeerId } from "../identity/identity.ts";
import {
  REDELIVERY_MAX_MS,
  REDELIVERY_MIN_MS,
  SEEN_AGE_MS,
  SEEN_EXPIRY_PERIOD_MS,
  WINDOW_BUDGET_BYTES,
} from "../delivery_limits.ts";
import { ACK_STATUS, type AckStatus } from "../wire/messages/ack.ts";
import type { FrameSink } from "./frame_sink.ts";
import { Consumer, type ConsumerSource } from "./consumer.ts";
import { HeldBodies } from "./held_bodies.ts";
import { IncomingMessage, type ReceiveStream } from "./incoming_message.ts";
import { HandedMessage, type MessageOwner } from "./message.ts";
import { MessageId } from "./message_id.ts";
import type { MessageStore, StoredDeadLetter } from "./message_store.ts";
import { Receiver, type ReceiverContext } from "./receiver.ts";
import { DeliveryCounts } from "./delivery_counts.ts";
import { Budget, ReceiveBudget } from "./receive_budget.ts";
import { Senders } from "./senders.ts";
import type { DeadLetterBox, RetryTarget } from "./dead_letters.ts";
import { type MessageFilter, Turns } from "./turns.ts";

const UTF8 = new TextEncoder();

/** Settings of an {@linkcode Inbox}. */
export interface InboxSettings {
  readonly clock: Clock;
  /** See `DeliverySettings.keptNow`. */
  readonly keptNow: () => number;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: (peer: PeerId) => boolean;
  /** Absent if nothing is to outlive the node. */
  readonly store: MessageStore | undefined;
  readonly deadLetters: DeadLetterBox;
  /** Any number that peers do not know. */
  readonly salt: number;
  /** How often a message is handed out before it is set aside. */
  readonly maxDeliveries: number;
}

/** Messages of one node that have come and are not settled. */
export class Inbox implements ConsumerSource, MessageOwner, RetryTarget {
  readonly #settings: InboxSettings;
  readonly #context: ReceiverContext;
  readonly #senders: Senders;
  readonly #consumers = new Set<Consumer>();
  /** Streams that can be taken from. */
  readonly #turns = new Turns();
  /** Streams whose first message was refused a short while ago. */
  readonly #resting = new Set<ReceiveStream>();
  readonly #deliveryCounts: DeliveryCounts;
  #nextExpiry: number;
  #closed = false;

  /** Takes up what an earlier process has left. */
  constructor(settings: InboxSettings) {
    this.#settings = settings;
    const { clock, keptNow, store, deadLetters, hasStanding } = settings;
    deadLetters.target = this;
    const budget = new ReceiveBudget(clock);
    const windows = new Budget(WINDOW_BUDGET_BYTES / 2);
    const strangerWindows = new Budget(WINDOW_BUDGET_BYTES / 2);
    this.#context = {
      clock,
      store,
      windows: (hasStanding) => hasStanding ? windows : strangerWindows,
      budget,
      held: new HeldBodies(budget),
      turns: this.#turns,
      arrived: (incoming) => this.#arrived(incoming),
    };
    this.#nextExpiry = clock.monotonic();
    store?.expireSeen(keptNow() - SEEN_AGE_MS);
    this.#senders = new Senders({
      ...settings,
      onForget: (sender) => this.#deliveryCounts.forget(sender),
    });
    this.#deliveryCounts = new DeliveryCounts(store, hasStanding);
  }

  /** A session on which a peer may send. */
  open(from: PeerId, sink: FrameSink): Receiver {
    return new Receiver(
      this.#context,
      this.#senders.open(from),
      sink,
    );
  }

  /** A new taker of messages that pass a filter. */
  consume(filter: MessageFilter): Consumer {
    const consumer = new Consumer(this, filter);
    if (this.#closed) consumer.end();
    else this.#consumers.add(consumer);
    return consumer;
  }

  /** Hands out what was refused and has rested; see `Room.tick`. */
  tick(now: number, pausedMs: number): void {
    this.#senders.refresh();
    this.#turns.refresh();
    this.#context.budget.tick(now, pausedMs);
    for (const stream of this.#resting) {
      if (stream.restsUntil > now) continue;
      this.#resting.delete(stream);
      this.#offer(stream);
    }
    this.#reconsider();
    this.#context.held.tick(now);
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = now + SEEN_EXPIRY_PERIOD_MS;
    const { store, keptNow } = this.#settings;
    store?.expireSeen(keptNow() - SEEN_AGE_MS);
  }

  /** Ends all takers. What they have and did not acknowledge comes again. */
  close(): void {
    this.#closed = true;
    this.#settings.deadLetters.close();
    for (const consumer of this.#consumers) consumer.end();
    this.#consumers.clear();
  }

  // --- Consumers -------------------------------------------------------------

  take(consumer: Consumer): HandedMessage | undefined {
    for (
      let stream = this.#turns.next(consumer.filter);
      stream !== undefined;
      stream = this.#turns.next(consumer.filter)
    ) {
      const message = this.#handOut(stream);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  left(consumer: Consumer): void {
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
    const restMs = Math.min(
      REDELIVERY_MIN_MS * 2 ** (deliveryCount - 1),
      REDELIVERY_MAX_MS,
    );
    this.#rest(stream, restMs);
  }

  released(incoming: IncomingMessage): void {
    if (this.#closed) return;
    if (!this.#record(incoming, () => this.#putBack(incoming, ""))) return;
    this.#offer(incoming.stream);
  }

  offerAgain({ from, id, topic, body }: StoredDeadLetter): IncomingMessage {
    const stream = this.#senders.get(from).stream(UTF8.encode(topic));
    const incoming = new IncomingMessage(stream, new MessageId(id), body);
    this.#arrived(incoming);
    return incoming;
  }

  withdraw(incoming: IncomingMessage): void {
    const { stream } = incoming;
    stream.remove(incoming);
    this.#turns.prune(stream.peer);
  }

  /** What cannot be recorded has not happened: the message comes again. */
  #record<Result>(incoming: IncomingMessage, write: () => Result): Result {
    try {
      return write();
    } catch (error) {
      const { stream } = incoming;
      stream.current = undefined;
      if (incoming.isHeld) stream.redo = incoming;
      this.#rest(stream, REDELIVERY_MIN_MS);
      throw error;
    }
  }

  #rest(stream: ReceiveStream, restMs: number): void {
    stream.restsUntil = this.#settings.clock.monotonic() + restMs;
    this.#resting.add(stream);
  }

  /** Counts the try; false if it was the last one, and the message is set aside. */
  #putBack(incoming: IncomingMessage, reason: string): boolean {
    const { clock, keptNow, maxDeliveries, deadLetters } = this.#settings;
    const { stream, from, bytes, deliveryCount } = incoming;
    const id = incoming.id.toBytes();
    if (incoming.isDeadLetter && !deadLetters.has(incoming)) {
      // Somebody has discarded it meanwhile.
      this.#settle(incoming, ACK_STATUS.rejected);
      this.#offer(stream);
      return false;
    }
    if (deliveryCount >= maxDeliveries) {
      const { topic } = stream;
      const at = clock.now();
      deadLetters.put({ from, id, topic, body: bytes.slice(), reason, at });
      this.#settle(incoming, ACK_STATUS.rejected);
      this.#offer(stream);
      return false;
    }
    if (incoming.isDeadLetter) {
      stream.current = undefined;
      stream.redo = incoming;
      return true;
    }
    this.#deliveryCounts.put({ from, id, deliveryCount, at: keptNow() });
    stream.current = undefined;
    if (incoming.isHeld) stream.redo = incoming;
    return true;
  }

  // --- Streams ---------------------------------------------------------------

  #arrived(incoming: IncomingMessage): void {
    const { stream } = incoming;
    stream.queue.push(incoming);
    this.#offer(stream);
  }

  /** Hands the next message of a stream to whoever waits for it, or lists it. */
  #offer(stream: ReceiveStream): void {
    if (stream.listed || !this.#hasNext(stream)) return;
    for (const consumer of this.#consumers) {
      if (!consumer.wants(stream.topic, stream.peer.from)) continue;
      const message = this.#handOut(stream);
      if (message === undefined) return;
      if (this.#consumers.size > 1) {
        // Work goes round.
        this.#consumers.delete(consumer);
        this.#consumers.add(consumer);
      }
      return consumer.deliver(message);
    }
    this.#turns.list(stream);
  }

  /** What a filter says of a sender may have changed since its messages were listed. */
  #reconsider(): void {
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

  /** The next message of a stream, if there is one that was not taken meanwhile. */
  #handOut(stream: ReceiveStream): HandedMessage | undefined {
    while (this.#hasNext(stream)) {
      const incoming = stream.redo ?? stream.queue.shift()!;
      stream.redo = undefined;
      const { from, id } = incoming;
      if (stream.peer.seen.has(id) && !incoming.isDeadLetter) {
        this.#tell(incoming, ACK_STATUS.acked);
        continue;
      }
      const before = this.#deliveryCounts.get(from, id);
      incoming.deliveryCount = Math.max(incoming.deliveryCount, before);
      incoming.deliveryCount++;
      stream.current = incoming;
      return new HandedMessage(incoming, this);
    }
    return undefined;
  }

  /** Nothing more becomes of a message: records that, and tells its sender. */
  #settle(incoming: IncomingMessage, status: AckStatus): void {
    const { stream, id, from } = incoming;
    const { seen } = stream.peer;
    if (incoming.isDeadLetter) {
      // Nothing is left of it by now if it was refused again.
      this.#settings.deadLetters.acked(incoming);
    } else if (!seen.has(id)) {
      // First, because it may fail: what is not recorded is not settled.
      this.#senders.put(stream.peer, id, this.#settings.keptNow);
    }
    stream.current = undefined;
    this.#deliveryCounts.delete(from, id);
    this.#tell(incoming, status);
  }

  #tell(incoming: IncomingMessage, status: AckStatus): void {
    for (const arrival of incoming.arrivals) {
      arrival.receiver.settle(arrival, status);
    }
  }
}
