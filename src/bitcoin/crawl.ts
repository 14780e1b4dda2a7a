/**
 * `crawl()`: walks a Bitcoin network from node to node, politely. The order of visits is
 * decided in `frontier.ts`; a visit is `attempt()` of `probe.ts`.
 */
import type { Clock } from "../core/clock.ts";
import { SharedSignal } from "../core/shared_timers.ts";
import { VerackError } from "../core/errors.ts";
import { pool } from "../core/pool.ts";
import { MAX_ADDR_PAYLOAD_BYTES } from "../wire/wire_limits.ts";
import {
  BITCOIN_PROBE_CONCURRENCY,
  CRAWL_ADDR_TIMEOUT_MS,
  CRAWL_HEARD_PER_EVENT,
  CRAWL_MAX_ADDR_MESSAGES,
  CRAWL_MAX_NODES,
  CRAWL_REPEAT_AFTER_MS,
  MAX_BITCOIN_CONCURRENCY,
  MAX_CRAWL_ADDRESSES,
} from "./bitcoin_limits.ts";
import type { Session } from "../session/session.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { isIpv4, isIpv6 } from "../transport/ip.ts";
import { hostOfNetworkAddress } from "../wire/bip155.ts";
import { COMMAND } from "../wire/commands.ts";
import { decodeAddr, decodeAddrV2 } from "../wire/messages/bitcoin_messages.ts";
import {
  CrawlCounts,
  type CrawlEvent,
  type CrawlHeard,
  type CrawlNode,
  type CrawlOptions,
} from "./crawl_events.ts";
import {
  Frontier,
  isBadPort,
  networkTypeOf,
  parseHeard,
  reachOf,
} from "./frontier.ts";
import { attempt } from "./probe.ts";
import {
  checkCount,
  checkMs,
  probeSettings,
  targetOf,
} from "./probe_options.ts";
import { askSeeds } from "./seeds.ts";

/**
 * Walks a network: visits addresses, does the handshake, requests more addresses, and goes on.
 * Reports every node after its visit and every address when it is first received; the last
 * event is the summary. Needs `--allow-net`.
 *
 * Polite: a limited number of connections at once, one to an IP address, each address dialed
 * once and not again for a day (`known`), only public addresses unless asked otherwise, and no
 * ports where other protocols live.
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
  readonly #concurrency: number;
  readonly #addrTimeoutMs: number;
  readonly #repeatAfterMs: number;
  readonly #given: readonly Address[];
  readonly #frontier: Frontier;
  readonly #counts = new CrawlCounts();
  readonly #startedAt: number;

  constructor(options: CrawlOptions) {
    const {
      concurrency = BITCOIN_PROBE_CONCURRENCY,
      addrTimeoutMs = CRAWL_ADDR_TIMEOUT_MS,
      repeatAfterMs = CRAWL_REPEAT_AFTER_MS,
      maxNodes = CRAWL_MAX_NODES,
    } = options;
    this.#options = options;
    const { clock, network } = this.#settings = probeSettings(options);
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
    this.#startedAt = clock.monotonic();
    this.#given = [...options.addresses ?? []].map((it) =>
      targetOf(it, network.port)
    );
    this.#checkBeginning();
  }

  async *run(): AsyncGenerator<CrawlEvent, void, void> {
    this.#options.signal?.throwIfAborted();
    await this.#recall();
    const given = this.#given.filter(isIp);
    yield* this.#tellHeard("given", this.#hear(given, { trusted: true }));
    yield* this.#lookUp();
    const { signal } = this.#options;
    let stops: SharedSignal | undefined;
    const visits = pool(
      this.#frontier,
      (address: Address, stop) => {
        stops ??= new SharedSignal(stop); // It is the same for all.
        return this.#visit(address, stops);
      },
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

  /** An address from the caller that cannot be dialed is misuse. */
  #checkBeginning(): void {
    const { seeds, known } = this.#options;
    const { network } = this.#settings;
    const unreachable = this.#given.find((address) =>
      isIp(address) && this.#reach(address) !== "dial"
    );
    if (unreachable !== undefined) {
      throw new RangeError(
        `Cannot crawl: ${
          formatAddress(unreachable)
        } is not on the internet, must be, or allowPrivate must be true`,
      );
    }
    if (
      this.#given.length === 0 && known === undefined &&
      (seeds ?? network.seeds).length === 0
    ) {
      throw new RangeError(
        `Cannot crawl: ${network.name} has no DNS seeds, addresses must be given`,
      );
    }
  }

  // --- Where to begin ----------------------------------------------------------

  /** Adds the results of an earlier crawl. */
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
      const visit = now - node.visitedAt >= this.#repeatAfterMs &&
          this.#reach(address) === "dial" && address.port > 0
        ? "later"
        : "never";
      if (this.#frontier.hear(address, { visit })) this.#counts.hear(address);
    }
    this.#hear(heard.values());
  }

  /** Looks up the names that were given, and the seeds if there is nothing else. */
  async *#lookUp(): AsyncGenerator<CrawlEvent, void, void> {
    const { resolve, signal } = this.#options;
    const { network, clock } = this.#settings;
    const names = this.#given.filter((address) => !isIp(address));
    const knowsNothing = names.length === 0 && this.#frontier.known === 0;
    const seeds = this.#options.seeds ?? (knowsNothing ? network.seeds : []);
    const hosts = [...new Set([...names.map(({ host }) => host), ...seeds])];
    const answers = askSeeds(hosts, {
      clock,
      ...(resolve && { resolve }),
      ...(signal && { signal }),
    });
    for await (const { seed, ips, failure } of answers) {
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
    signal: SharedSignal,
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
      // Before the visit counts as finished: its addresses may be the only ones left.
      return { node, fresh: this.#hear(told) };
    } finally {
      this.#frontier.finish(address);
    }
  }

  // --- Addresses ---------------------------------------------------------------

  /** Records addresses; returns the new ones that are to be reported. */
  #hear(
    addresses: Iterable<Address>,
    { trusted }: { trusted: boolean } = { trusted: false },
  ): string[] {
    const fresh: string[] = [];
    for (const address of addresses) {
      const reach = this.#reach(address);
      if (reach === "never") continue;
      const visit = reach === "dial" &&
          (trusted || !isBadPort(address.port)) && address.port > 0
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

  #reach({ host }: Address): "dial" | "count" | "never" {
    const { allowPrivate = false } = this.#options;
    return reachOf(host, { allowPrivate });
  }
}

