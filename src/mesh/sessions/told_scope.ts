/** How near the peer of a session is, which decides on the own addresses that are of use to it. */
import { classifyIp, type Scope } from "../../transport/scope.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { SeenPlaces } from "../peers/seen_places.ts";
import type { Standing } from "../peers/standing.ts";
import { isBeside } from "../peers/whereabouts.ts";

/** What decides on it. */
export interface ToldScopeOptions {
  readonly ownNetwork: { isSeenAt(ip: string): boolean };
  readonly places: Pick<SeenPlaces, "behind">;
  readonly standing: Pick<Standing, "isChosen">;
  readonly table: Pick<PeerTable, "get">;
}

/**
 * The scope of the peer; over a relay that of the relay, or a private network if the peer may be
 * behind the same router.
 */
export function toldScope(
  session: Pick<PeerSession, "remote" | "remoteAddress" | "via">,
  { ownNetwork, places, standing, table }: ToldScopeOptions,
): Scope {
  const { remote, remoteAddress, via } = session;
  const scope = classifyIp(remoteAddress.host);
  const peer = table.get(remote.id);
  if (via === undefined || scope !== "public" || !peer) return scope;
  const isChosen = standing.isChosen(peer);
  const seenAt = places.behind(peer, session);
  return isBeside({ isChosen, seenAt }, ownNetwork) ? "private" : scope;
}
