/** Settings of a node: their meaning, their defaults and their checks. */
import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../core/clock.ts";
import { refuseUnknownOptions } from "../core/errors.ts";
import {
  MAX_DELIVERIES,
  MAX_KEPT_TOPICS,
} from "../delivery/delivery_limits.ts";
import { checkTopic } from "../delivery/kept_topics.ts";
import {
  MAX_DURATION_MS,
  MIN_DURATION_MS,
  PEER_EXCHANGE_MIN_MS,
  PEER_EXCHANGE_MS,
} from "./mesh_limits.ts";
import {
  DEAD_AFTER_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEARTBEAT_MS,
  MAX_SESSIONS,
} from "../session/session_limits.ts";
import {
  type OutboxLimits,
  type OutboxOptions,
  resolveOutbox,
} from "../delivery/delivery_settings.ts";
import type { MessageStore } from "../delivery/message_store.ts";
import type { Identity } from "../identity/identity.ts";
import { type Invite, parseInvite } from "../identity/invite.ts";
import { parsePeerName } from "../identity/peer_name.ts";
import { deriveNetworkKey } from "../identity/shared_secret.ts";
import type { AdmissionMode } from "./admission/admission_policy.ts";
import { KeptTime } from "./kept_time.ts";
import { advertisedOf, hostsOf, listensBy } from "./listening.ts";
import { parsePeerTarget, type PeerTarget } from "./peer_target.ts";
import { MemoryStore } from "./peers/memory_store.ts";
import type { NodeStore } from "./peers/node_store.ts";
import { type RelaySettings, resolveRelay } from "./relay/relay_settings.ts";
import type { Address } from "../transport/address.ts";
import {
  grantedNetworks,
  type NetworkReader,
} from "../transport/interface_addresses.ts";
import type { LocalNetwork } from "../transport/local_networks.ts";
import type { Resolver } from "../transport/resolve.ts";
import {
  type MulticastDns,
  systemMulticast,
} from "../transport/multicast_dns.ts";
import type { ServiceResolver } from "../transport/service_records.ts";
import { tlsTransport } from "../transport/tls.ts";
import type { Transport } from "../transport/transport.ts";
import { parseNetworkName } from "../wire/frame.ts";

/** Settings of `Node.start`. */
export interface NodeOptions {
  /** The key of this node. @default a fresh key that lives in memory only */
  readonly identity?: Identity;
  /** Its name: 1 to 32 letters of one alphabet, digits, `.`, `_`, `-`. */
  readonly name?: string;
  /**
   * Address to listen on, or several, on one port; `::` is every one of IPv6 and IPv4.
   * @default {"127.0.0.1"}, with `discover` {"0.0.0.0"}
   */
  readonly host?: string | readonly string[];
  /** Port to listen on; 0 means a free one. @default {0} */
  readonly port?: number;
  /**
   * Whether it listens. Without, it is a full member all the same: it dials the others, and
   * needs `connect`, `discover` or a member on record. Excludes `host`, `port` and `advertise`.
   * @default {true}
   */
  readonly listen?: boolean;
  /**
   * Members to join through: `host:port`, `[v6]:port`, or `srv:_verack._tcp.example.org`
   * for the hosts and ports in SRV records; after `identity@` no other node is accepted.
   */
  readonly connect?: readonly string[];
  /**
   * The address to advertise, or up to 4 of them, the best first, if others reach this node at
   * another one than they see: `host:port`. No other is advertised then.
   */
  readonly advertise?: string | readonly string[];
  /**
   * Announces this node on the local networks by multicast DNS, and joins nodes of the same
   * network that it finds there. Of a closed mesh, or with a secret, nothing but the port is
   * announced. Without `host` the node listens on all addresses of IPv4. @default {false}
   */
  readonly discover?: boolean;
  /** Name of the mesh; nodes of different names never meet. @default {"main"} */
  readonly network?: string;
  /** Most peers connected at once. @default {1_024} */
  readonly maxPeers?: number;
  /** An idle session is pinged after this long. @default {1_000} */
  readonly heartbeatMs?: number;
  /** A silent peer is dead after this long; more than `heartbeatMs`. @default three heartbeats */
  readonly deadAfterMs?: number;
  /** Deadline of a whole handshake. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
  /** How often lists of peers are requested, at least 2,000. @default {30_000} */
  readonly peerExchangeMs?: number;
  /**
   * The records of other nodes, across restarts if it is on disk. The caller closes it, after
   * the node. @default a store in memory
   */
  readonly store?: NodeStore;
  /**
   * Whether all peers are admitted, or only those that are on record, allowed, pinned, invited
   * or attested by a member. A store remembers `"closed"`, until a start with `"open"`.
   * @default what the store remembers or the host of the invite does, else {"open"}
   */
  readonly admission?: "open" | "closed";
  /**
   * The network's secret, at least 16 bytes: both ends of every session prove it before the
   * dialer sends its identity. A store remembers the key derived from it; `null` drops that.
   */
  readonly secret?: string | Uint8Array | null;
  /** An invite to join by, `identity@host:port#code`, as a member's `invite` makes it. */
  readonly invite?: string;
  /** Bounds of unacknowledged messages; more are rejected at once. */
  readonly outbox?: OutboxOptions;
  /**
   * Whether this node relays for pairs of members that cannot reach each other, and how much.
   * Being relayed does not depend on it. @default {true}
   */
  readonly relay?: boolean | {
    /** Pairs that are relayed at the same time, 1 to 4,096. @default {128} */
    readonly maxPairs?: number;
    /** Bytes a second, all pairs together, at least 16,384. @default no bound */
    readonly bytesPerSecond?: number;
  };
  /** Deliveries of a message before it becomes a dead letter. @default {5} */
  readonly maxDeliveries?: number;
  /**
   * Topics whose messages are stored as they come, and wait there for a consumer; needs `store`,
   * which remembers them. See `Node.keptTopics`.
   */
  readonly keepTopics?: readonly string[];
  /** Makes connections. @default TLS */
  readonly transport?: Transport;
  /** Looks host names up, at each attempt to dial one. @default the operating system */
  readonly resolve?: Resolver;
  /** Looks SRV records up, likewise. @default the name servers of the operating system */
  readonly resolveService?: ServiceResolver;
  /** Multicast DNS, for tests; used with `discover`. @default that of this machine */
  readonly multicast?: MulticastDns;
  /**
   * Reads the networks that this machine is on, every 2 seconds.
   * @default those of the operating system, if `transport` is not given and Deno permits it
   */
  readonly networks?: () => readonly LocalNetwork[];
  /** Time, for tests. @default the real clock */
  readonly clock?: Clock;
  /** Chance, for tests. @default the system's cryptographic random source */
  readonly random?: Random;
}

