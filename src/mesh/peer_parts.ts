/**
 * Makes the parts of a node that keep what is known of its peers and its surroundings: the wing
 * `peers/`, its health and its network.
 */
import type { Log } from "../core/log.ts";
import type { PeerId } from "../core/peer_id.ts";
import { PeerQueues } from "../delivery/outbox_usage.ts";
import type { NodeListener } from "../transport/listen_all.ts";
import type { Emit } from "./events.ts";
import { HealthBoard } from "./health.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import { OwnNetwork } from "./own_network.ts";
import { AccessRules } from "./peers/access_rules.ts";
import { LivenessReports } from "./peers/liveness_reports.ts";
import { NameResolver } from "./peers/name_resolver.ts";
import { PeerEvents } from "./peers/peer_events.ts";
import { PeerMemory } from "./peers/peer_memory.ts";
import { PeerTable } from "./peers/peer_table.ts";
import { SeenPlaces } from "./peers/seen_places.ts";
import { Standing } from "./peers/standing.ts";

/** What they are made of. */
export type PeerPartsOptions =
  & Pick<
    ResolvedNodeOptions,
    | "advertise"
    | "clock"
    | "keptTime"
    | "maxPeers"
    | "name"
    | "networks"
    | "random"
    | "store"
  >
  & {
    readonly emit: Emit;
    readonly listener: Pick<NodeListener, "addresses"> | undefined;
    readonly log: Log;
    readonly own: PeerId;
    /** Aborts when the node closes. */
    readonly signal: AbortSignal;
  };

/** The parts of one node that keep what is known of its peers. */
export type PeerParts = ReturnType<typeof makePeerParts>;

/** Makes them, each from those before it. */
export function makePeerParts(
  options: PeerPartsOptions,
) {
  const { clock, emit, keptTime, log, maxPeers, name, own, random, store } =
    options;
  const events = new PeerEvents();
  const rules = new AccessRules(store);
  const standing = new Standing(rules);
  const places = new SeenPlaces(events);
  const queues = new PeerQueues();
  const table = new PeerTable({ clock, random, standing, queues, events });
  const memory = new PeerMemory({
    clock,
    log,
    own,
    store,
    table,
    standing,
    events,
    keptTime,
    maxPeers,
  });
  const names = new NameResolver({
    clock,
    log,
    store,
    table,
    rules,
    standing,
    events,
    emit,
    own: { id: own, name },
  });
  const reports = new LivenessReports({
    events,
    hasStanding: (id) => standing.of(id, table.get(id)),
  });
  const health = new HealthBoard({ clock, log, store, emit });
  const ownNetwork = new OwnNetwork({
    ...options,
    listens: options.listener?.addresses ?? [],
    standing,
    table,
    events,
  });
  return {
    events,
    health,
    memory,
    names,
    ownNetwork,
    places,
    queues,
    reports,
    rules,
    standing,
    table,
  };
}
