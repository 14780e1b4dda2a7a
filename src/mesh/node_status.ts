/** The status of a node, for its operator. */
import { namedRelay } from "../identity/relay_name.ts";
import type { Clock } from "../core/clock.ts";
import { type HistogramReadings, readHistograms } from "../core/histogram.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { KeptTopic } from "../delivery/kept_topics.ts";
import type { Identity } from "../identity/identity.ts";
import { MAX_PEERS, MAX_PENDING_CONNECTIONS } from "./mesh_limits.ts";
import { MAX_QUEUE_BYTES } from "../session/session_limits.ts";
import { formatAddress } from "../transport/address.ts";
import type { NodeListener } from "../transport/listen_all.ts";
import { VERSION } from "../version.ts";
import type { NodeEvent } from "./events.ts";
import type { NodeParts } from "./node_parts.ts";
import { type SessionInfo, sessionInfo } from "./peers/peer_info.ts";
import type { HealthFact } from "./health.ts";

/** The state of a node at one time. */
export interface NodeStatus {
  /** Its identity. */
  readonly id: PeerId;
  /** Its name, if it has one. */
  readonly name?: string;
  /** Its key ends with its process. */
  readonly ephemeral: boolean;
  /** Its address, the first of `addresses`: `host:port`; absent if it does not listen. */
  readonly address?: string;
  /** The addresses that it listens on; none with `listen: false`. */
  readonly addresses: readonly string[];
  /** What runs TLS for its connections; absent where there is no TLS. */
  readonly tls?: "engine" | "streams";
  /** The addresses that it advertises, best first, if that was set. */
  readonly advertise?: readonly string[];
  /**
   * The machine: whether changes of its addresses are noticed, those of its interfaces, public
   * ones at which peers see it, and how often they have changed.
   */
  readonly ownNetwork: {
    readonly watched: boolean;
    readonly interfaces: readonly string[];
    readonly seenAs: readonly {
      readonly address: string;
      readonly peers: number;
    }[];
    readonly changes: number;
  };
  /** Name of the mesh. */
  readonly network: string;
  /** Its admission. */
  readonly admission: "open" | "closed";
  /** Whether peers must prove the network's secret. */
  readonly secret: boolean;
  /** Version of verack. */
  readonly version: string;
  /** When it started. */
  readonly startedAt: Date;
  /** Milliseconds since then. */
  readonly uptimeMs: number;
  /** The mesh: members with itself, its own sessions, pairs without one. */
  readonly mesh: {
    readonly nodes: number;
    readonly sessions: number;
    readonly missing: readonly (readonly [PeerId, PeerId])[];
  };
  /**
   * What is wrong at present, oldest first: disk, key, configured addresses; empty if all is
   * well.
   */
  readonly health: readonly HealthFact[];
  /** Peers on record, connected or not. */
  readonly peers: number;
  /** Connections whose peer is not verified yet. */
  readonly unproven: number;
  /** Messages that are not acknowledged yet, and their bytes. */
  readonly outbox: { readonly messages: number; readonly bytes: number };
  /** Discovery on the local networks, if it was set. */
  readonly discovery?: {
    /** Whether this node is announced; else it only finds others. */
    readonly announced: boolean;
    /** Whether its id and the name of its network are announced, too. */
    readonly open: boolean;
    /** Interfaces of the networks that were joined. */
    readonly networks: readonly string[];
    /** Other nodes that are announced there at present, each with its id if that is announced. */
    readonly found: readonly {
      readonly address: string;
      readonly id?: PeerId;
    }[];
  };
  /** Kept topics, and what waits under them for a consumer of this node. */
  readonly keptTopics: readonly KeptTopic[];
  /** Connected peers that this node reaches through a relay only. */
  readonly relayed: readonly {
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    /** The relay. */
    readonly via: PeerId;
    /** The name of the relay that the user has given it, or else that it advertises; not escaped. */
    readonly viaName?: string;
    /** Direct sessions that its bytes go through, one after the other. */
    readonly hops: number;
  }[];
  /** Peers in `mesh.missing` with this node: why no member relays them, as far as it was tried. */
  readonly notRelayed: readonly {
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    /** May contain what a relay has sent; not escaped. */
    readonly reason: string;
  }[];
  /** Peers for which something waits: messages, and bytes in write queues. */
  readonly queues: readonly {
    readonly id: PeerId;
    readonly name?: string;
    readonly boundName?: string;
    readonly connected: boolean;
    readonly messages: number;
    readonly bytes: number;
  }[];
  /** What it has counted since it started; no counter ever gets smaller. */
  readonly counters: Readonly<NodeCounters>;
  /** How long things took since it started, milliseconds. */
  readonly histograms: HistogramReadings;
  /** Streams that have not ended. */
  readonly streams: number;
  /** Requests of peers that are handled, and bytes of their bodies and answers. */
  readonly requests: { readonly running: number; readonly bytes: number };
  /** Whether other nodes can dial it, and what peers say about that. */
  readonly reach: {
    /** Whether it accepts connections. */
    readonly listening: boolean;
    /** Absent while that is not known; `since` when it is so. */
    readonly reachable?: boolean;
    readonly since?: Date;
    /** Whether each of these reached this node, and when. */
    readonly peers: readonly {
      readonly id: PeerId;
      readonly name?: string;
      readonly boundName?: string;
      readonly reached: boolean;
      readonly at: Date;
    }[];
  };
  /**
   * What it relays for pairs of other members: how many pairs, and bytes a second, with the
   * bound of each; offers that are not decided. Absent if it does not relay.
   */
  readonly relay?: {
    readonly pairs: number;
    readonly maxPairs: number;
    readonly offers: number;
    readonly bytesPerSecond: number;
    readonly maxBytesPerSecond?: number;
  };
  /** The bound of each. */
  readonly limits: {
    readonly connectedPeers: number;
    readonly peers: number;
    readonly unproven: number;
    readonly queueBytes: number;
    readonly messages: number;
    readonly messageBytes: number;
    readonly messageAgeMs: number;
  };
}

