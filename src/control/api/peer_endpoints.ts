/** The node's state and its peers, and the request to stop. */
import * as v from "npm:valibot@1.5.0";
import type {
  PeerRow,
  PeersAnswer,
  SessionRow,
  StatusAnswer,
} from "../answers.ts";
import { get, post } from "./endpoint.ts";
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
  optional,
  type Schema,
  string,
  trust,
} from "./schema_fields.ts";

const STATUS: Schema<StatusAnswer> = v.looseObject({
  id,
  name: optional(string),
  ephemeral: boolean,
  address: string,
  advertise: optional(string),
  tls: optional(v.picklist(["engine", "streams"])),
  network: string,
  admission: v.picklist(["open", "closed"]),
  secret: boolean,
  version: string,
  startedAt: string,
  uptimeMs: count,
  mesh: v.looseObject({ nodes: count, sessions: count, missing }),
  health: HEALTH_FACTS,
  peers: count,
  unproven: count,
  outbox: v.looseObject({ messages: count, bytes: count }),
  keptTopics: v.array(KEPT_TOPIC),
  queues: v.array(v.looseObject({
    id,
    ...names,
    connected: boolean,
    messages: count,
    bytes: count,
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
  control: v.looseObject({
    requests: count,
    streams: count,
    operations: optional(count),
    eventsMissed: count,
    url: optional(string),
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
  standing: boolean,
  trust,
  ephemeral: boolean,
  firstSeen: optional(string),
  lastSeen: optional(string),
  introducedBy: optional(id),
  admittedBy: optional(id),
});

const SESSION: Schema<SessionRow> = v.looseObject({
  id,
  ...names,
  direction,
  remoteAddress: string,
  userAgent: string,
  rttMs: optional(count),
});

const PEERS: Schema<PeersAnswer> = v.looseObject({
  peers: v.array(PEER),
  sessions: v.array(SESSION),
  self: optional(boolean),
});

/** Requests about the node and its peers. */
export const peerEndpoints = {
  status: get("/v1/status", {}, STATUS),
  peers: get("/v1/peers", { query: optional(nonEmpty) }, PEERS),
  stop: post("/v1/stop", {}, v.looseObject({ stopping: v.boolean() }), {
    status: 202,
  }),
};
