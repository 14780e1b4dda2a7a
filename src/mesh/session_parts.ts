/**
 * Makes the parts of a node that hold its sessions: the wing `sessions/` but for the acceptor,
 * which begins when all other parts are there, and what a node says of itself on each session.
 */
import type { NodeHistograms } from "../core/histogram.ts";
import type { Log } from "../core/log.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { Identity } from "../identity/identity.ts";
import { StrangersMeter } from "../session/frame_meter.ts";
import { FrameBudget, QueueBudget } from "../session/node_budget.ts";
import { descriptors } from "../transport/descriptors.ts";
import type { Scope } from "../transport/scope.ts";
import type { Membership } from "./admission/membership.ts";
import { Reach } from "./discovery/reach.ts";
import type { Emit } from "./events.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import type { PeerParts } from "./peer_parts.ts";
import { ConnectionRoom } from "./sessions/connection_room.ts";
import { OwnEntry } from "./sessions/own_entry.ts";
import { PendingConnections } from "./sessions/pending_connections.ts";
import { Pings } from "./sessions/pings.ts";
import { SessionOpener } from "./sessions/session_opener.ts";
import {
  SessionRegistry,
  type SessionRegistryOptions,
} from "./sessions/session_registry.ts";
import { SessionRoom } from "./sessions/session_room.ts";
import { toldScope } from "./sessions/told_scope.ts";
import { Twins } from "./sessions/twins.ts";

/** What they are made of. */
export interface SessionPartsOptions {
  readonly options: ResolvedNodeOptions;
  readonly peerParts: PeerParts;
  readonly membership: Membership;
  readonly streams: SessionRegistryOptions["streams"];
  readonly identity: Identity;
  readonly magic: Uint8Array;
  readonly counters: NodeCounters;
  readonly histograms: NodeHistograms;
  readonly log: Log;
  /** This node. */
  readonly own: PeerId;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** Makes them, each from those before it. */
export function makeSessionParts(
  {
    options,
    peerParts,
    membership,
    streams,
    identity,
    magic,
    counters,
    histograms,
    log,
    own,
    signal,
    emit,
  }: SessionPartsOptions,
) {
  const { advertise, clock, connect, maxPeers, random, store } = options;
  const { deadAfterMs, handshakeTimeoutMs, heartbeatMs, network } = options;
  const { events, health, memory, names, ownNetwork, standing, table } =
    peerParts;
  const pending = new PendingConnections();
  const connections = new ConnectionRoom({
    clock,
    table,
    standing,
    health,
    log,
    descriptors,
    pending,
  });
  const room = new SessionRoom({
    standing,
    table,
    configured: connect.map(({ address }) => address),
    connections,
    maxPeers,
  });
  const addresses = (scope: Scope) => ownNetwork.addressesFor(scope);
  const reach = new Reach({
    clock,
    random,
    log,
    addresses,
    isConfigured: advertise.length > 0,
    table,
    standing,
    events,
    emit,
  });
  const ownEntry = new OwnEntry({
    clock,
    counters,
    magic,
    signal,
    identity,
    name: options.name,
    addresses: (session) => addresses(toldScope(session, peerParts)),
    isUnreachable: () => reach.isUnreachable,
    table,
    events,
  });
  const sessions = new SessionRegistry({
    counters,
    clock,
    log,
    signal,
    own,
    store,
    table,
    memory,
    names,
    events,
    emit,
    gate: membership,
    handshakeTimeoutMs,
    ownEntry,
    room,
    streams,
  });
  const writeQueues = new QueueBudget();
  const opener = new SessionOpener({
    counters,
    histograms,
    clock,
    random,
    identity,
    magic,
    heartbeatMs,
    deadAfterMs,
    table,
    standing,
    budget: {
      queues: writeQueues,
      frames: new FrameBudget(),
      strangers: new StrangersMeter(clock),
    },
    gate: membership,
    relays: options.relay !== undefined,
    handshakeTimeoutMs,
    network,
    registry: sessions,
    room,
  });
  const pings = new Pings({ random, magic, table, names, events, emit });
  new Twins({ own, log, signal, health, standing, events, emit });
  return {
    connections,
    opener,
    ownEntry,
    pending,
    pings,
    reach,
    room,
    sessions,
    writeQueues,
  };
}
