/**
 * `crawl()`: walks a Bitcoin network from node to node, politely. What is next is
 * decided in `frontier.ts`, a visit is `attempt.ts` and `ask_addresses.ts`.
 */
import {
  BITCOIN_PROBE_CONCURRENCY,
  CRAWL_ADDR_TIMEOUT_MS,
  CRAWL_HEARD_PER_EVENT,
  CRAWL_MAX_NODES,
  CRAWL_REPEAT_AFTER_MS,
  MAX_ADDR_PAYLOAD_BYTES,
  MAX_BITCOIN_CONCURRENCY,
  MAX_CRAWL_ADDRESSES,
} from "../limits.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { isIpv4, isIpv6 } from "../transport/ip.ts";
import { AddressCollector } from "./ask_addresses.ts";
import { attempt } from "./attempt.ts";
import { isBadPort } from "./bad_ports.ts";
import { CrawlCounts } from "./crawl_counts.ts";
import type {
  CrawlEvent,
  CrawlHeard,
  CrawlNode,
  CrawlOptions,
} from "./crawl_options.ts";
import { Frontier } from "./frontier.ts";
import { networkTypeOf, parseHeard, reachOf } from "./network_type.ts";
import { pool } from "./pool.ts";
import {
  checkCount,
  checkMs,
  probeSettings,
  targetOf,
} from "./probe_settings.ts";
import { askSeeds } from "./seeds.ts";

export type {
  CrawlEvent,
  CrawlHeard,
  CrawlNode,
  CrawlOptions,
  CrawlSummary,
} from "./crawl_options.ts";

/**
 * Walks a network: visits addresses, does the handshake, asks for more addresses,
 * goes on. Tells of every node as it was visited and of every address when it is
 * first heard; the last event is the summary. Needs `--allow-net`.
 *
 * Polite: a bounded number of connections at once, one to an IP address, each
 * address dialed once and not again for a day (`known`), only public addresses
 * unless asked otherwise, and no ports where other protocols live.
 *
 * @throws {TypeError} {RangeError} at once for misuse.
 * @throws from the iteration: the signal's reason when it aborts, and
 * {@linkcode VerackError} for what is wrong with us.
 *
 * @example
 * ```ts
 * import { crawl } from "./crawl.ts";
 * import { respond } from "./respond.ts";
 *
 * await using node = await respond({ network: "regtest", port: 0 });
 * const options = { network: "regtest", addresses: [node.address] } as const;
 * const nodes = crawl({ ...options, allowPrivate: true, addrTimeoutMs: 10 });
 * for await (const event of nodes) {
 *   if (event.type === "summary") console.assert(event.ok === 1);
 * }
 * ```
 */
export function crawl(
  options: CrawlOptions = {},
): AsyncGenerator<CrawlEvent, void, void> {
  return new Crawl(options).run();
}

class Crawl {
  readonly #options: CrawlOptions;
  readonly #settings: ReturnType<typeof probeSettings>;
  readonly #allowPrivate: boolean;
  readonly #concurrency: number;
  readonly #addrTimeoutMs: number;
  readonly #repeatAfterMs: number;
  readonly #given: readonly Address[];
  readonly #frontier: Frontier;
  readonly #counts = new CrawlCounts();
  readonly #startedAt: number;

