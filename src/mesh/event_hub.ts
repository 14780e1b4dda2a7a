/** Everybody who listens to one node's events. */
import { EventQueue, type NodeEvent } from "./events.ts";

/** Passes events on to listeners that come and go. */
export class EventHub {
  readonly #queues = new Set<EventQueue>();
  #ended = false;

  /** Tells all who listen now. */
  emit(event: NodeEvent): void {
    for (const queue of [...this.#queues]) queue.push(event);
  }

  /** A new listener, who hears `first` and then everything; ends when `signal` aborts. */
  listen(first: Iterable<NodeEvent>, signal?: AbortSignal): EventQueue {
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
    for (const event of first) queue.push(event);
    signal?.addEventListener("abort", onAbort, { once: true });
    return queue;
  }

  /** Nobody listens any more from here on, but those who do hear the end. */
  refuse(): void {
    this.#ended = true;
  }

  /** No more events come. */
  end(): void {
    this.#ended = true;
    for (const queue of [...this.#queues]) queue.end();
  }
}
