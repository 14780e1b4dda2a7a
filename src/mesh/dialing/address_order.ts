/**
 * In which order the addresses of a peer are tried: local ones before those that lead through a
 * router, as two members behind one NAT may not reach each other by its outer address (no
 * hairpin, RFC 4787 §6), or only with a detour. Pure; which addresses may be dialed at all is
 * decided by `scope.ts` for each, whatever their order.
 */
import { isVerified, type PeerAddress } from "../peers/peer_addresses.ts";
import { isOnLink, type LocalNetwork } from "../../transport/local_networks.ts";
import { classifyIp } from "../../transport/scope.ts";
import { MAX_UNVERIFIED_FIRST } from "./dialing_limits.ts";

/** Where this machine is. */
export interface Site {
  /** The networks that it is on. */
  readonly networks: readonly LocalNetwork[];
  /** Whether peers see this node at that public address. */
  isSeenAt(ip: string): boolean;
}

/**
 * Some addresses of one peer, best first, with those first that are near this machine. Of those at
 * which the peer has not answered only a few, so that false ones delay the others little.
 */
export function orderAddresses(
  addresses: readonly PeerAddress[],
  site: Site,
): PeerAddress[] {
  const hosts = addresses.map(({ address }) => address.host);
  const sharesRouter = hosts.some((host) => site.isSeenAt(host));
  let unverified = 0;
  const [near, far]: [PeerAddress[], PeerAddress[]] = [[], []];
  for (const entry of addresses) {
    const isNear = isNearby(entry.address.host, site, sharesRouter) &&
      (isVerified(entry) || ++unverified <= MAX_UNVERIFIED_FIRST);
    (isNear ? near : far).push(entry);
  }
  return [...near, ...far];
}

function isNearby(host: string, site: Site, sharesRouter: boolean): boolean {
  if (classifyIp(host) !== "private") return false;
  // The same on both machines, such as that of a bridge: a dial would lead to this node.
  const isOwn = site.networks.some(({ addresses }) =>
    addresses.some(({ address }) => address === host)
  );
  if (isOwn) return false;
  return sharesRouter ||
    site.networks.some((network) => isOnLink(host, network));
}
