/**
 * The events of a crawl, the summary that counts them, and a reader of lines that an earlier
 * crawl has written.
 */
import { VerackError } from "../core/errors.ts";
import type { Address } from "../transport/address.ts";
import { type NetworkType, networkTypeOf, parseHeard } from "./frontier.ts";
import type { ProbeAllOptions } from "./probe_options.ts";
import {
  PROBE_ERROR_KINDS,
  type ProbeErrorKind,
  type ProbeResult,
} from "./probe_result.ts";
import type { Resolver } from "./seeds.ts";

/** Options of {@linkcode crawl}. */
export interface CrawlOptions
  extends Omit<ProbeAllOptions, "stay" | "onOpen" | "onMessage"> {
  /** Where to begin; names are looked up. @default {none} */
  readonly addresses?: Iterable<string | Address>;
  /** DNS seeds to ask. @default {the network's, if nothing else is known} */
  readonly seeds?: readonly string[];
  /** Nodes of an earlier crawl, see `parseCrawl()`; those visited lately are counted, not visited. */
  readonly known?:
    | Iterable<CrawlNode | CrawlHeard>
    | AsyncIterable<CrawlNode | CrawlHeard>;
  /** Nodes to visit, then it ends. @default {1_000} */
  readonly maxNodes?: number;
  /** How long a node may take to answer `getaddr`. @default {60_000} */
  readonly addrTimeoutMs?: number;
  /** An address is not dialed again before this has passed. @default {86_400_000} */
  readonly repeatAfterMs?: number;
  /** Whether private and loopback addresses are dialed as well. @default {false} */
  readonly allowPrivate?: boolean;
  /** Looks names up. @default {systemResolver} */
  readonly resolve?: Resolver;
}

/** A node that was visited. */
export interface CrawlNode {
  /** Tells events apart. */
  readonly type: "node";
  /** When, milliseconds since the Unix epoch. */
  readonly visitedAt: number;
  /** Of its address. */
  readonly networkType: NetworkType;
  /** The handshake. */
  readonly result: Omit<ProbeResult, "version" | "ended" | "toJSON">;
  /** Addresses it sent, over all `addr` and `addrv2`. */
  readonly told: number;
}

/** Addresses that were not received before, in batches. */
export interface CrawlHeard {
  /** Tells events apart. */
  readonly type: "heard";
  /** `host:port` of the node or the name of the seed that sent them, `given` for the caller. */
  readonly from: string;
  /** `host:port` each. */
  readonly addresses: readonly string[];
}

/** An event of a crawl; `summary` comes last. */
export type CrawlEvent =
  | CrawlNode
  | CrawlHeard
  /** A seed, or another name, did not answer. */
  | {
    readonly type: "seed-failed";
    readonly seed: string;
    readonly message: string;
  }
  | CrawlSummary;

/**
 * Counts over all nodes that answered, known ones included. Most frequent first,
 * but for protocol versions, which ascend.
 */
export interface CrawlSummary {
  /** Tells events apart. */
  readonly type: "summary";
  /** Name of the network. */
  readonly network: string;
  /** Nodes visited in this crawl. */
  readonly visited: number;
  /** Completed handshakes with different nodes, known ones included. */
  readonly ok: number;
  /** The others, by reason. */
  readonly failed: Readonly<Partial<Record<ProbeErrorKind, number>>>;
  /** Addresses that could be visited and were not. */
  readonly unvisited: number;
  /** All different addresses received, by network type, those that cannot be dialed included. */
  readonly heard: Readonly<Partial<Record<NetworkType, number>>>;
  /** Complete handshakes by network type. */
  readonly networkTypes: Readonly<Partial<Record<NetworkType, number>>>;
  /** Complete handshakes by user agent, escaped. */
  readonly userAgents: Readonly<Record<string, number>>;
  /** Complete handshakes by the version they announced. */
  readonly protocolVersions: Readonly<Record<string, number>>;
  /** Complete handshakes by service; a node counts for each that it offers. */
  readonly services: Readonly<Record<string, number>>;
  /** Of this crawl. */
  readonly durationMs: number;
}

