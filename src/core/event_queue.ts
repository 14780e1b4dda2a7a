/** Events on their way to one listener, which may be slow. */
import { Deque } from "./deque.ts";

/** Takes the place of events that were dropped. */
export interface OverflowEvent {
  readonly type: "overflow";
  /** How many. */
  readonly dropped: number;
}

/**
 * Events for one listener, of which a bounded number wait. When more come, the oldest are dropped
 * and an `overflow` event that counts them takes their place.
 */
export class EventQueue<E extends object>
  implements AsyncIterableIterator<E | OverflowEvent, undefined> {
  readonly #events = new Deque<E>();
  readonly #max: number;
  readonly #onClose: () => void;
  #dropped = 0;
  #closed = false;
  #waiting: ((result: IteratorResult<E | OverflowEvent, undefined>) => void)[] =
    [];

  /**
   * @param max Events that wait at most.
   * @param onClose Called once, when the listener is done or the queue ended.
   */
  constructor(max: number, onClose: () => void = () => {}) {
    this.#max = max;
    this.#onClose = onClose;
  }

  /** Adds an event; never blocks. */
  push(event: E): void {
    if (this.#closed) return;
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) return waiter({ value: event, done: false });
    this.#events.push(event);
    if (this.#events.length > this.#max) {
      this.#events.shift();
      this.#dropped++;
    }
  }

  /** No more events come; those that wait are still delivered. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    for (const waiter of this.#waiting) {
      waiter({ value: undefined, done: true });
    }
    this.#waiting = [];
  }

  next(): Promise<IteratorResult<E | OverflowEvent, undefined>> {
    if (this.#dropped > 0) {
      const value = { type: "overflow", dropped: this.#dropped } as const;
      this.#dropped = 0;
      return Promise.resolve({ value, done: false });
    }
    const value = this.#events.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<E | OverflowEvent, undefined>> {
    this.#events.clear();
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
