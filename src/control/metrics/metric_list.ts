/**
 * Every metric of a node: its name, what it means, and where it is in the status. `/metrics` and
 * telemetry show this list, and `docs/metrics.md` is compared with it.
 */
import type { NodeHistograms } from "../../core/histogram.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import { CONTROL, GAUGES, INFO, PROCESS } from "./gauges.ts";
import {
  type HistogramMetric,
  type Labels,
  type Metric,
  number,
  type NumberMetric,
} from "./metric.ts";

/** A counter by its field: name and help, and a label if several are one metric. */
type CounterText = readonly [name: string, help: string, labels?: Labels];

const INBOUND = { direction: "inbound" };
const OUTBOUND = { direction: "outbound" };
const OPENED = "Sessions opened, by the end that dialed";
const RELAY_REFUSED = "Requests to relay that were refused, by the reason";
const CLOSED = "Sessions that have ended";

const COUNTERS: Readonly<Record<keyof NodeCounters, CounterText>> = {
  bytesSent: [
    "sent_bytes",
    "Bytes of frames written to peers, below which there is TLS",
  ],
  bytesReceived: ["received_bytes", "Bytes of frames read from peers"],
  connectionsAccepted: ["connections_accepted", "Inbound connections"],
  handshakesFailed: [
    "handshakes_failed",
    "Inbound connections that broke a rule or timed out before a session was open",
  ],
  handshakesRefused: [
    "handshakes_refused",
    "Inbound connections that this node refused: not admitted, denied, no room",
  ],
  dialsAttempted: ["dials_attempted", "Dials of one IP address each"],
  dialsSucceeded: ["dials_succeeded", "Dials that opened a session"],
  dialsFailed: [
    "dials_failed",
    "Dials that failed; the rest was given up for another session, or is under way",
  ],
  sessionsOpenedInbound: ["sessions_opened", OPENED, INBOUND],
  sessionsOpenedOutbound: ["sessions_opened", OPENED, OUTBOUND],
  sessionsClosedInbound: ["sessions_closed", CLOSED, INBOUND],
  sessionsClosedOutbound: ["sessions_closed", CLOSED, OUTBOUND],
  peersUp: [
    "peers_up",
    "How often a peer came up: its first session was established",
  ],
  peersDown: [
    "peers_down",
    "How often a peer went down: its last session ended",
  ],
  peersLost: [
    "peers_lost",
    "How often a peer went down that had not left: silent, cut off, or by an error",
  ],
  lanPacketsSent: [
    "lan_packets_sent",
    "Packets sent to local networks for discovery",
  ],
  lanPacketsReceived: [
    "lan_packets_received",
    "Packets of multicast DNS received, also about other services",
  ],
  lanPacketsDropped: [
    "lan_packets_dropped",
    "Packets of multicast DNS dropped unread: from elsewhere, too many, or malformed",
  ],
  lanNodesFound: ["lan_nodes_found", "Nodes found on local networks"],
  lanNodesDropped: [
    "lan_nodes_dropped",
    "Announcements of nodes dropped: broken, of an address elsewhere, or too many",
  ],
  gossipSent: ["gossip_sent", "Messages of peer exchange sent"],
  gossipReceived: ["gossip_received", "Messages of peer exchange received"],
  messagesAccepted: [
    "messages_accepted",
    "Messages accepted for sending, one for each receiver",
  ],
  messagesSent: [
    "messages_sent",
    "Messages begun on sessions; more than accepted if sessions were lost",
  ],
  messagesDelivered: [
    "messages_delivered",
    "Messages that the application of their receiver has acked",
  ],
  messagesUndelivered: [
    "messages_undelivered",
    "Messages given up: expired, evicted, rejected, aborted, or their receiver is gone",
  ],
  messagesReceived: [
    "messages_received",
    "Whole messages that came from peers for the first time",
  ],
  messagesRepeated: ["messages_repeated", "Messages that came again"],
  messagesAcked: ["messages_acked", "Messages that the application has acked"],
  messagesNacked: [
    "messages_nacked",
    "Deliveries to the application that ended without an ack: nacked, or its consumer or lease ended",
  ],
  messagesDeadLettered: [
    "messages_dead_lettered",
    "Messages that became dead letters",
  ],
  messagesKept: ["messages_kept", "Messages stored under kept topics"],
  streamsOpened: ["streams_opened", "Streams opened by this node"],
  streamsAccepted: ["streams_accepted", "Streams of peers that are handled"],
  streamsRefused: ["streams_refused", "Streams of peers that were refused"],
  relaysOpened: [
    "relay_pairs_opened",
    "Pairs of other members that were relayed",
  ],
  relaysRefusedFull: ["relay_refused", RELAY_REFUSED, { reason: "full" }],
  relaysRefusedNotConnected: [
    "relay_refused",
    RELAY_REFUSED,
    { reason: "not-connected" },
  ],
  relaysRefusedOther: ["relay_refused", RELAY_REFUSED, { reason: "other" }],
  relayedBytes: ["relayed_bytes", "Bytes relayed between other members"],
  requestsSent: ["requests_sent", "Requests sent"],
  requestsAnswered: ["requests_answered", "Requests sent that were answered"],
  requestsFailed: [
    "requests_failed",
    "Requests sent that failed: an error as the answer, a deadline, a lost session",
  ],
  requestsReceived: ["requests_received", "Requests received"],
  requestsServed: ["requests_served", "Requests that a handler has answered"],
  requestsRefused: [
    "requests_refused",
    "Requests received that were answered by an error",
  ],
  filesSent: ["files_sent", "Files that a receiver has verified"],
  filesReceived: ["files_received", "Files received and verified"],
  filesFailed: ["files_failed", "Files of either direction that failed"],
  forwardedOpened: [
    "forwarded_connections_opened",
    "Forwarded connections opened, in either role",
  ],
  forwardedRefused: [
    "forwarded_connections_refused",
    "Forwarded connections refused",
  ],
  pauses: [
    "pauses",
    "How often the process was paused, or too busy to run the node, for a good part of a heartbeat",
  ],
  pausedMs: ["paused_seconds", "How long the process was paused or too busy"],
};

