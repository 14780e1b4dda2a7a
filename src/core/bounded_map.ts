/** The one map of `src/` that forgets its oldest entries. */

/** A `Map` of at most `max` entries, the least recently set first. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #max: number;
  readonly #evictFirst: ((value: V) => boolean) | undefined;

  /**
   * Evicts the oldest entry for which `evictFirst` is true, if there is one, else the
   * oldest.
   */
  constructor(max: number, evictFirst?: (value: V) => boolean) {
    super();
    this.#max = max;
    this.#evictFirst = evictFirst;
  }

  /** Sets an entry, which becomes the newest. */
  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#max) this.#evict();
    return this;
  }

  /** The entry of `key`, which becomes the newest; `make` makes it if there is none. */
  ensure(key: K, make: () => V): V {
    const value = this.has(key) ? this.get(key) as V : make();
    this.set(key, value);
    return value;
  }

  #evict(): void {
    const evictFirst = this.#evictFirst;
    if (evictFirst !== undefined) {
      for (const [key, value] of this) {
        if (evictFirst(value)) return void this.delete(key);
      }
    }
    for (const key of this.keys()) return void this.delete(key);
  }
}
