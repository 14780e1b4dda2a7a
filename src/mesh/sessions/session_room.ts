/**
 * Which peers have a session when there is not room for all. Peers with standing
 * come before all others; those others share what is left, by turns among the
 * sources they come from.
 */
import {
  MAX_RESERVED_SHARE,
  MAX_STRANGER_EXTRA_SESSIONS,
} from "../mesh_limits.ts";
import { VerackError } from "../../core/errors.ts";
import { type PeerId, shortId } from "../../identity/identity.ts";
import { MAX_EXTRA_SESSIONS } from "../../limits.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { MeshContext } from "../context.ts";
import type { Peer } from "../peers/peer.ts";

/** What one node needs of its context here. */
type RoomContext = Pick<
  MeshContext,
  "options" | "room" | "standing" | "table"
>;

/** A peer that wants a session. */
export interface Newcomer {
  readonly id: PeerId;
  /** See `sourceOf`. */
  readonly source: string;
  readonly hasStanding: boolean;
}

/** A peer that has proven its key; `dialed` is what led to it, if this node dialed. */
export function newcomer(
  { options, standing, table }: Pick<
    RoomContext,
    "options" | "standing" | "table"
  >,
  { id, invite }: VerifiedPeer,
  source: string,
  dialed: Address | undefined,
): Newcomer {
  const isConfigured = dialed !== undefined &&
    options.connect.some(({ address }) =>
      formatAddress(address) === formatAddress(dialed)
    );
  return {
    id,
    source,
    // Its record, if it has one, does not tell yet how it came this time.
    hasStanding: invite !== undefined || isConfigured ||
      standing.of(id, table.get(id)),
  };
}

/** Whether there is room for a session. */
export interface Place {
  /** Why there is none. */
  readonly refusal?: VerackError;
  /** The peer that must give way. */
  readonly evicts?: Peer;
}

/** Peers without standing that have sessions, and the sources they come from. */
class Strangers {
  readonly #bySource: Map<string, Peer[]>;
  readonly size: number;

  constructor(records: readonly Peer[]) {
    this.size = records.length;
    this.#bySource = Map.groupBy(records, sourceOfRecord);
  }

  /** How many come from a source. */
  from(source: string): number {
    return this.#bySource.get(source)?.length ?? 0;
  }

  /** Those of the source that most come from. */
  busiest(): readonly Peer[] {
    let found: readonly Peer[] = [];
    for (const records of this.#bySource.values()) {
      if (records.length > found.length) found = records;
    }
    return found;
  }
}

/** Whether a peer may have a session; one that has a session already keeps its place. */
export function placeOf(
  context: RoomContext,
  candidate: Newcomer,
): Place {
  const { options, room } = context;
  const fitting = room.peers(candidate.hasStanding);
  const maxPeers = Math.min(options.maxPeers, fitting);
  const place = placeAmong(context, candidate, maxPeers);
  const isShort = fitting < options.maxPeers;
  if (isShort && place.refusal !== undefined) room.refused();
  return place;
}

/** The same where at most `maxPeers` are connected. */
function placeAmong(
  { standing, table }: RoomContext,
  { id, source, hasStanding }: Newcomer,
  maxPeers: number,
): Place {
  const known = table.get(id);
  if (known !== undefined && known.sessions.length > 0) return {};
  const connected: Peer[] = [];
  for (const record of table.values()) {
    if (record.sessions.length > 0) connected.push(record);
  }
  const most = Math.floor(maxPeers * MAX_RESERVED_SHARE);
  // Then there is room whatever is kept, which saves looking through the table.
  if (connected.length < maxPeers - most) return {};
  const strangers = new Strangers(
    connected.filter((record) => !standing.has(record)),
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
    Math.min(most, friends + awayWithStanding(standing, table)) - friends,
  );
  if (connected.length + kept < maxPeers) return {};
  const busiest = strangers.busiest();
  // Only if that is fairer: else two sources would evict each other for ever.
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
export function hasRoomForExtra(
  { standing, table }: RoomContext,
  { id, hasStanding }: Newcomer,
  sessions: number,
): boolean {
  let all = sessions;
  let strangers = sessions;
  for (const record of table.values()) {
    if (record.id === id || record.sessions.length < 2) continue;
    all += record.sessions.length - 1;
    if (!standing.has(record)) strangers += record.sessions.length - 1;
  }
  return all <= MAX_EXTRA_SESSIONS &&
    (hasStanding || strangers <= MAX_STRANGER_EXTRA_SESSIONS);
}

function awayWithStanding(
  standing: RoomContext["standing"],
  table: RoomContext["table"],
): number {
  let count = 0;
  for (const record of table.values()) {
    const isAway = record.sessions.length === 0 && !record.left;
    if (isAway && standing.has(record)) count++;
  }
  return count;
}

/** The one that came last: what has lasted longest is worth most. */
function newest(records: readonly Peer[]): Peer | undefined {
  let found: Peer | undefined;
  for (const record of records) {
    if (found === undefined || openedAt(record) >= openedAt(found)) {
      found = record;
    }
  }
  return found;
}

function openedAt({ sessions: links }: Peer): number {
  return links[0]?.openedAt ?? -Infinity;
}

function sourceOfRecord({ sessions: links }: Peer): string {
  return links[0]?.source ?? "";
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
