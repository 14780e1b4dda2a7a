/**
 * Which private addresses of a peer with a relayed session may be dialed though they came from far
 * away: so that two members behind one router meet inside it. All of this must hold:
 *
 * - The peer itself has told of them, on that session; what others say of it does not count.
 * - They are on a link of this machine, and no address of its own; the port is that of no service
 *   of the system.
 * - The relay sees the peer at the public address at which this node is seen, or the operator of
 *   this node has chosen the peer.
 *
 * Pure; how many such dials there may be is bounded in `near_dials.ts`.
 */
import { isOnLink } from "../../transport/local_networks.ts";
import { classifyIp } from "../../transport/scope.ts";
import type { PeerAddress } from "../peers/peer_addresses.ts";
import { isBeside, type Whereabouts } from "../peers/whereabouts.ts";
import type { Site } from "./address_order.ts";
import { MAX_NEAR_ADDRESSES, MIN_NEAR_PORT } from "./dialing_limits.ts";

/** Those of its addresses that may be dialed as near ones. */
export function nearAddresses(
  addresses: readonly PeerAddress[],
  whereabouts: Whereabouts,
  site: Site,
): PeerAddress[] {
  if (!isBeside(whereabouts, site)) return [];
  return addresses.filter((it) => isNear(it, site))
    .slice(0, MAX_NEAR_ADDRESSES);
}

function isNear(
  { address: { host, port }, configured, rank }: PeerAddress,
  { networks }: Site,
): boolean {
  if (configured || rank !== "advertised" || port < MIN_NEAR_PORT) return false;
  if (classifyIp(host) !== "private") return false;
  const isOwn = networks.some(({ addresses }) =>
    addresses.some(({ address }) => address === host)
  );
  return !isOwn && networks.some((network) => isOnLink(host, network));
}