const HISTOGRAMS: Readonly<
  Record<keyof NodeHistograms, readonly [name: string, help: string]>
> = {
  roundTripMs: ["round_trip", "Round trips of pings to peers"],
  handshakeMs: ["handshake", "Handshakes that opened a session"],
  dialMs: ["dial", "Dials that opened a session: TCP, TLS and handshake"],
  deliveryMs: [
    "delivery",
    "From accepting a message until the application of its receiver has acked it",
  ],
  eventLoopDelayMs: [
    "event_loop_delay",
    "How late the ticks of the node were, several a heartbeat",
  ],
};

/** Every metric, by name in the order in which they are shown. */
export const METRICS: readonly Metric[] = [
  INFO,
  ...GAUGES,
  ...counters(),
  CONTROL,
  ...histograms(),
  ...PROCESS,
];

function counters(): NumberMetric[] {
  const fields = Object.keys(COUNTERS) as (keyof NodeCounters)[];
  const named = Map.groupBy(fields, (field) => COUNTERS[field][0]);
  return [...named].map(([name, its]) => {
    const from = its.map((field) => `counters.${field}`).join(", ");
    const scale = name.endsWith("_seconds") ? 1_000 : 1;
    return number(
      "counter",
      `verack_${name}`,
      COUNTERS[its[0]!][1],
      from,
      (status) =>
        its.map((field) => {
          const labels = COUNTERS[field][2];
          const value = status.counters[field] / scale;
          return { value, ...(labels && { labels }) };
        }),
    );
  });
}

function histograms(): HistogramMetric[] {
  const fields = Object.keys(HISTOGRAMS) as (keyof NodeHistograms)[];
  return fields.map((histogram) => {
    const [name, help] = HISTOGRAMS[histogram];
    return {
      type: "histogram",
      name: `verack_${name}_seconds`,
      unit: "seconds",
      help,
      from: `histograms.${histogram}`,
      histogram,
      read: ({ histograms }) => histograms[histogram],
    };
  });
}
