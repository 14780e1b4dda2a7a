/** Makes the parts of a node, each from its dependencies, and exposes them to tests. */
import { logger } from "../core/log.ts";
import type { NodeHistograms } from "../core/histogram.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { Identity } from "../identity/identity.ts";
import type { NodeListener } from "../transport/listen_all.ts";
import { networkMagic } from "../wire/frame.ts";
import { AdmissionControl } from "./admission/admission.ts";
import { Membership } from "./admission/membership.ts";
import { Dialer } from "./dialing/dialer.ts";
import { ExchangeStates } from "./discovery/exchange_state.ts";
import { LanDiscovery } from "./discovery/lan_discovery.ts";
import { Joining } from "./discovery/joining.ts";
import { PeerExchange } from "./discovery/peer_exchange.ts";
import { ReachAnswers } from "./discovery/reach_answers.ts";
import { UnreachablePairs } from "./discovery/unreachable_pairs.ts";
import type { Emit } from "./events.ts";
import { HealthWatch } from "./health_watch.ts";
import { MeshReport } from "./mesh_report.ts";
import { Messaging } from "./messaging.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import { makePeerParts } from "./peer_parts.ts";
import { PeerClocks } from "./peer_clocks.ts";
import { Relaying } from "./relay/relaying.ts";
import { Requesting } from "./requesting.ts";
import { Acceptor } from "./sessions/acceptor.ts";
import { makeSessionParts } from "./session_parts.ts";
import { Streaming } from "./streaming.ts";

/** Dependencies of a node beside its options. */
export interface PartsOptions {
  readonly options: ResolvedNodeOptions;
  readonly identity: Identity;
  /** Absent if it does not listen. */
  readonly listener: NodeListener | undefined;
  readonly counters: NodeCounters;
  readonly histograms: NodeHistograms;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** The parts of one node. Listeners of `events` are called in the order of this list. */
export type NodeParts = ReturnType<typeof makeParts>;

/** Makes them, and accepts connections at once. */
export function makeParts(
  { options, identity, listener, counters, histograms, signal, emit }:
    PartsOptions,
) {
  const { clock, connect, random, store } = options;
  const log = logger("mesh");
  const own = identity.id;
  const magic = networkMagic(options.network);

  // Peers.
  const rest = { emit, listener, log, own, signal };
  const peerParts = makePeerParts({ ...options, ...rest });
  const { events, health, memory, names, ownNetwork, places } = peerParts;
  const { queues, reports, rules, standing, table } = peerParts;

  // Admission, discovery and messages.
  const membership = new Membership({
    rules,
    standing,
    events,
    emit,
    identity,
    log,
    magic,
    clock,
    table,
    settings: options,
  });
  const { heartbeatMs, deadAfterMs, peerExchangeMs } = options;
  const states = new ExchangeStates();
  const exchange = new PeerExchange({
    counters,
    magic,
    log,
    signal,
    rules,
    clock,
    random,
    deadAfterMs,
    peerExchangeMs,
    table,
    own,
    reports,
    events,
    standing,
    membership,
    places,
    states,
  });
  const messaging = new Messaging({
    counters,
    histograms,
    clock,
    random,
    magic,
    own,
    table,
    rules,
    standing,
    names,
    memory,
    events,
    emit,
    settings: options,
    queues,
  });
  const streaming = new Streaming({
    counters,
    clock,
    log,
    own,
    table,
    rules,
    standing,
    events,
  });
  const requesting = new Requesting({
    clock,
    counters,
    table,
    standing,
    streaming,
  });
  const unreachable = new UnreachablePairs({
    own,
    magic,
    heartbeatMs,
    deadAfterMs,
    table,
    standing,
    reports,
    events,
    states,
  });
  const admission = new AdmissionControl({
    clock,
    random,
    own,
    store,
    table,
    rules,
    names,
    events,
    membership,
    addresses: options.advertise.length > 0
      ? options.advertise
      : listener?.addresses ?? [],
  });

  // Sessions.
  const sessionParts = makeSessionParts({
    options,
    peerParts,
    membership,
    streams: streaming,
    identity,
    magic,
    counters,
    histograms,
    log,
    own,
    signal,
    emit,
  });
  const { connections, opener, ownEntry, pending, room, sessions } =
    sessionParts;

  // Ways to peers.
  const { transport, resolve, resolveService } = options;
  const dialer = new Dialer({
    ...peerParts,
    counters,
    histograms,
    clock,
    random,
    log,
    signal,
    own,
    membership,
    emit,
    arriving: pending,
    site: ownNetwork,
    connect,
    opener,
    resolve,
    resolveService,
    transport,
  });
  const discovery = options.multicast && new LanDiscovery({
    ...options,
    ...peerParts,
    counters,
    dns: options.multicast,
    emit,
    listening: listener?.addresses ?? [],
    log,
    membership,
    own,
  });
  const reachAnswers = new ReachAnswers({
    clock,
    signal,
    dialer: dialer.addresses,
    table,
    standing,
    events,
  });
  const clocks = new PeerClocks({
    clock,
    deadAfterMs,
    table,
    standing,
    events,
  });
  const report = new MeshReport({ table, events, emit, unreachable });
  const joining = new Joining({
    clock,
    table,
    events,
    connect,
    reportedWaitMs: deadAfterMs,
    closing: signal,
  });
  const acceptor = new Acceptor({
    names,
    ...options,
    counters,
    table,
    standing,
    log,
    signal,
    health,
    emit,
    connections,
    listener,
    opener,
    pending,
    room,
  });
  const relaying = new Relaying({
    ...options,
    acceptor,
    arriving: pending,
    counters,
    events,
    identity,
    log,
    opener,
    own,
    reports,
    rules,
    signal,
    standing,
    streams: streaming,
    table,
  });
  const healthWatch = new HealthWatch({
    ...peerParts,
    log,
    own,
    clocks,
    unreachable,
    store,
    messaging,
    options,
    queues: sessionParts.writeQueues,
    relaying,
    membership,
  });
  ownNetwork.start({ ownEntry, sessions });
  return {
    ...peerParts,
    ...sessionParts,
    acceptor,
    admission,
    counters,
    dialer,
    discovery,
    emit,
    exchange,
    healthWatch,
    histograms,
    joining,
    membership,
    messaging,
    options,
    reachAnswers,
    relaying,
    report,
    requesting,
    signal,
    streaming,
    unreachable,
  };
}

const parts = new WeakMap<object, NodeParts>();

/** Called once by each node. */
export function exposeParts(node: object, its: NodeParts): void {
  parts.set(node, its);
}

/**
 * The parts of a node, for tests of invariants (`tests/simulation/`). Not part of the library:
 * `mod.ts` does not export it.
 */
export function partsOf(node: object): NodeParts {
  const its = parts.get(node);
  if (its === undefined) throw new TypeError("There is no such node");
  return its;
}