  constructor(options: CrawlOptions) {
    const {
      allowPrivate = false,
      concurrency = BITCOIN_PROBE_CONCURRENCY,
      addrTimeoutMs = CRAWL_ADDR_TIMEOUT_MS,
      repeatAfterMs = CRAWL_REPEAT_AFTER_MS,
      maxNodes = CRAWL_MAX_NODES,
    } = options;
    this.#options = options;
    this.#settings = probeSettings(options);
    this.#allowPrivate = allowPrivate;
    this.#concurrency = checkCount(
      "concurrency",
      concurrency,
      MAX_BITCOIN_CONCURRENCY,
    );
    this.#addrTimeoutMs = checkMs("addrTimeoutMs", addrTimeoutMs);
    this.#repeatAfterMs = checkMs("repeatAfterMs", repeatAfterMs);
    this.#frontier = new Frontier(
      checkCount("maxNodes", maxNodes, MAX_CRAWL_ADDRESSES),
    );
    this.#startedAt = this.#settings.clock.monotonic();
    const { port } = this.#settings.network;
    this.#given = [...options.addresses ?? []].map((it) => targetOf(it, port));
    for (const address of this.#given) this.#checkGiven(address);
    this.#checkBeginning();
  }

  async *run(): AsyncGenerator<CrawlEvent, void, void> {
    this.#options.signal?.throwIfAborted();
    await this.#recall();
    const given = this.#given.filter(isIp);
    yield* this.#tellHeard("given", this.#hear(given, { trusted: true }));
    yield* this.#lookUp();
    const { signal } = this.#options;
    const visits = pool(
      this.#frontier,
      (address: Address, stop) => this.#visit(address, stop),
      { concurrency: this.#concurrency, signal },
    );
    for await (const { node, fresh } of visits) {
      this.#counts.add(node);
      yield node;
      yield* this.#tellHeard(node.result.address, fresh);
    }
    yield this.#counts.summary({
      network: this.#settings.network.name,
      visited: this.#frontier.started,
      unvisited: this.#frontier.waiting,
      durationMs: this.#settings.clock.monotonic() - this.#startedAt,
    });
  }

  /** What the caller names must be such that it can be dialed, or it is a mistake. */
  #checkGiven(address: Address): void {
    if (!isIp(address) || this.#reach(address) === "dial") return;
    throw new RangeError(
      `Cannot crawl: ${
        formatAddress(address)
      } is not on the internet, must be, or allowPrivate must be true`,
    );
  }

  #checkBeginning(): void {
    const { seeds, known } = this.#options;
    const { network } = this.#settings;
    if (
      this.#given.length > 0 || known !== undefined ||
      (seeds ?? network.seeds).length > 0
    ) return;
    throw new RangeError(
      `Cannot crawl: ${network.name} has no DNS seeds, addresses must be given`,
    );
  }

  // --- Where to begin ----------------------------------------------------------

  /** Takes over what an earlier crawl found. */
  async #recall(): Promise<void> {
    const visited = new Map<string, CrawlNode>();
    const heard = new Map<string, Address>();
    for await (const record of this.#options.known ?? []) {
      if (visited.size + heard.size >= MAX_CRAWL_ADDRESSES) break;
      if (record.type === "node") {
        const { address } = record.result;
        const { visitedAt = -Infinity } = visited.get(address) ?? {};
        if (record.visitedAt >= visitedAt) visited.set(address, record);
      } else {
        for (const text of record.addresses) {
          const address = parseHeard(text);
          if (address !== undefined) heard.set(text, address);
        }
      }
    }
    const now = this.#settings.clock.now();
    for (const [text, node] of visited) {
      const address = parseHeard(text);
      if (address === undefined) continue;
      this.#counts.add(node);
      const isDue = now - node.visitedAt >= this.#repeatAfterMs;
      const visit = isDue && this.#mayVisit(address) ? "later" : "never";
      if (this.#frontier.hear(address, { visit })) this.#counts.hear(address);
    }
    this.#hear(heard.values(), { trusted: false });
  }

  /** Looks up the names that were given, and the seeds if there is nothing else. */
  async *#lookUp(): AsyncGenerator<CrawlEvent, void, void> {
    const { resolve, signal } = this.#options;
    const { network, clock } = this.#settings;
    const names = this.#given.filter((address) => !isIp(address));
    const knowsNothing = names.length === 0 && this.#frontier.known === 0;
    const seeds = this.#options.seeds ?? (knowsNothing ? network.seeds : []);
    const hosts = [...new Set([...names.map(({ host }) => host), ...seeds])];
    const options = {
      clock,
      ...(resolve && { resolve }),
      ...(signal && { signal }),
    };
    for await (const { seed, ips, failure } of askSeeds(hosts, options)) {
      if (failure !== undefined) {
        yield { type: "seed-failed", seed, message: failure };
      }
      const ports = names.filter(({ host }) => host === seed)
        .map(({ port }) => port);
      if (seeds.includes(seed)) ports.push(network.port);
      const found = ips.flatMap((host) =>
        ports.map((port) => ({ host, port }))
      );
      yield* this.#tellHeard(seed, this.#hear(found, { trusted: true }));
    }
  }

  // --- A visit -----------------------------------------------------------------

  async #visit(
    address: Address,
    signal: AbortSignal,
  ): Promise<{ node: CrawlNode; fresh: string[] }> {
    const collector = new AddressCollector();
    const { clock } = this.#settings;
    const timeoutMs = this.#addrTimeoutMs;
    let told: readonly Address[] = [];
    try {
      const { result } = await attempt(address, this.#settings, {
        signal,
        keepPayload: MAX_ADDR_PAYLOAD_BYTES,
        onOpen: (session) => collector.register(session),
        whileOpen: async (session) => {
          told = await collector.ask(session, { clock, timeoutMs, signal });
        },
      });
      const node: CrawlNode = {
        type: "node",
        visitedAt: Math.floor(clock.now()),
        networkType: networkTypeOf(address.host) ?? "ipv4",
        result: { ...result },
        told: told.length,
      };
      // Before the visit counts as finished: what it told may be all that is left.
      return { node, fresh: this.#hear(told, { trusted: false }) };
    } finally {
      this.#frontier.finish(address);
    }
  }

  // --- Addresses ---------------------------------------------------------------

  /** Remembers addresses; those that are news and worth telling of. */
  #hear(
    addresses: Iterable<Address>,
    options: { trusted: boolean },
  ): string[] {
    const fresh: string[] = [];
    for (const address of addresses) {
      const reach = this.#reach(address);
      if (reach === "never") continue;
      const visit = reach === "dial" &&
          (options.trusted || !isBadPort(address.port)) && address.port > 0
        ? "now"
        : "never";
      if (!this.#frontier.hear(address, { visit })) continue;
      this.#counts.hear(address);
      fresh.push(formatAddress(address));
    }
    return fresh;
  }

  *#tellHeard(
    from: string,
    addresses: readonly string[],
  ): Generator<CrawlHeard, void, void> {
    for (let at = 0; at < addresses.length; at += CRAWL_HEARD_PER_EVENT) {
      const lot = addresses.slice(at, at + CRAWL_HEARD_PER_EVENT);
      yield { type: "heard", from, addresses: lot };
    }
  }

  #mayVisit(address: Address): boolean {
    return this.#reach(address) === "dial" && address.port > 0;
  }

  #reach({ host }: Address): "dial" | "count" | "never" {
    return reachOf(host, { allowPrivate: this.#allowPrivate });
  }
}

function isIp({ host }: Address): boolean {
  return isIpv4(host) || isIpv6(host);
}
