/** The metrics of a node that are its state, with where each is in the status. */
import { gauge, number, type NumberMetric } from "./metric.ts";

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Always 1. */
export const INFO = number(
  "info",
  "verack",
  "The version, and what was set at the start",
  "version, admission, tls, ephemeral",
  ({ version, admission, tls = "", ephemeral }) => [{
    value: 1,
    labels: { version, admission, tls, ephemeral: `${ephemeral}` },
  }],
);

const HEALTH = number(
  "gauge",
  "verack_health_facts",
  "What is wrong at present, by its code",
  "health",
  ({ health }) => {
    const kinds = Map.groupBy(
      health,
      ({ code, severity }) => `${code} ${severity}`,
    );
    return [...kinds.values()].map((facts) => ({
      value: facts.length,
      labels: { code: facts[0]!.code, severity: facts[0]!.severity },
    }));
  },
);

/** Gauges of the node. */
export const GAUGES: readonly NumberMetric[] = [
  gauge(
    "healthy",
    "1 if no fact is failing, else 0",
    "health",
    (it) => it.health.some(({ severity }) => severity === "failing") ? 0 : 1,
  ),
  HEALTH,
  gauge(
    "start_time_seconds",
    "When the node began to listen",
    "startedAt",
    (it) => it.startedAt.getTime() / 1_000,
  ),
  gauge(
    "uptime_seconds",
    "How long it has listened",
    "uptimeMs",
    (it) => it.uptimeMs / 1_000,
  ),
  gauge(
    "mesh_nodes",
    "Members of the mesh, with this node",
    "mesh.nodes",
    (it) => it.mesh.nodes,
  ),
  gauge(
    "mesh_sessions",
    "Members with a session with this node",
    "mesh.sessions",
    (it) => it.mesh.sessions,
  ),
  number(
    "gauge",
    "verack_sessions",
    "Members with a session with this node, by its path: direct, or through a relay",
    "mesh.sessions, relayed",
    ({ mesh, relayed }) => [
      { value: mesh.sessions - relayed.length, labels: { path: "direct" } },
      { value: relayed.length, labels: { path: "relayed" } },
    ],
  ),
  gauge(
    "mesh_unreachable_pairs",
    "Pairs of members that cannot reach each other",
    "mesh.missing",
    (it) => it.mesh.missing.length,
  ),
  gauge(
    "known_peers",
    "Peers on record, connected or not",
    "peers",
    (it) => it.peers,
  ),
  gauge(
    "unproven_connections",
    "Connections whose peer is not verified yet",
    "unproven",
    (it) => it.unproven,
  ),
  gauge(
    "outbox_messages",
    "Messages that are not acknowledged yet",
    "outbox.messages",
    (it) => it.outbox.messages,
  ),
  gauge(
    "outbox_bytes",
    "Bytes of messages that are not acknowledged yet",
    "outbox.bytes",
    (it) => it.outbox.bytes,
  ),
  gauge(
    "queued_peers",
    "Peers for which something waits",
    "queues",
    (it) => it.queues.length,
  ),
  gauge(
    "queue_bytes",
    "Bytes in the write queues of all sessions",
    "queues.bytes",
    (it) => sum(it.queues, ({ bytes }) => bytes),
  ),
  gauge(
    "kept_topics",
    "Kept topics",
    "keptTopics",
    (it) => it.keptTopics.length,
  ),
  gauge(
    "kept_messages",
    "Messages of kept topics that wait for an ack",
    "keptTopics.messages",
    (it) => sum(it.keptTopics, ({ messages }) => messages),
  ),
  gauge(
    "kept_bytes",
    "Bytes of messages of kept topics",
    "keptTopics.bytes",
    (it) => sum(it.keptTopics, ({ bytes }) => bytes),
  ),
  gauge(
    "kept_leased_messages",
    "Messages of kept topics that consumers have",
    "keptTopics.leased",
    (it) => sum(it.keptTopics, ({ leased }) => leased),
  ),
  gauge(
    "kept_blocked_senders",
    "Senders whose next message does not fit",
    "keptTopics.blocked",
    (it) => sum(it.keptTopics, ({ blocked }) => blocked),
  ),
  gauge(
    "streams",
    "Streams that have not ended",
    "streams",
    (it) => it.streams,
  ),
  gauge(
    "served_requests",
    "Requests of peers that are handled",
    "requests.running",
    (it) => it.requests.running,
  ),
  gauge(
    "served_request_bytes",
    "Bytes of the bodies and answers of requests that are handled",
    "requests.bytes",
    (it) => it.requests.bytes,
  ),
  gauge(
    "forwarded_connections",
    "Forwarded connections that are open",
    "forwarding.connections",
    (it) => it.forwarding?.connections ?? 0,
  ),
  gauge(
    "forwarding_listeners",
    "Listeners that peers have on this node",
    "forwarding.listeners",
    (it) => it.forwarding?.listeners ?? 0,
  ),
  number(
    "gauge",
    "verack_reachable",
    "1 if others can dial the node, 0 if not; absent while that is not known",
    "reach.reachable",
    ({ reach: { reachable } }) =>
      reachable === undefined ? [] : [{ value: reachable ? 1 : 0 }],
  ),
  gauge(
    "relayed_pairs",
    "Pairs of other members that are relayed",
    "relay.pairs",
    (it) => it.relay?.pairs ?? 0,
  ),
  gauge(
    "relayed_pairs_limit",
    "Most pairs that are relayed; 0 if the node does not relay",
    "relay.maxPairs",
    (it) => it.relay?.maxPairs ?? 0,
  ),
  gauge(
    "relay_offers",
    "Offers to relay that are not decided",
    "relay.offers",
    (it) => it.relay?.offers ?? 0,
  ),
  gauge(
    "connected_peers_limit",
    "Most peers with a session",
    "limits.connectedPeers",
    (it) => it.limits.connectedPeers,
  ),
  gauge(
    "known_peers_limit",
    "Most peers on record",
    "limits.peers",
    (it) => it.limits.peers,
  ),
  gauge(
    "unproven_connections_limit",
    "Most connections whose peer is not verified",
    "limits.unproven",
    (it) => it.limits.unproven,
  ),
  gauge(
    "outbox_messages_limit",
    "Most messages in the outbox",
    "limits.messages",
    (it) => it.limits.messages,
  ),
  gauge(
    "outbox_limit_bytes",
    "Most bytes of messages in the outbox",
    "limits.messageBytes",
    (it) => it.limits.messageBytes,
  ),
  gauge(
    "outbox_age_limit_seconds",
    "Longest time that a message is kept",
    "limits.messageAgeMs",
    (it) => it.limits.messageAgeMs / 1_000,
  ),
  gauge(
    "queue_limit_bytes",
    "Most bytes in the write queue of a session",
    "limits.queueBytes",
    (it) => it.limits.queueBytes,
  ),
  gauge(
    "control_requests",
    "Requests of the control API under way",
    "control.requests",
    (it) => it.control.requests,
  ),
  gauge(
    "control_event_streams",
    "Streams of events that are read",
    "control.streams",
    (it) => it.control.streams,
  ),
  gauge(
    "control_operations",
    "Operations of the control API under way",
    "control.operations",
    (it) => it.control.operations ?? 0,
  ),
];

/** The counter of the control API. */
export const CONTROL = number(
  "counter",
  "verack_control_events_missed",
  "Events that readers of streams have missed",
  "control.eventsMissed",
  ({ control }) => [{ value: control.eventsMissed }],
);

/** Of the process, with the names that Prometheus has for any process. */
export const PROCESS: readonly NumberMetric[] = [
  number(
    "counter",
    "process_cpu_seconds",
    "CPU time of the process",
    "process.cpuMs",
    (it) => [
      { value: it.process.cpuMs / 1_000 },
    ],
  ),
  number(
    "gauge",
    "process_resident_memory_bytes",
    "Resident memory",
    "process.residentBytes",
    (it) => [
      { value: it.process.residentBytes },
    ],
  ),
  number(
    "gauge",
    "process_heap_bytes",
    "JavaScript heap that is used",
    "process.heapBytes",
    (it) => [
      { value: it.process.heapBytes },
    ],
  ),
  number(
    "gauge",
    "process_open_fds",
    "Open file descriptors, where that is known",
    "process.openDescriptors",
    (it) =>
      it.process.openDescriptors === undefined ? [] : [
        { value: it.process.openDescriptors },
      ],
  ),
];