/** What is fixed when a node starts. */
export interface NodeFacts {
  readonly identity: Identity;
  readonly addresses: readonly string[];
  readonly tls: NodeStatus["tls"] | undefined;
  /** When it started, by both clocks, milliseconds. */
  readonly startedAt: { readonly wall: number; readonly monotonic: number };
}

/** The node at this instant. */
export function nodeStatus(
  {
    counters,
    discovery,
    health,
    histograms,
    membership,
    messaging,
    names,
    options,
    ownNetwork,
    pending,
    reach,
    relaying,
    report,
    requesting,
    streaming,
    table,
  }: Pick<
    NodeParts,
    | "counters"
    | "discovery"
    | "health"
    | "histograms"
    | "membership"
    | "messaging"
    | "names"
    | "options"
    | "ownNetwork"
    | "pending"
    | "reach"
    | "relaying"
    | "report"
    | "requesting"
    | "streaming"
    | "table"
  >,
  { identity, addresses, tls, startedAt }: NodeFacts,
): NodeStatus {
  const { clock, name, network, advertise, maxPeers, outbox } = options;
  const { nodes, sessions, missing } = report.event;
  const served = requesting.usage;
  const queues = [...table.values()].flatMap((peer) => {
    const bytes = peer.primary?.channel.queuedBytes ?? 0;
    const messages = messaging.waitingFor(peer.id);
    if (bytes + messages === 0) return [];
    const { id, up: connected } = peer;
    return [{
      id,
      ...names.of(id),
      connected,
      messages,
      bytes,
    }];
  });
  const relayed = table.connected().flatMap(({ id, primary }) => {
    const { via, hops } = primary ?? {};
    if (via === undefined || hops === undefined) return [];
    return [{ id, ...names.of(id), via, ...namedRelay(via, names), hops }];
  });
  const notRelayed = missing.flatMap((pair) => {
    const id = pair.find((it) => it !== identity.id);
    if (id === undefined || !pair.includes(identity.id)) return [];
    const reason = relaying.reasonFor(id);
    return reason === undefined ? [] : [{ id, ...names.of(id), reason }];
  });
  return {
    id: identity.id,
    ...(name !== "" && { name }),
    ephemeral: identity.ephemeral,
    ...(addresses[0] !== undefined && { address: addresses[0] }),
    addresses,
    ...(tls !== undefined && { tls }),
    ...(advertise.length > 0 && { advertise: advertise.map(formatAddress) }),
    ownNetwork: ownNetwork.status,
    network,
    version: VERSION,
    startedAt: new Date(startedAt.wall),
    uptimeMs: clock.monotonic() - startedAt.monotonic,
    admission: membership.credentials.closed ? "closed" : "open",
    secret: options.networkKey !== undefined,
    mesh: { nodes, sessions, missing },
    health: health.list(),
    peers: table.size,
    unproven: pending.size,
    outbox: messaging.outbox,
    ...(discovery !== undefined && { discovery: discovery.status }),
    keptTopics: messaging.keptTopics.list(),
    relayed,
    notRelayed,
    queues,
    counters: { ...counters },
    histograms: readHistograms(histograms),
    streams: streaming.size,
    requests: { running: served.requests, bytes: served.bytes },
    reach: {
      ...reach.info,
      peers: reach.info.peers.map((it) => ({ ...it, ...names.of(it.id) })),
    },
    ...(relaying.use !== undefined && { relay: relaying.use }),
    limits: {
      connectedPeers: maxPeers,
      peers: MAX_PEERS,
      unproven: MAX_PENDING_CONNECTIONS,
      queueBytes: MAX_QUEUE_BYTES,
      messages: outbox.maxMessages,
      messageBytes: outbox.maxBytes,
      messageAgeMs: outbox.maxAgeMs,
    },
  };
}

/** The facts of a node that has started. */
export function nodeFacts(
  identity: Identity,
  listener: NodeListener | undefined,
  clock: Clock,
): NodeFacts {
  return {
    identity,
    addresses: (listener?.addresses ?? []).map(formatAddress),
    tls: listener?.tls,
    startedAt: { wall: clock.now(), monotonic: clock.monotonic() },
  };
}

/** The established sessions. */
export function sessionInfos({ names, sessions }: NodeParts): SessionInfo[] {
  return sessions.all().filter(({ introduced }) => introduced)
    .map((session) => sessionInfo(session, names.of(session.remote.id)));
}

/** The `peer:up` of every connected peer, with its present names. */
export function upEvents({ names, table }: NodeParts): NodeEvent[] {
  return table.connected().flatMap(({ announced, id }) =>
    announced === undefined ? [] : [{
      ...announced,
      ...names.of(id),
      ...namedRelay(announced.via, names),
    }]
  );
}
