/**
 * The addresses of a crawl: the kind of each, whether it may be dialed, and which is next. Each
 * is visited once, with one connection to an IP address at a time, and those never visited come
 * first. All is bounded.
 */
import { Deque } from "../core/deque.ts";
import { MAX_CRAWL_ADDRESSES } from "./bitcoin_limits.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../transport/address.ts";
import { isIpv4, isIpv6 } from "../transport/ip.ts";
import { classifyIp } from "../transport/scope.ts";

/** The network that an address belongs to (BIP155). */
export type NetworkType =
  | "ipv4"
  | "ipv6"
  | "onion"
  | "i2p"
  | "cjdns"
  | "yggdrasil";

/** The kind of a host as `hostOfNetworkAddress()` writes it; `undefined` for a DNS name. */
export function networkTypeOf(host: string): NetworkType | undefined {
  if (isIpv4(host)) return "ipv4";
  if (host.endsWith(".onion")) return "onion";
  if (host.endsWith(".b32.i2p")) return "i2p";
  if (!isIpv6(host)) return undefined;
  if (/^fc[0-9a-f]{2}:/.test(host)) return "cjdns"; // fc00::/8, as BIP155 wants it
  return /^[23][0-9a-f]{2}:/.test(host) ? "yggdrasil" : "ipv6"; // 200::/7
}

/** How a crawl may treat a host. */
export function reachOf(
  host: string,
  options: { allowPrivate: boolean },
): "dial" | "count" | "never" {
  const type = networkTypeOf(host);
  if (type === undefined) return "never";
  if (type === "onion" || type === "i2p") return "count";
  const scope = classifyIp(host);
  if (scope === "public") return "dial";
  if (scope !== "never" && options.allowPrivate) return "dial";
  // Overlays that only their members reach.
  return type === "cjdns" || type === "yggdrasil" ? "count" : "never";
}

/** An address as crawls write it; I2P has port 0, as it has no ports. */
export function parseHeard(text: unknown): Address | undefined {
  if (typeof text !== "string") return undefined;
  const i2p = /^([a-z2-7]{52}\.b32\.i2p):0$/.exec(text)?.[1];
  if (i2p !== undefined) return { host: i2p, port: 0 };
  try {
    return parseAddress(text);
  } catch {
    return undefined;
  }
}

/**
 * Ports of other protocols: a crawl does not dial them, or gossip could have it attack their
 * servers (bitcoin `src/netbase.cpp`, `IsBadPort`).
 */
// deno-fmt-ignore
const BAD_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79,
  87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137,
  139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
  2049, 3306, 3389, 3659, 4045, 5060, 5061, 5432, 6000, 6566, 6665, 6666, 6667,
  6668, 6669, 6697, 10080,
]);

/** Whether another protocol has this port. */
export function isBadPort(port: number): boolean {
  return BAD_PORTS.has(port);
}

/** Addresses in the order to visit them; iterate it once. */
export class Frontier implements AsyncIterableIterator<Address, void, void> {
  readonly #maxNodes: number;
  readonly #known = new Set<string>();
  readonly #queue = new Deque<Address>();
  /** Visited by an earlier crawl, and again when no others are left. */
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
    return this.#queue.length + this.#repeats.length + parked;
  }

  /** Adds an address; false if it is known already, or too many are. */
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

  /** The visit of an address that was returned by the iterator is over. */
  finish(address: Address): void {
    const parked = this.#busy.get(address.host) ?? [];
    this.#busy.delete(address.host);
    for (const waiting of parked) this.#queue.push(waiting);
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

  /** Ends the iteration. */
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
      const address = this.#queue.shift() ?? this.#repeats.pop();
      const parked = address && this.#busy.get(address.host);
      if (address === undefined || parked === undefined) return address;
      parked.push(address);
    }
  }
}
