/** The networks that this machine is on, and which addresses are on the same link. */
import { ipToBytes, isIpv4, isIpv6 } from "./ip.ts";

/** An address of this machine, and how many bits of it all addresses of its link have. */
export interface LinkAddress {
  /** Of this machine. */
  readonly address: string;
  /** How many of its first bits are those of the link. */
  readonly prefix: number;
}

/** A network interface that is up, but for loopback. */
export interface LocalNetwork {
  /** The name of the interface, such as `eth0`. */
  readonly name: string;
  /** Its addresses of both families. */
  readonly addresses: readonly LinkAddress[];
}

/** Bits in front of an IPv4 address among the sixteen bytes of `ipToBytes`. */
const IPV4_AT = 96;

/** Prefixes shorter than these would have strangers far away on the link. */
const SHORTEST_PREFIX = { 4: 8, 6: 32 } as const;

/**
 * The networks of this machine, as the operating system has them.
 *
 * @throws {Deno.errors.NotCapable} without `--allow-sys=networkInterfaces`.
 */
export function systemNetworks(): LocalNetwork[] {
  const all = Deno.networkInterfaces().flatMap((it) => {
    const prefix = prefixOf(it.netmask);
    const isLoopback = it.address === "::1" || it.address.startsWith("127.");
    return prefix === undefined || isLoopback ? [] : [{ ...it, prefix }];
  });
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, addresses]) => ({
    name,
    addresses: addresses.map(({ address, prefix }) => ({ address, prefix })),
  }));
}

/** Whether an IP address is on a link, and is no address of all its hosts. */
export function isOnLink(ip: string, { addresses }: LocalNetwork): boolean {
  const family = familyOf(ip);
  if (family === undefined) return false;
  const bytes = ipToBytes(ip);
  return addresses.some(({ address, prefix }) => {
    if (familyOf(address) !== family || prefix < SHORTEST_PREFIX[family]) {
      return false;
    }
    const bits = family === 4 ? IPV4_AT + prefix : prefix;
    if (!haveSamePrefix(bytes, ipToBytes(address), bits)) return false;
    if (family === 6 || prefix > 30) return true;
    // The first address names the network, the last is that of a broadcast.
    const ofHost = 0xffff_ffff >>> prefix;
    const host = new DataView(bytes.buffer).getUint32(12) & ofHost;
    return host !== 0 && host !== (ofHost | 0);
  });
}

/** 4 or 6; absent if it is no IP address. */
export function familyOf(ip: string): 4 | 6 | undefined {
  return isIpv4(ip) ? 4 : isIpv6(ip) ? 6 : undefined;
}

function haveSamePrefix(
  a: Uint8Array,
  b: Uint8Array,
  prefix: number,
): boolean {
  return a.every((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefix - 8 * i));
    return (byte ^ b[i]!) >> (8 - bits) === 0;
  });
}

/** The bits of a netmask; absent if it is none. */
function prefixOf(netmask: string): number | undefined {
  const family = familyOf(netmask);
  if (family === undefined) return undefined;
  const bits = [...ipToBytes(netmask).subarray(family === 4 ? IPV4_AT / 8 : 0)]
    .map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined;
}