/** Names of options; a misspelt one, such as `admision`, must not be ignored. */
const OPTION_NAMES: Readonly<Record<keyof NodeOptions, true>> = {
  identity: true,
  name: true,
  host: true,
  port: true,
  listen: true,
  connect: true,
  advertise: true,
  discover: true,
  network: true,
  maxPeers: true,
  heartbeatMs: true,
  deadAfterMs: true,
  handshakeTimeoutMs: true,
  peerExchangeMs: true,
  store: true,
  admission: true,
  secret: true,
  invite: true,
  outbox: true,
  relay: true,
  maxDeliveries: true,
  keepTopics: true,
  transport: true,
  resolve: true,
  networks: true,
  resolveService: true,
  multicast: true,
  clock: true,
  random: true,
};

/** {@linkcode NodeOptions} with defaults filled in and checked. */
export interface ResolvedNodeOptions {
  /** May be empty. */
  readonly name: string;
  /** At least one. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly listen: boolean;
  readonly connect: readonly PeerTarget[];
  /** Best first; empty: where it listens. */
  readonly advertise: readonly Address[];
  readonly network: string;
  readonly maxPeers: number;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly handshakeTimeoutMs: number;
  readonly peerExchangeMs: number;
  readonly store: NodeStore;
  /** The time by which stored records age. */
  readonly keptTime: KeptTime;
  /** Absent: as the host of the invite does, else open. */
  readonly admission: AdmissionMode | undefined;
  /** Derived from the secret; `Node.start` does it. */
  readonly networkKey: Uint8Array<ArrayBuffer> | undefined;
  /** Whether the key is of an earlier start, see `protection.ts`. */
  readonly keyIsRemembered: boolean;
  readonly invite: Invite | undefined;
  /** Absent if the store is this node's own memory. */
  readonly messages: MessageStore | undefined;
  readonly outbox: OutboxLimits;
  /** Absent: this node does not relay. */
  readonly relay: RelaySettings | undefined;
  readonly maxDeliveries: number;
  readonly keepTopics: readonly string[];
  readonly transport: Transport;
  /** Absent: the operating system. */
  readonly resolve: Resolver | undefined;
  /** Absent: the operating system. */
  readonly resolveService: ServiceResolver | undefined;
  /** Absent: there is no discovery on the local network. */
  readonly multicast: MulticastDns | undefined;
  /** Absent where it is not permitted. */
  readonly networks: NetworkReader | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Fills in defaults and checks values.
 *
 * @throws {TypeError} for an option that there is not, or that lacks another.
 * @throws {SyntaxError} for an address that is none.
 * @throws {RangeError} for a number out of range or a name out of bounds.
 */
export function resolveOptions(options: NodeOptions): ResolvedNodeOptions {
  refuseUnknownOptions(options, OPTION_NAMES, "Cannot start node");
  const heartbeatMs = duration(options, "heartbeatMs", HEARTBEAT_MS);
  const deadAfterMs = duration(
    options,
    "deadAfterMs",
    options.heartbeatMs === undefined ? DEAD_AFTER_MS : 3 * heartbeatMs,
  );
  if (deadAfterMs <= heartbeatMs) {
    throw new RangeError(
      `Cannot start node: deadAfterMs is ${deadAfterMs}, must be more than heartbeatMs (${heartbeatMs})`,
    );
  }
  const invite = options.invite === undefined
    ? undefined
    : parseInvite(options.invite);
  const port = options.port ?? 0;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(
      `Cannot start node: port is ${port}, must be 0 to 65535`,
    );
  }
  const store = options.store ?? new MemoryStore();
  const clock = options.clock ?? systemClock;
  return {
    name: options.name === undefined ? "" : parsePeerName(options.name),
    hosts: hostsOf(options),
    port,
    listen: listensBy(options),
    connect: [
      ...(options.connect ?? []).map(parsePeerTarget),
      ...(invite === undefined
        ? []
        : [{ id: invite.host, address: invite.address }]),
    ],
    advertise: advertisedOf(options),
    network: parseNetworkName(options.network ?? "main"),
    maxPeers: options.maxPeers ?? MAX_SESSIONS,
    heartbeatMs,
    deadAfterMs,
    handshakeTimeoutMs: duration(
      options,
      "handshakeTimeoutMs",
      HANDSHAKE_TIMEOUT_MS,
    ),
    peerExchangeMs: duration(options, "peerExchangeMs", PEER_EXCHANGE_MS),
    store,
    keptTime: new KeptTime(store, clock),
    admission: parseMode(options.admission),
    networkKey: undefined,
    keyIsRemembered: false,
    invite,
    messages: options.store?.messages,
    outbox: resolveOutbox(options.outbox),
    relay: resolveRelay(options.relay),
    maxDeliveries: deliveries(options.maxDeliveries),
    keepTopics: topicsToKeep(options),
    transport: options.transport ?? tlsTransport(),
    resolve: options.resolve,
    networks: options.networks ??
      (options.transport === undefined ? grantedNetworks() : undefined),
    resolveService: options.resolveService,
    multicast: options.discover
      ? options.multicast ?? systemMulticast
      : undefined,
    clock,
    random: options.random ?? systemRandom,
  };
}

