/**
 * Which peers have a session when there is not room for all. Peers with standing come before
 * all others, which share the rest by turns among their sources.
 */
import { MAX_PEERS, MAX_STRANGER_PEERS } from "../mesh_limits.ts";
import {
  MAX_EXTRA_SESSIONS,
  MAX_RESERVED_SHARE,
  MAX_SESSIONS_PER_PEER,
  MAX_STRANGER_EXTRA_SESSIONS,
} from "./connection_limits.ts";
import { VerackError } from "../../core/errors.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import { tooManySessions } from "./collisions.ts";
import type { ConnectionRoom } from "./connection_room.ts";

/** A peer that requests a session. */
export interface Newcomer {
  readonly id: PeerId;
  /** See `sourceOf`. */
  readonly source: string;
  readonly hasStanding: boolean;
}

/** Whether there is room for a session. */
export interface Place {
  /** Why there is none. */
  readonly refusal?: VerackError;
  /** The peer to evict. */
  readonly evicts?: Peer;
}

/** Peers without standing that have sessions, and the sources they come from. */
class Strangers {
  readonly #bySource: Map<string, Peer[]>;
  readonly size: number;

  constructor(peers: readonly Peer[]) {
    this.size = peers.length;
    this.#bySource = Map.groupBy(peers, sourceOfRecord);
  }

  /** How many come from a source. */
  from(source: string): number {
    return this.#bySource.get(source)?.length ?? 0;
  }

  /** Those of the source that has most. */
  busiest(): readonly Peer[] {
    let found: readonly Peer[] = [];
    for (const peers of this.#bySource.values()) {
      if (peers.length > found.length) found = peers;
    }
    return found;
  }
}

/** Dependencies of {@linkcode SessionRoom}. */
export interface SessionRoomOptions {
  readonly maxPeers: number;
  /** Configured addresses. */
  readonly configured: readonly Address[];
  readonly connections: ConnectionRoom;
  readonly standing: Standing;
  readonly table: PeerTable;
}

/** The room for sessions of one node. */
export class SessionRoom {
  readonly #options: SessionRoomOptions;

  constructor(options: SessionRoomOptions) {
    this.#options = options;
  }

  /** A peer that has proven its key; `dialed` is its address, if this node dialed. */
  newcomer(
    { id, invite }: VerifiedPeer,
    source: string,
    dialed: Address | undefined,
  ): Newcomer {
    const { configured, standing, table } = this.#options;
    const isConfigured = dialed !== undefined &&
      configured.some((it) => formatAddress(it) === formatAddress(dialed));
    return {
      id,
      source,
      // Its record, if it has one, has not been updated for this session yet.
      hasStanding: invite !== undefined || isConfigured ||
        standing.of(id, table.get(id)),
    };
  }

  /** Why there is no room for its session, if so; admission is not checked here. */
  refusal(candidate: Newcomer): VerackError | undefined {
    const { table } = this.#options;
    const { id } = candidate;
    if (!table.mayEnsure(id, candidate)) return noRoomOnRecord(candidate);
    const sessions = table.get(id)?.sessions.length ?? 0;
    // An evicted session is closed once the new one is open.
    if (sessions === 0) return this.placeFor(candidate).refusal;
    return sessions >= MAX_SESSIONS_PER_PEER ||
        !this.#hasRoomForExtra(candidate, sessions)
      ? tooManySessions(id)
      : undefined;
  }

  /** The place of a peer; one that has a session already keeps its place. */
  placeFor(candidate: Newcomer): Place {
    const { connections, maxPeers } = this.#options;
    const fitting = connections.peers(candidate.hasStanding);
    const place = this.#placeAmong(candidate, Math.min(maxPeers, fitting));
    const isShort = fitting < maxPeers;
    if (isShort && place.refusal !== undefined) connections.refused();
    return place;
  }

  /** The same where at most `maxPeers` are connected. */
  #placeAmong(
    { id, source, hasStanding }: Newcomer,
    maxPeers: number,
  ): Place {
    const { standing, table } = this.#options;
    const known = table.get(id);
    if (known !== undefined && known.sessions.length > 0) return {};
    const connected = [...table.values()]
      .filter(({ sessions }) => sessions.length > 0);
    const most = Math.floor(maxPeers * MAX_RESERVED_SHARE);
    // Then there is room in any case, which saves a walk of the table.
    if (connected.length < maxPeers - most) return {};
    const strangers = new Strangers(
      connected.filter((peer) => !standing.has(peer)),
    );
    if (hasStanding) {
      if (connected.length < maxPeers) return {};
      const evicts = newest(strangers.busiest());
      return evicts === undefined
        ? full(id, `${connected.length} peers`, `${maxPeers}`)
        : { evicts };
    }
    const friends = connected.length - strangers.size;
    const kept = Math.max(
      0,
      Math.min(most, friends + this.#awayWithStanding()) - friends,
    );
    if (connected.length + kept < maxPeers) return {};
    const busiest = strangers.busiest();
    // Only if that is fairer; else two sources would evict each other for ever.
    if (busiest.length > strangers.from(source) + 1) {
      const evicts = newest(busiest);
      if (evicts !== undefined) return { evicts };
    }
    return full(
      id,
      `${connected.length} peers`,
      kept > 0
        ? `${maxPeers}, or ${kept} less for one without standing`
        : `${maxPeers}`,
    );
  }

  /**
   * Whether a peer that has `sessions` may have one more, while the mesh settles which
   * of them is kept.
   */
  #hasRoomForExtra({ id, hasStanding }: Newcomer, sessions: number): boolean {
    const { standing, table } = this.#options;
    let all = sessions;
    let strangers = sessions;
    for (const peer of table.values()) {
      if (peer.id === id || peer.sessions.length < 2) continue;
      all += peer.sessions.length - 1;
      if (!standing.has(peer)) strangers += peer.sessions.length - 1;
    }
    return all <= MAX_EXTRA_SESSIONS &&
      (hasStanding || strangers <= MAX_STRANGER_EXTRA_SESSIONS);
  }

  #awayWithStanding(): number {
    const { standing, table } = this.#options;
    let count = 0;
    for (const peer of table.values()) {
      const isAway = peer.sessions.length === 0 && !peer.left;
      if (isAway && standing.has(peer)) count++;
    }
    return count;
  }
}

/** Why a peer is refused that cannot be put on record. */
export function noRoomOnRecord({ id }: { readonly id: PeerId }): VerackError {
  return new VerackError(
    "full",
    `Cannot accept ${
      shortId(id)
    }: the record is full of peers that have standing, are connected or have messages waiting; up to ${MAX_PEERS} fit, of which ${MAX_STRANGER_PEERS} without standing ("verack forget" makes room)`,
  );
}

/** The one that came last, because old sessions are the most likely to last. */
function newest(peers: readonly Peer[]): Peer | undefined {
  let found: Peer | undefined;
  for (const peer of peers) {
    if (found === undefined || openedAt(peer) >= openedAt(found)) {
      found = peer;
    }
  }
  return found;
}

function openedAt({ sessions }: Peer): number {
  return sessions[0]?.openedAt ?? -Infinity;
}

function sourceOfRecord({ sessions }: Peer): string {
  return sessions[0]?.source ?? "";
}

function full(id: PeerId, taken: string, limit: string): Place {
  return {
    refusal: new VerackError(
      "full",
      `Cannot accept ${
        shortId(id)
      }: ${taken} are connected, must be less than ${limit}`,
    ),
  };
}
