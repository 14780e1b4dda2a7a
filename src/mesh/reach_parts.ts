/** Makes the parts of a node that say where it is: its own entry, and whether others reach it. */
import type { NodeCounters } from "../core/node_counters.ts";
import type { Log } from "../core/log.ts";
import type { Identity } from "../identity/identity.ts";
import type { Scope } from "../transport/scope.ts";
import { Reach } from "./discovery/reach.ts";
import { ReachAnswers, type ReachDialer } from "./discovery/reach_answers.ts";
import type { Emit } from "./events.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import type { OwnNetwork } from "./own_network.ts";
import type { PeerEvents } from "./peers/peer_events.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { Standing } from "./peers/standing.ts";
import { OwnEntry } from "./sessions/own_entry.ts";

/** Dependencies of these parts. */
export interface ReachPartsOptions extends
  Pick<
    ResolvedNodeOptions,
    "advertise" | "clock" | "name" | "random"
  > {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly magic: Uint8Array;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly identity: Identity;
  readonly ownNetwork: Pick<OwnNetwork, "addressesFor">;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** The own entry of a node, and whether others reach it. */
export function makeReachParts(options: ReachPartsOptions): {
  readonly reach: Reach;
  readonly ownEntry: OwnEntry;
} {
  const { advertise, ownNetwork } = options;
  const addresses = (scope: Scope) => ownNetwork.addressesFor(scope);
  const isConfigured = advertise.length > 0;
  const reach = new Reach({ ...options, addresses, isConfigured });
  const ownEntry = new OwnEntry({
    ...options,
    addresses,
    isUnreachable: () => reach.isUnreachable,
  });
  return { reach, ownEntry };
}

/** Answers peers that request to be dialed. */
export function answerReach(
  options: ReachPartsOptions,
  dialer: ReachDialer,
): ReachAnswers {
  return new ReachAnswers({ ...options, dialer });
}