function isIp({ host }: Address): boolean {
  return isIpv4(host) || isIpv6(host);
}

// --- Asking for addresses --------------------------------------------------------

/** Collects the addresses that one peer sends in answer to `getaddr`. */
export class AddressCollector {
  readonly #found: Address[] = [];
  readonly #done = Promise.withResolvers<void>();
  #messages = 0;

  /** Handles `addr` and `addrv2` on a session; a broken one is dropped, as by Core. */
  register(session: Pick<Session, "handle">): void {
    for (const command of [COMMAND.addr, COMMAND.addrv2]) {
      session.handle(command, (payload) => this.#onAddresses(command, payload));
    }
  }

  #onAddresses(command: string, payload: Uint8Array): void {
    if (this.#messages >= CRAWL_MAX_ADDR_MESSAGES) return;
    this.#messages++;
    const entries = readAddresses(command, payload);
    for (const entry of entries) {
      const host = hostOfNetworkAddress(entry);
      if (host !== undefined) this.#found.push({ host, port: entry.port });
    }
    // A single address is the node's own, sent without a request.
    const isAnswer = entries.length > 1;
    if (isAnswer || this.#messages >= CRAWL_MAX_ADDR_MESSAGES) {
      this.#done.resolve();
    }
  }

  /**
   * Sends the request, and resolves with all addresses received when the answer has come, the
   * session has ended, the time is up or the signal aborts.
   */
  async ask(
    session: Session,
    options: { clock: Clock; timeoutMs: number; signal: SharedSignal },
  ): Promise<readonly Address[]> {
    const { clock, timeoutMs, signal } = options;
    const finish = () => this.#done.resolve();
    session.send(COMMAND.getaddr, new Uint8Array(0));
    session.closed.then(finish);
    const cancel = clock.after(timeoutMs, finish);
    using _stop = signal.onAbort(finish);
    await this.#done.promise;
    cancel();
    return this.#found;
  }
}

function readAddresses(
  command: string,
  payload: Uint8Array,
): ReturnType<typeof decodeAddr> {
  try {
    return command === COMMAND.addr
      ? decodeAddr(payload)
      : decodeAddrV2(payload);
  } catch (error) {
    if (error instanceof VerackError) return [];
    throw error;
  }
}
