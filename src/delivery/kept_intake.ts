/**
 * Stores messages of kept topics as they come, and acknowledges them once they are durable. One
 * that does not fit stays where it is, unacknowledged, so that its sender keeps it.
 */
import { ACK_STATUS } from "../wire/messages/ack.ts";
import { MAX_KEPT_BATCH, REDELIVERY_MIN_MS } from "./delivery_limits.ts";
import type { DeadLetterBox } from "./dead_letters.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import type { IncomingMessage, ReceiveStream } from "./incoming_message.ts";
import type { UnsettledKept } from "./kept_index.ts";
import type { KeptMessages } from "./kept_messages.ts";
import type { SenderMemory } from "./sender_memory.ts";

/** Dependencies of a {@linkcode KeptIntake}. */
export interface KeptIntakeOptions {
  readonly settings: DeliverySettings;
  readonly kept: KeptMessages;
  readonly senders: SenderMemory;
  readonly deadLetters: DeadLetterBox;
  /** Tries a stream again after a while. */
  readonly rest: (stream: ReceiveStream, restMs: number) => void;
  /** A stream may have more to store. */
  readonly offer: (stream: ReceiveStream) => void;
}

/** A message on its way into the store. */
interface Unsettled {
  readonly incoming: IncomingMessage;
  readonly stored: UnsettledKept;
}

/** Stores the messages of one node's kept topics. */
export class KeptIntake {
  readonly #options: KeptIntakeOptions;
  /** Streams of which messages are being committed; the next ones wait, to stay in order. */
  readonly #busy = new Set<ReceiveStream>();
  /** Streams of which the next message does not fit. */
  readonly #blocked = new Set<ReceiveStream>();
  #retries = false;

  constructor(options: KeptIntakeOptions) {
    this.#options = options;
  }

  /** How many streams of a topic wait because their next message does not fit. */
  blocked(topic: string): number {
    let count = 0;
    for (const stream of this.#blocked) {
      if (stream.topic === topic && !stream.isEmpty) count++;
    }
    return count;
  }

  /** Stores the messages of a stream that no consumer has, as far as they fit. */
  take(stream: ReceiveStream): void {
    if (this.#busy.has(stream)) return;
    const batch: Unsettled[] = [];
    const since = this.#options.settings.store?.losses;
    try {
      while (batch.length < MAX_KEPT_BATCH) {
        const stored = this.#next(stream);
        if (stored === undefined) break;
        batch.push(stored);
      }
    } catch {
      // The database reports what is wrong with it.
      this.#options.rest(stream, REDELIVERY_MIN_MS);
    }
    if (batch.length > 0) void this.#settle(stream, batch, since);
  }

  /** More messages fit: tries those that did not, once in this turn of the event loop. */
  retry(): void {
    if (this.#retries || this.#blocked.size === 0) return;
    this.#retries = true;
    queueMicrotask(() => {
      this.#retries = false;
      const streams = [...this.#blocked]
        .sort((a, b) =>
          Number(b.peer.hasStanding) - Number(a.peer.hasStanding)
        );
      this.#blocked.clear();
      for (const stream of streams) this.#options.offer(stream);
    });
  }

  /** Puts the next message of a stream into the store; nothing if none is left or none fits. */
  #next(stream: ReceiveStream): Unsettled | undefined {
    const { kept, senders, settings } = this.#options;
    for (
      let incoming = stream.queue.first;
      incoming !== undefined;
      incoming = stream.queue.first
    ) {
      const { from, topic, messageId, deadLetter } = incoming;
      if (deadLetter === undefined && stream.peer.seen.has(messageId)) {
        stream.queue.shift();
        incoming.acknowledge(ACK_STATUS.acked);
        continue;
      }
      if (!kept.index.fits(from, incoming.bytes.length)) {
        this.#blocked.add(stream);
        return undefined;
      }
      const stored = kept.index.put({
        from,
        id: messageId.toBytes(),
        topic,
        body: incoming.bytes.slice(),
        at: settings.clock.now(),
        deliveryCount: 0,
      });
      if (stored === undefined) return undefined;
      try {
        if (deadLetter === undefined) senders.putSeen(stream.peer, messageId);
      } catch (error) {
        kept.index.leave(stored.stream, stored.entry);
        settings.store?.deleteKept(stored.entry.key);
        throw error;
      }
      stream.queue.shift();
      return { incoming, stored };
    }
    return undefined;
  }

  /** Waits until messages are durable, and only then acknowledges them. */
  async #settle(
    stream: ReceiveStream,
    batch: readonly Unsettled[],
    since: number | undefined,
  ): Promise<void> {
    const { settings, kept } = this.#options;
    this.#busy.add(stream);
    try {
      await settings.store?.committed(since);
    } catch {
      return this.#lost(stream, batch);
    }
    this.#busy.delete(stream);
    for (const { incoming, stored } of batch) {
      kept.index.admit(stored);
      settings.counters.messagesKept++;
      this.#acknowledge(incoming);
    }
    kept.ready(stream.topic);
    this.#options.offer(stream);
  }

  #acknowledge(incoming: IncomingMessage): void {
    const { senders, deadLetters } = this.#options;
    const { deadLetter, from, messageId } = incoming;
    try {
      if (deadLetter !== undefined) deadLetters.acked(deadLetter);
      senders.deleteDeliveryCount(from, messageId);
    } catch {
      // Both are only of use while the message waits.
    }
    incoming.isDone = true;
    incoming.acknowledge(ACK_STATUS.acked);
    incoming.free();
  }

  /** The store has lost messages: they wait again, as if they had just come. */
  #lost(stream: ReceiveStream, batch: readonly Unsettled[]): void {
    const { kept, rest } = this.#options;
    this.#busy.delete(stream);
    const waiting = stream.queue.drain();
    for (const { incoming, stored } of batch) {
      kept.index.leave(stored.stream, stored.entry);
      const { deadLetter, messageId } = incoming;
      if (deadLetter === undefined) stream.peer.seen.remove(messageId);
      // Without a session its sender sends it again.
      if (isLive(incoming)) stream.queue.push(incoming);
    }
    for (const incoming of waiting) stream.queue.push(incoming);
    rest(stream, REDELIVERY_MIN_MS);
  }
}

function isLive(incoming: IncomingMessage): boolean {
  const { deadLetter, session, twins = [], stream: { peer } } = incoming;
  return deadLetter !== undefined ||
    [session, ...twins.map((twin) => twin.session)].some((one) =>
      one !== undefined && peer.sessions.has(one)
    );
}
