/** Options of `crawl()`, and what it tells as it goes. */
import type { ProbeAllOptions } from "./probe_options.ts";
import type { Address } from "../transport/address.ts";
import type { Resolver } from "./seeds.ts";
import type { ProbeErrorKind, ProbeResult } from "./probe_result.ts";

/** Where in the world an address is (BIP155). */
export type NetworkType =
  | "ipv4"
  | "ipv6"
  | "onion"
  | "i2p"
  | "cjdns"
  | "yggdrasil";

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
  /** Addresses it told, over all `addr` and `addrv2`. */
  readonly told: number;
}

/** Addresses that nobody had told before, in lots. */
export interface CrawlHeard {
  /** Tells events apart. */
  readonly type: "heard";
  /** `host:port` of the node or the name of the seed that told them, `given` for the caller. */
  readonly from: string;
  /** `host:port` each. */
  readonly addresses: readonly string[];
}

/** What a crawl tells, in this order of time; `summary` comes last. */
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
  /** Nodes whose handshake was complete, known ones included. */
  readonly ok: number;
  /** The others, by reason. */
  readonly failed: Readonly<Partial<Record<ProbeErrorKind, number>>>;
  /** Addresses that could be visited and were not. */
  readonly unvisited: number;
  /** All different addresses heard, by network type, those that cannot be dialed too. */
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