/**
 * The options with the key of the network's secret, which takes a moment to derive.
 *
 * @throws {VerackError} `bad-secret` when the secret is too short.
 */
export async function withNetworkKey(
  resolved: ResolvedNodeOptions,
  { secret }: NodeOptions,
): Promise<ResolvedNodeOptions> {
  if (secret === undefined || secret === null) return resolved;
  const bytes = typeof secret === "string"
    ? new TextEncoder().encode(secret)
    : secret;
  const networkKey = await deriveNetworkKey(bytes, resolved.network);
  return { ...resolved, networkKey };
}

function parseMode(mode: AdmissionMode | undefined): AdmissionMode | undefined {
  if (mode === undefined || mode === "open" || mode === "closed") return mode;
  throw new RangeError(
    `Cannot start node: admission is ${
      JSON.stringify(mode)
    }, must be "open" or "closed"`,
  );
}

function deliveries(value: number = MAX_DELIVERIES): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(
    `Cannot start node: maxDeliveries is ${value}, must be a whole number from 1 on`,
  );
}

function topicsToKeep(
  { keepTopics = [], store }: NodeOptions,
): readonly string[] {
  if (keepTopics.length === 0) return [];
  if (store === undefined) {
    throw new TypeError(
      "Cannot start node: keepTopics needs a store, must be given with one",
    );
  }
  for (const topic of keepTopics) checkTopic(topic);
  const all = new Set([...store.messages.keptTopics(), ...keepTopics]);
  if (all.size <= MAX_KEPT_TOPICS) return keepTopics;
  throw new RangeError(
    `Cannot start node: ${all.size} topics would be kept, must be at most ${MAX_KEPT_TOPICS}`,
  );
}

function duration(
  options: NodeOptions,
  name: "heartbeatMs" | "deadAfterMs" | "handshakeTimeoutMs" | "peerExchangeMs",
  fallback: number,
): number {
  const value = options[name] ?? fallback;
  const least = name === "peerExchangeMs"
    ? PEER_EXCHANGE_MIN_MS
    : MIN_DURATION_MS;
  if (!Number.isFinite(value) || value < least || value > MAX_DURATION_MS) {
    throw new RangeError(
      `Cannot start node: ${name} is ${value}, must be ${least} to ${MAX_DURATION_MS}`,
    );
  }
  return value;
}
