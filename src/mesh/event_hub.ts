/** Passes one node's events to its listeners, in order, once what they say is remembered. */
import { Deque } from "../core/deque.ts";
import { MAX_QUEUED_EVENTS } from "../limits.ts";
import { EventQueue, type NodeEvent } from "./events.ts";

/** Events for some listeners, and what they wait for. */
interface Held {
  readonly queues: readonly EventQueue[];
  readonly events: readonly NodeEvent[];
  readonly until?: Promise<unknown>;
}

/** Passes events on to listeners that come and go. */
export class EventHub {
  readonly #queues = new Set<EventQueue>();
  /** Whatever comes behind an event that waits, waits with it. */
  readonly #held = new Deque<Held>();
  #releasing: Promise<void> | undefined;
  #ended = false;

  /**
   * Tells all listeners; with `until`, once that is settled, however it went: a
   * node that cannot remember a peer still has it.
   */
  emit(event: NodeEvent, until?: Promise<unknown>): void {
    const queues = [...this.#queues];
    if (queues.length === 0) until?.catch(() => {});
    else this.#pass({ queues, events: [event], ...(until && { until }) });
  }

  /** A new listener, which hears `first` and then everything; ends when `signal` aborts. */
  listen(first: readonly NodeEvent[], signal?: AbortSignal): EventQueue {
    const onAbort = () => queue.end();
    const queue = new EventQueue(() => {
      this.#queues.delete(queue);
      signal?.removeEventListener("abort", onAbort);
    });
    if (this.#ended || signal?.aborted) {
      queue.end();
      return queue;
    }
    this.#queues.add(queue);
    this.#pass({ queues: [queue], events: first });
    signal?.addEventListener("abort", onAbort, { once: true });
    return queue;
  }

  /** No new listeners from here on, but those there are hear the end. */
  refuse(): void {
    this.#ended = true;
  }

  /** No more events come after those that wait. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#releasing;
    for (const queue of [...this.#queues]) queue.end();
  }

  #pass(held: Held): void {
    if (this.#held.length === 0 && held.until === undefined) {
      return deliver(held);
    }
    this.#held.push(held);
    if (this.#held.length > MAX_QUEUED_EVENTS) {
      const oldest = this.#held.shift();
      if (oldest !== undefined) deliver(oldest);
    }
    if (this.#held.length === 1) this.#releasing = this.#release();
  }

  async #release(): Promise<void> {
    for (
      let head = this.#held.first;
      head !== undefined;
      head = this.#held.first
    ) {
      await head.until?.catch(() => {});
      if (this.#held.first !== head) continue;
      deliver(head);
      this.#held.shift();
    }
  }
}

function deliver({ queues, events }: Held): void {
  for (const queue of queues) {
    for (const event of events) queue.push(event);
  }
}
