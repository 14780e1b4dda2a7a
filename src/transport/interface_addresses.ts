/**
 * Which addresses of this machine's interfaces other machines may reach a listener at. Pure,
 * but for {@linkcode grantedNetworks}.
 */
import type { Address } from "./address.ts";
import { isIpv4 } from "./ip.ts";
import { EVERY_IPV4, EVERY_IPV6 } from "./listen_all.ts";
import { type LocalNetwork, systemNetworks } from "./local_networks.ts";
import { classifyIp, mayDial, type Scope } from "./scope.ts";

/** Interfaces that other machines do not reach: of containers and virtual machines. */
const INNER_INTERFACES =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|lxc|podman|lo)/;

/** Addresses of one interface and family: more are temporary ones (RFC 8981). */
const MAX_PER_INTERFACE = 2;

/** Reads the networks of this machine; throws where it is not permitted. */
export type NetworkReader = () => readonly LocalNetwork[];

/** Reads them from the operating system, if that needs no permission that must be asked for. */
export function grantedNetworks(): NetworkReader | undefined {
  const permission = { name: "sys", kind: "networkInterfaces" } as const;
  const { state } = Deno.permissions.querySync(permission);
  return state === "granted" ? systemNetworks : undefined;
}

/** The networks on which there may be other machines. */
export function outerNetworks(
  networks: readonly LocalNetwork[],
): LocalNetwork[] {
  return networks.filter(({ name }) => !INNER_INTERFACES.test(name));
}

/** Their addresses, but for those of a link alone and of this machine. */
export function addressesOf(networks: readonly LocalNetwork[]): string[] {
  return networks.flatMap(({ addresses }) =>
    addresses.map(({ address }) => address)
  ).filter((ip) => isMachineAddress(ip));
}

/** Whether an address is one by which a machine can be known to others. */
function isMachineAddress(ip: string): boolean {
  const scope = classifyIp(ip);
  return scope === "private" || scope === "public";
}

/**
 * The addresses at which a listener is reached from a peer in `scope`, the best first: those of
 * private networks, which are nearer, and of IPv4, which more have. A peer is told of none that
 * it would not dial, as it says too much of this machine.
 */
export function reachableAddresses(
  listens: readonly Address[],
  networks: readonly LocalNetwork[],
  scope: Scope,
): Address[] {
  const found = listens.flatMap(({ host, port }) =>
    hostsAt(host, networks).map((host) => ({ host, port }))
  ).filter(({ host }) =>
    isMachineAddress(host) && mayDial(scope, classifyIp(host))
  );
  const distinct = new Map(found.map((it) => [it.host, it]));
  return [...distinct.values()].sort((a, b) => rankOf(a) - rankOf(b));
}

/** The addresses that a listener has; a name is none. */
function hostsAt(host: string, networks: readonly LocalNetwork[]): string[] {
  if (host !== EVERY_IPV4 && host !== EVERY_IPV6) return [host];
  return outerNetworks(networks).flatMap((network) => {
    const all = addressesOf([network]);
    const v4 = all.filter((ip) => isIpv4(ip)).slice(0, MAX_PER_INTERFACE);
    const v6 = all.filter((ip) => !isIpv4(ip)).slice(0, MAX_PER_INTERFACE);
    // That on every address of IPv6 accepts IPv4, too, by itself or by a second one.
    return host === EVERY_IPV6 ? [...v4, ...v6] : v4;
  });
}

function rankOf({ host }: Address): number {
  return (classifyIp(host) === "private" ? 0 : 2) + (isIpv4(host) ? 0 : 1);
}
