/** A Bitcoin network in memory to be crawled: nodes that know each other, and bad ones. */
import type { BehaviourName } from "../../src/bitcoin/behaviours.ts";
import { crawl } from "../../src/bitcoin/crawl.ts";
import type {
  CrawlEvent,
  CrawlNode,
  CrawlOptions,
  CrawlSummary,
} from "../../src/bitcoin/crawl_events.ts";
import {
  respond,
  type Responder,
  type RespondOptions,
} from "../../src/bitcoin/respond.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { networkAddressOfIp } from "../../src/wire/bip155.ts";
import type { AddrEntry } from "../../src/wire/messages/bitcoin_messages.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const PORT = 8333;

/** One node: where it is, whom it tells of, and how it behaves. */
export interface Plan {
  readonly host: string;
  readonly port?: number;
  readonly knows?: readonly (string | AddrEntry)[];
  readonly behaviour?: BehaviourName;
  readonly options?: RespondOptions;
}

/** `n`th public address of a node: one network of 16 bits for every 250. */
export function hostOf(n: number): string {
  return `11.${Math.floor(n / 250)}.0.${1 + n % 250}`;
}

/** An entry of `addr` for an IP address, with or without a port. */
export function entryOf(text: string): AddrEntry {
  const [host = "", port = `${PORT}`] = text.split("/");
  return {
    time: 1_767_225_600,
    services: 9n,
    ...networkAddressOfIp(host),
    port: Number(port),
  };
}

/** Nodes in memory, and a crawler among them. */
export class World implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(7);
  readonly network: MemoryNetwork;
  readonly nodes: Responder[] = [];
  /** Connections that hosts have, now and at most. */
  readonly open = new Map<string, number>();
  mostPerHost = 0;
  mostAtOnce = 0;
  /** Addresses dialed, in order. */
  readonly dialed: string[] = [];

  constructor() {
    const { clock, random } = this;
    this.network = new MemoryNetwork({
      clock,
      random,
      secure: false,
      latencyMs: 20,
      jitterMs: 30,
    });
  }

  /** A network of these nodes. */
  static async of(plans: readonly Plan[]): Promise<World> {
    const world = new World();
    for (const plan of plans) await world.add(plan);
    return world;
  }

  async add(plan: Plan): Promise<void> {
    const { host, port = PORT, knows = [], behaviour = "normal" } = plan;
    const addresses = knows.map((it) =>
      typeof it === "string" ? entryOf(it) : it
    );
    const starting = respond({
      host,
      port,
      behaviour,
      addresses,
      transport: this.network.transport(host),
      clock: this.clock,
      random: this.random,
      ...plan.options,
    });
    await this.clock.advance(0);
    this.nodes.push(await starting);
  }

  /** The options of a crawl of this network. */
  options(options: CrawlOptions): CrawlOptions {
    const transport = this.network.transport("11.255.0.1");
    const dial = transport.dial;
    return {
      clock: this.clock,
      random: this.random,
      addrTimeoutMs: 2_000,
      transport: {
        ...transport,
        dial: async (address, options) => {
          const { host } = address;
          this.dialed.push(`${host}:${address.port}`);
          this.#count(host, 1);
          try {
            const connection = await dial(address, options);
            const close = connection.close.bind(connection);
            let isOpen = true;
            connection.close = () => {
              close();
              if (isOpen) this.#count(host, -1);
              isOpen = false;
            };
            return connection;
          } catch (error) {
            this.#count(host, -1);
            throw error;
          }
        },
      },
      ...options,
    };
  }

  /** A whole crawl, as fast as the clock can go. */
  async crawl(options: CrawlOptions): Promise<Crawled> {
    const events: CrawlEvent[] = [];
    let isOver = false;
    const crawling = (async () => {
      for await (const event of crawl(this.options(options))) {
        events.push(event);
      }
    })().finally(() => isOver = true);
    crawling.catch(() => {}); // heard below
    await this.clock.runUntil(() => isOver, { limitMs: 10_000_000 });
    await crawling;
    return new Crawled(events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  #count(host: string, change: number): void {
    const now = (this.open.get(host) ?? 0) + change;
    this.open.set(host, now);
    const total = this.open.values().reduce((sum, it) => sum + it, 0);
    this.mostPerHost = Math.max(this.mostPerHost, now);
    this.mostAtOnce = Math.max(this.mostAtOnce, total);
  }
}

/** What a crawl told. */
export class Crawled {
  constructor(readonly events: readonly CrawlEvent[]) {}

  get nodes(): CrawlNode[] {
    return this.events.filter((event) => event.type === "node");
  }

  /** All addresses heard, in order. */
  get heard(): string[] {
    return this.events.flatMap((event) =>
      event.type === "heard" ? event.addresses : []
    );
  }

  get summary(): CrawlSummary {
    const last = this.events.at(-1);
    if (last?.type === "summary") return last;
    throw new Error("The last event is no summary");
  }

  /** As it would be written, line by line. */
  get lines(): string[] {
    return this.events.map((event) => JSON.stringify(event));
  }
}
