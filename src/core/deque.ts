/**
 * The one queue of `src/` that may become long: both ends take constant time. (That of
 * `@std/data-structures` allocates 8 items when it is empty, for every topic of every peer.)
 */

/** The array is shortened once this many items have been removed. */
const COMPACT_AT = 1_024;

/** A list that is read from its beginning and grows at its end. */
export class Deque<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  constructor(items: Iterable<T> = []) {
    for (const item of items) this.#items.push(item);
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  get last(): T | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1);
  }

  /** The item with `index` items before it. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the first item. */
  shift(): T | undefined {
    if (this.#head === 0 && this.#items.length <= 1) return this.#items.pop();
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.clear();
    } else if (
      this.#head >= COMPACT_AT && 2 * this.#head >= this.#items.length
    ) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Replaces the first item; of an empty queue, nothing. */
  replaceFirst(item: T): void {
    if (this.length > 0) this.#items[this.#head] = item;
  }

  /** Removes the item with `index` items before it, if there is one. */
  removeAt(index: number): void {
    if (index === 0) this.shift();
    else if (index > 0) this.#items.splice(this.#head + index, 1);
  }

  /** Removes the items for which `keep` is false. */
  retain(keep: (item: T) => boolean): void {
    this.#items = [...this].filter(keep);
    this.#head = 0;
  }

  /** Removes and returns all items. */
  drain(): T[] {
    const items = [...this];
    this.clear();
    return items;
  }

  clear(): void {
    this.#items.length = this.#head = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#head; at < this.#items.length; at++) {
      yield this.#items[at] as T;
    }
  }
}
