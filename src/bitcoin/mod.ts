/**
 * Tools for Bitcoin's peer-to-peer network: probe nodes, answer them, crawl from node to
 * node. They share the wire format and the `version`/`verack` handshake with the mesh,
 * and nothing else.
 *
 * @module
 */
import "../core/logtape.ts";
export { BEHAVIOUR_NAMES, BEHAVIOURS } from "./behaviours.ts";
export { CrawlCounts, parseCrawl } from "./crawl_events.ts";
export { crawl } from "./crawl.ts";
export { customSignet, NETWORKS, signetMagic } from "./networks.ts";
export { probe, probeAll } from "./probe.ts";
export { PROBE_ERROR_KINDS } from "./probe_result.ts";
export { respond } from "./respond.ts";
export { seedAddresses } from "./seeds.ts";
export { SERVICE_FLAG, serviceNames, servicesHex } from "./service_flags.ts";
export type { Behaviour, BehaviourName } from "./behaviours.ts";
export type {
  CrawlEvent,
  CrawlHeard,
  CrawlNode,
  CrawlOptions,
  CrawlSummary,
} from "./crawl_events.ts";
export type { NetworkType } from "./frontier.ts";
export type {
  BitcoinNetwork,
  NetworkName,
  NetworkOptions,
} from "./networks.ts";
export type { Inputs } from "../core/pool.ts";
export type {
  PeerMessage,
  ProbeAllOptions,
  ProbeOptions,
  VersionOptions,
} from "./probe_options.ts";
export type {
  ProbeError,
  ProbeErrorKind,
  ProbeEvent,
  ProbeResult,
} from "./probe_result.ts";
export type { Responder, ResponderEvent, RespondOptions } from "./respond.ts";
export type { Resolver, SeedOptions } from "./seeds.ts";
export type { ServiceName } from "./service_flags.ts";
