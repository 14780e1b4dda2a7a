/**
 * The addresses that a crawl knows of, and which of them is next: each once, one
 * connection to an IP address at a time, those never visited before those that
 * were, all bounded.
 */
import { MAX_CRAWL_ADDRESSES } from "../limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";

/** Addresses in the order to visit them; iterate it once. */
export class Frontier implements AsyncIterableIterator<Address, void, void> {
  readonly #maxNodes: number;
  readonly #known = new Set<string>();
  readonly #queue: Address[] = [];
  /** How much of the queue is done; arrays are slow to shift. */
  #next = 0;
  /** Old acquaintances, visited again when nobody new is left. */
  readonly #repeats: Address[] = [];
  /** Hosts with a connection, and the addresses that wait for its end. */
  readonly #busy = new Map<string, Address[]>();
  #started = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** At most `maxNodes` addresses come out. */
  constructor(maxNodes: number) {
    this.#maxNodes = maxNodes;
  }

  /** Different addresses, whether they can be visited or not. */
  get known(): number {
    return this.#known.size;
  }

  /** Addresses given out. */
  get started(): number {
    return this.#started;
  }

  /** Addresses to visit that have not been given out. */
  get waiting(): number {
    let parked = 0;
    for (const addresses of this.#busy.values()) parked += addresses.length;
    return this.#queue.length - this.#next + this.#repeats.length + parked;
  }

  /**
   * An address was heard of; false if that is no news, or there is no room to
   * remember it.
   */
  hear(
    address: Address,
    options: { visit: "now" | "later" | "never" },
  ): boolean {
    const key = formatAddress(address);
    if (this.#known.has(key) || this.#known.size >= MAX_CRAWL_ADDRESSES) {
      return false;
    }
    this.#known.add(key);
    if (options.visit === "now") this.#queue.push(address);
    else if (options.visit === "later") this.#repeats.push(address);
    this.#wake?.();
    return true;
  }

  /** The visit of an address that was given out is over. */
  finish(address: Address): void {
    const parked = this.#busy.get(address.host) ?? [];
    this.#busy.delete(address.host);
    this.#queue.push(...parked);
    this.#wake?.();
  }

  /** The next address to visit; waits while a visit under way may bring one. */
  async next(): Promise<IteratorResult<Address, void>> {
    for (;;) {
      const isOver = this.#ended || this.#started >= this.#maxNodes;
      const address = isOver ? undefined : this.#take();
      if (address !== undefined) {
        this.#started++;
        this.#busy.set(address.host, []);
        return { done: false, value: address };
      }
      if (isOver || this.#busy.size === 0) {
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Nothing more is wanted. */
  return(): Promise<IteratorResult<Address, void>> {
    this.#ended = true;
    this.#wake?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): Address | undefined {
    for (;;) {
      const address = this.#shift();
      const parked = address && this.#busy.get(address.host);
      if (address === undefined || parked === undefined) return address;
      parked.push(address);
    }
  }

  #shift(): Address | undefined {
    const address = this.#queue[this.#next];
    if (address === undefined) return this.#repeats.pop();
    this.#next++;
    if (this.#next > 1_024 && 2 * this.#next > this.#queue.length) {
      this.#queue.splice(0, this.#next);
      this.#next = 0;
    }
    return address;
  }
}
