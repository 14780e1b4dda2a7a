/** Counts what a crawl finds; a summary can be had at any time. */
import { type Address, formatAddress } from "../transport/address.ts";
import type { CrawlNode, CrawlSummary, NetworkType } from "./crawl_options.ts";
import { networkTypeOf } from "./network_type.ts";
import type { ProbeErrorKind } from "./probe_result.ts";

/** What is counted of a node. */
type Counted =
  & Pick<
    CrawlNode["result"],
    "ok" | "protocolVersion" | "services" | "userAgent"
  >
  & { kind: ProbeErrorKind | undefined; networkType: NetworkType };

/** Nodes by address, the last visit of each. */
export class CrawlCounts {
  readonly #nodes = new Map<string, Counted>();
  readonly #heard = new Map<NetworkType, number>();

  /** A node was visited, in this crawl or in an earlier one. */
  add({ networkType, result }: CrawlNode): void {
    const { address, ok, protocolVersion, services, userAgent, error } = result;
    this.#nodes.set(address, {
      networkType,
      ok,
      kind: error?.kind,
      ...(ok && {
        protocolVersion: protocolVersion ?? 0,
        services: services ?? [],
        userAgent: userAgent ?? "",
      }),
    });
  }

  /** An address was heard of for the first time. */
  hear({ host }: Address): void {
    const type = networkTypeOf(host);
    if (type !== undefined) add(this.#heard, type);
  }

  /** Whether the node was counted. */
  has(address: Address): boolean {
    return this.#nodes.has(formatAddress(address));
  }

  /** All counts, with what the crawl itself knows. */
  summary(
    crawl: Pick<
      CrawlSummary,
      "network" | "visited" | "unvisited" | "durationMs"
    >,
  ): CrawlSummary {
    const failed = new Map<ProbeErrorKind, number>();
    const networkTypes = new Map<NetworkType, number>();
    const userAgents = new Map<string, number>();
    const protocolVersions = new Map<string, number>();
    const services = new Map<string, number>();
    let ok = 0;
    for (const node of this.#nodes.values()) {
      if (!node.ok) {
        add(failed, node.kind ?? "timeout");
        continue;
      }
      ok++;
      add(networkTypes, node.networkType);
      add(userAgents, node.userAgent ?? "");
      add(protocolVersions, `${node.protocolVersion ?? 0}`);
      for (const service of node.services ?? []) add(services, service);
    }
    return {
      type: "summary",
      network: crawl.network,
      visited: crawl.visited,
      ok,
      failed: ranked(failed),
      unvisited: crawl.unvisited,
      heard: ranked(this.#heard),
      networkTypes: ranked(networkTypes),
      userAgents: ranked(userAgents),
      protocolVersions: ranked(protocolVersions),
      services: ranked(services),
      durationMs: crawl.durationMs,
    };
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Most frequent first; `fromEntries` makes own properties even of `__proto__`. */
function ranked<K extends string>(
  counts: ReadonlyMap<K, number>,
): Record<K, number> {
  const entries = [...counts].sort((a, b) => b[1] - a[1]);
  return Object.fromEntries(entries) as Record<K, number>;
}
