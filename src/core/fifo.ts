/** A first-in first-out queue whose ends cost nothing, however long it is. */

/** From how many taken entries on the array is made short again. */
const COMPACT_AT = 1_024;

/** A queue of things that are not `undefined`. */
export class Fifo<T> {
  #entries: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The oldest. */
  peek(): T | undefined {
    return this.#entries[this.#head];
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  /** Takes the oldest. */
  shift(): T | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#entries[this.#head++] = undefined;
    if (this.#head === this.#entries.length) {
      this.#entries.length = this.#head = 0;
    } else if (
      this.#head >= COMPACT_AT && 2 * this.#head >= this.#entries.length
    ) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return entry;
  }

  /** Drops what `keep` does not want. */
  retain(keep: (entry: T) => boolean): void {
    this.#entries = [...this].filter(keep);
    this.#head = 0;
  }

  clear(): void {
    this.#entries.length = this.#head = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#head; at < this.#entries.length; at++) {
      yield this.#entries[at]!;
    }
  }
}