// --- Counting ------------------------------------------------------------------

/** What is counted of a node: how its handshake failed, or its version. */
type Counted = ProbeErrorKind | {
  readonly networkType: NetworkType;
  readonly protocolVersion: number;
  readonly services: readonly string[];
  readonly userAgent: string;
};

/** Counts what a crawl finds, by the last visit of each node; a summary can be had at any time. */
export class CrawlCounts {
  readonly #nodes = new Map<string, Counted>();
  readonly #heard = new Map<NetworkType, number>();

  /** Counts the visit of a node, in this crawl or in an earlier one. */
  add({ networkType, result }: CrawlNode): void {
    const { protocolVersion = 0, services = [], userAgent = "" } = result;
    this.#nodes.set(
      result.address,
      result.ok
        ? { networkType, protocolVersion, services, userAgent }
        : result.error?.kind ?? "timeout",
    );
  }

  /** Counts an address that was received for the first time. */
  hear({ host }: Address): void {
    const type = networkTypeOf(host);
    if (type !== undefined) add(this.#heard, type);
  }

  /** All counts, with the figures of the crawl itself. */
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
      if (typeof node === "string") {
        add(failed, node);
        continue;
      }
      ok++;
      add(networkTypes, node.networkType);
      add(userAgents, node.userAgent);
      add(protocolVersions, `${node.protocolVersion}`);
      for (const service of node.services) add(services, service);
    }
    const { network, visited, unvisited, durationMs } = crawl;
    return {
      type: "summary",
      network,
      visited,
      ok,
      failed: ranked(failed),
      unvisited,
      heard: ranked(this.#heard),
      networkTypes: ranked(networkTypes),
      userAgents: ranked(userAgents),
      protocolVersions: ranked(protocolVersions),
      services: ranked(services),
      durationMs,
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

// --- Reading -------------------------------------------------------------------

/**
 * The nodes and addresses in the output of a crawl, line by line, for
 * `CrawlOptions.known`. Lines of other types are passed over, and so is a last
 * line that was cut, as a crawl that was killed leaves it.
 *
 * @param lines Without their line ends.
 * @throws {VerackError} `malformed` for any other line that no crawl wrote.
 */
export async function* parseCrawl(
  lines: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<CrawlNode | CrawlHeard, void, void> {
  let number = 0;
  let cut: VerackError | undefined;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    if (cut !== undefined) throw cut;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      cut = broken(number, "no JSON", { cause });
      continue;
    }
    if (!isObject(value) || typeof value.type !== "string") {
      throw broken(number, "no object with a type");
    }
    if (value.type === "node") {
      if (!isNode(value)) throw broken(number, "no node");
      yield value;
    } else if (value.type === "heard") {
      if (!isHeard(value)) throw broken(number, "no list of addresses");
      yield value;
    }
  }
}

function isNode(value: object): value is CrawlNode {
  const { visitedAt, networkType, told, result } = value as Partial<CrawlNode>;
  if (!isObject(result)) return false;
  const { address, ok, protocolVersion, services, userAgent, error } = result;
  const parsed = parseHeard(address);
  return parsed !== undefined && Number.isSafeInteger(visitedAt) &&
    Number.isSafeInteger(told) &&
    typeof ok === "boolean" && networkType === networkTypeOf(parsed.host) &&
    (ok
      ? Number.isInteger(protocolVersion) && isTexts(services) &&
        typeof userAgent === "string"
      : isObject(error) &&
        PROBE_ERROR_KINDS.includes(error.kind as ProbeErrorKind));
}

function isHeard(value: object): value is CrawlHeard {
  const { from, addresses } = value as Partial<CrawlHeard>;
  return typeof from === "string" && isTexts(addresses) &&
    addresses.every((it) => parseHeard(it) !== undefined);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function broken(
  number: number,
  is: string,
  options?: ErrorOptions,
): VerackError {
  return new VerackError(
    "malformed",
    `Cannot read crawl: line ${number} is ${is}, must be what a crawl has written`,
    options,
  );
}
