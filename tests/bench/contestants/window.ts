/** How many bytes are under way to a receiver, and what waits for them to arrive. */
export class Window {
  #bytes = 0;
  #waiters: { bytes: number; resolve: () => void }[] = [];

  get bytes(): number {
    return this.#bytes;
  }

  /** So many more are under way. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** So many have arrived. */
  settle(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (this.#bytes > waiter.bytes) return true;
      waiter.resolve();
      return false;
    });
  }

  /** Resolves when at most `bytes` are under way. */
  settled(bytes: number): Promise<void> {
    if (this.#bytes <= bytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ bytes, resolve }));
  }
}
