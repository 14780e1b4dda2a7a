/** A list from which any entry can be removed in constant time, for taking turns. */

/** The place of one value; in at most one ring at a time. */
export class RingEntry<T> {
  readonly value: T;

  // --- Changed by `Ring` only -------------------------------------------------
  ring: Ring<T> | undefined;
  previous: RingEntry<T> | undefined;
  next: RingEntry<T> | undefined;

  constructor(value: T) {
    this.value = value;
  }
}

/** Entries in the order in which they were pushed. */
export class Ring<T> {
  #first: RingEntry<T> | undefined;
  #last: RingEntry<T> | undefined;

  /** The oldest entry. */
  get first(): RingEntry<T> | undefined {
    return this.#first;
  }

  /** Adds an entry, which is in no ring, as the last. */
  push(entry: RingEntry<T>): void {
    entry.ring = this;
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  /** Removes an entry of this ring. */
  remove(entry: RingEntry<T>): void {
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    entry.ring = entry.previous = entry.next = undefined;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) {
      yield entry.value;
    }
  }
}
