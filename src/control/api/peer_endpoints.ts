/** The node's state and its peers, and the request to stop. */
import * as v from "npm:valibot@1.5.0";
import { COUNTER_NAMES, type NodeCounters } from "../../core/node_counters.ts";
import type {
  PeerRow,
  PeersAnswer,
  PingAnswer,
  SessionRow,
  StatusAnswer,
  WatchRecord,
} from "../answers.ts";
import { MAX_WATCH_MS, MIN_WATCH_MS } from "../control_limits.ts";
import { get, operation, post } from "./endpoint.ts";
import { EVENT_RECORD, eventQuery } from "./event_endpoints.ts";
import { HEALTH_FACTS } from "./health_endpoint.ts";
import {
  boolean,
  count,
  direction,
  id,
  KEPT_TOPIC,
  missing,
  names,
  nonEmpty,
  number,
  optional,
  type Schema,
  string,
  text,
  time,
  trust,
} from "./schema_fields.ts";

const COUNTERS = v.looseObject(
  Object.fromEntries(COUNTER_NAMES.map((name) => [name, count])) as Record<
    keyof NodeCounters,
    typeof count
  >,
);

const HISTOGRAM = v.looseObject({
  count,
  sum: count,
  buckets: v.array(v.tuple([count, count])),
});

const STATUS: Schema<StatusAnswer> = v.looseObject({
  id,
  name: optional(string),
  ephemeral: boolean,
  address: optional(string),
  addresses: v.array(string),
  advertise: optional(v.array(string)),
  tls: optional(v.picklist(["engine", "streams"])),
  ownNetwork: v.looseObject({
    watched: boolean,
    interfaces: v.array(string),
    seenAs: v.array(v.looseObject({ address: string, peers: count })),
    changes: count,
  }),
  network: string,
  admission: v.picklist(["open", "closed"]),
  secret: boolean,
  version: string,
  startedAt: time,
  uptimeMs: count,
  mesh: v.looseObject({ nodes: count, sessions: count, missing }),
  health: HEALTH_FACTS,
  peers: count,
  unproven: count,
  outbox: v.looseObject({ messages: count, bytes: count }),
  discovery: optional(v.looseObject({
    announced: boolean,
    open: boolean,
    networks: v.array(string),
    found: v.array(v.looseObject({ address: string, id: optional(id) })),
  })),
  keptTopics: v.array(KEPT_TOPIC),
  relayed: v.array(v.looseObject({
    id,
    ...names,
    via: id,
    viaName: optional(string),
    hops: count,
  })),
  notRelayed: v.array(v.looseObject({ id, ...names, reason: string })),
  queues: v.array(v.looseObject({
    id,
    ...names,
    connected: boolean,
    messages: count,
    bytes: count,
  })),
  counters: COUNTERS,
  histograms: v.looseObject({
    roundTripMs: HISTOGRAM,
    handshakeMs: HISTOGRAM,
    dialMs: HISTOGRAM,
    deliveryMs: HISTOGRAM,
    eventLoopDelayMs: HISTOGRAM,
  }),
  streams: count,
  requests: v.looseObject({ running: count, bytes: count }),
  reach: v.looseObject({
    listening: boolean,
    reachable: optional(boolean),
    since: optional(time),
    peers: v.array(v.looseObject({ id, ...names, reached: boolean, at: time })),
  }),
  relay: optional(v.looseObject({
    pairs: count,
    maxPairs: count,
    offers: count,
    bytesPerSecond: count,
    maxBytesPerSecond: optional(count),
  })),
  limits: v.looseObject({
    connectedPeers: count,
    peers: count,
    unproven: count,
    queueBytes: count,
    messages: count,
    messageBytes: count,
    messageAgeMs: count,
  }),
  process: v.looseObject({
    residentBytes: count,
    heapBytes: count,
    cpuMs: count,
    openDescriptors: optional(count),
  }),
  control: v.looseObject({
    requests: count,
    streams: count,
    operations: optional(count),
    eventsMissed: count,
    url: optional(string),
    page: optional(string),
  }),
  forwarding: optional(v.looseObject({
    connect: v.array(string),
    listen: v.array(string),
    connections: count,
    listeners: count,
  })),
  allowed: optional(v.array(v.looseObject({
    use: v.picklist(["forward", "request", "message", "file"]),
    of: v.array(string),
    from: v.union([v.picklist(["all", "local"]), v.array(string)]),
  }))),
});

const PEER: Schema<PeerRow> = v.looseObject({
  id,
  ...names,
  nameHeldBy: optional(id),
  connected: boolean,
  addresses: v.array(string),
  unreachable: optional(v.literal(true)),
  standing: boolean,
  trust,
  ephemeral: boolean,
  firstSeen: optional(time),
  lastSeen: optional(time),
  introducedBy: optional(v.union([id, v.literal("lan")])),
  admittedBy: optional(id),
});

const SESSION: Schema<SessionRow> = v.looseObject({
  id,
  ...names,
  direction,
  via: optional(id),
  hops: count,
  remoteAddress: string,
  userAgent: string,
  openedAt: time,
  bytesSent: count,
  bytesReceived: count,
  messagesSent: count,
  messagesReceived: count,
  rttMs: optional(count),
  minRttMs: optional(count),
});

const PEERS: Schema<PeersAnswer> = v.looseObject({
  peers: v.array(PEER),
  sessions: v.array(SESSION),
  self: optional(boolean),
});

const PINGED: Schema<PingAnswer> = v.looseObject({
  id,
  ...names,
  connected: boolean,
  address: optional(string),
  via: optional(id),
  viaName: optional(string),
  rttMs: optional(count),
});

/** Requests about the node and its peers. */
export const peerEndpoints = {
  /** Answered by text, of which the format depends on `Accept`. */
  metrics: get("/metrics", {}, v.never()),
  status: get("/v1/status", {}, STATUS),
  peers: get("/v1/peers", { query: optional(nonEmpty) }, PEERS),
  ping: post("/v1/ping", { to: text }, PINGED),
  stop: post("/v1/stop", {}, v.looseObject({ stopping: v.boolean() }), {
    status: 202,
  }),
};

type Of<T extends WatchRecord["type"]> = Schema<
  Extract<WatchRecord, { readonly type: T }>
>;

const STATUS_RECORD: Of<"status"> = v.looseObject({
  type: v.literal("status"),
  status: STATUS,
});

const PEERS_RECORD: Of<"peers"> = v.looseObject({
  type: v.literal("peers"),
  peers: v.array(PEER),
  sessions: v.array(SESSION),
});

const INTERVAL = `${MIN_WATCH_MS} to ${MAX_WATCH_MS}`;

/** Status and peers whenever they change, at most once an interval, and events if asked for. */
export const watchOperations = {
  watch: operation("/v1/watch", {
    intervalMs: optional(v.pipe(
      number,
      v.minValue(MIN_WATCH_MS, INTERVAL),
      v.maxValue(MAX_WATCH_MS, INTERVAL),
    )),
    events: optional(boolean),
    ...eventQuery,
    lastEventId: optional(text),
  }, { status: STATUS_RECORD, peers: PEERS_RECORD, event: EVENT_RECORD }),
};
