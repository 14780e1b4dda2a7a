/**
 * Which members are asked to relay to a peer, and which of their offers is the best: pure
 * functions of {@linkcode RelayCandidate} and {@linkcode RelayBid}. `relay_dialer.ts` asks.
 */
import type { PeerId } from "../../core/peer_id.ts";
import {
  CLOSE_BID_MS,
  CLOSE_BID_SHARE,
  FULL_RELAY_LOAD,
} from "./relay_dialing_limits.ts";

/** A connected member that relays. */
export interface RelayCandidate {
  readonly id: PeerId;
  /** Whether it reports a session with the peer. */
  readonly isReporter: boolean;
  readonly hasStanding: boolean;
  /** Shortest round trip of the session with it, milliseconds; absent: not measured yet. */
  readonly rttMs: number | undefined;
  /** Direct sessions of which that session consists. */
  readonly hops: number;
  /** When it last failed for this peer, monotonic clock; absent: not lately. */
  readonly failedAt: number | undefined;
}

/** An offer, with what this node has measured itself. */
export interface RelayBid {
  readonly relay: PeerId;
  /** Direct sessions that the relayed one would consist of. */
  readonly hops: number;
  /** Round trip to the other end: the own leg as measured here, and the other as offered. */
  readonly rttMs: number;
  /** Least round trip of a former session through this relay; absent: there was none lately. */
  readonly measuredMs: number | undefined;
  /** How much of its bounds the relay uses, from 0 to 1. */
  readonly load: number;
  /** When it last failed for this peer, monotonic clock; absent: not lately. */
  readonly failedAt: number | undefined;
}

/**
 * The order in which candidates are asked: those that have not failed for this peer lately, the
 * one that failed last at the end; peers with standing, which no number of strangers displaces;
 * those that report a session with the peer; fewer hops, shorter round trips.
 */
export function compareCandidates(
  a: RelayCandidate,
  b: RelayCandidate,
): number {
  return (a.failedAt ?? -Infinity) === (b.failedAt ?? -Infinity)
    ? Number(b.hasStanding) - Number(a.hasStanding) ||
      Number(b.isReporter) - Number(a.isReporter) ||
      a.hops - b.hops ||
      compareNumbers(a.rttMs ?? Infinity, b.rttMs ?? Infinity) ||
      (a.id < b.id ? -1 : 1)
    : compareNumbers(a.failedAt ?? -Infinity, b.failedAt ?? -Infinity);
}

/**
 * The best offer: of relays that have not failed for this peer lately, else the one that failed
 * first; of those with room; the shortest round trip, but where several are close the one with
 * the fewest hops.
 */
export function bestBid(bids: readonly RelayBid[]): RelayBid | undefined {
  const unfailed = bids.filter(({ failedAt }) => failedAt === undefined);
  if (unfailed.length === 0) {
    return bids.toSorted((a, b) => (a.failedAt ?? 0) - (b.failedAt ?? 0))[0];
  }
  const roomy = unfailed.filter(({ load }) => load <= FULL_RELAY_LOAD);
  const eligible = roomy.length > 0 ? roomy : unfailed;
  const least = Math.min(...eligible.map(expectedMs));
  const limit = least + Math.max(CLOSE_BID_MS, CLOSE_BID_SHARE * least);
  return eligible
    .filter((bid) => expectedMs(bid) <= limit)
    .sort((a, b) =>
      a.hops - b.hops || compareNumbers(expectedMs(a), expectedMs(b)) ||
      (a.relay < b.relay ? -1 : 1)
    )[0];
}

/** An offer of less than was measured before does not count. */
function expectedMs({ rttMs, measuredMs = 0 }: RelayBid): number {
  return Math.max(rttMs, measuredMs);
}

/** Also for infinite numbers, of which the difference is none. */
function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
