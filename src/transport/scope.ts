/**
 * How far an IP address reaches, which peers may make a node dial it, and which
 * addresses count as one source.
 *
 * Pure tables. They are applied to *resolved* addresses, at the time of dialing:
 * a name is treated like the address to which it resolves.
 */
import { ipFromBytes, ipToBytes, ipv4Word, isIpv4, isIpv6 } from "./ip.ts";

/**
 * `loopback`: this machine. `private`: a local network (RFC 1918, carrier-grade NAT,
 * ULA). `public`: the internet. `never`: nothing that a node dials (link-local,
 * multicast, unspecified, broadcast, documentation, reserved).
 */
export type Scope = "loopback" | "private" | "public" | "never";

const MAPPED = 0xffff_0000_0000n;

interface Range<T> {
  readonly prefix: bigint;
  /** Bits behind the prefix. */
  readonly rest: bigint;
  readonly value: T;
}

/** Ranges of addresses, parsed when one is first looked up: many commands never do that. */
class RangeTable<T> {
  readonly #texts: readonly (readonly [range: string, value: T])[];
  #ranges: readonly Range<T>[] | undefined;

  constructor(texts: readonly (readonly [range: string, value: T])[]) {
    this.#texts = texts;
  }

  /** The value of the first range that an address is in. */
  find(bits: bigint): T | undefined {
    this.#ranges ??= this.#texts.map(([text, value]) => rangeOf(text, value));
    return this.#ranges.find(({ prefix, rest }) => bits >> rest === prefix)
      ?.value;
  }
}

function rangeOf<T>(text: string, value: T): Range<T> {
  const [base = "", length] = text.split("/");
  const width = isIpv4(base) ? 32 : 128;
  const rest = BigInt(width - Number(length));
  return { prefix: bitsOf(base)! >> rest, rest, value };
}

/** IANA Special-Purpose Address Registries; the first match counts, the rest is `never`. */
const RANGES = new RangeTable<Scope>([
  ["0.0.0.0/8", "never"], // "this network": Linux takes it for loopback
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "private"], // carrier-grade NAT, RFC 6598
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "never"], // link-local, and the metadata service of clouds
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "never"], // IETF protocol assignments
  ["192.0.2.0/24", "never"], // documentation
  ["192.88.99.0/24", "never"], // 6to4 relay anycast, withdrawn
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "never"], // benchmarks
  ["198.51.100.0/24", "never"], // documentation
  ["203.0.113.0/24", "never"], // documentation
  ["224.0.0.0/4", "never"], // multicast
  ["240.0.0.0/4", "never"], // reserved, and broadcast
  ["0.0.0.0/0", "public"], // all other IPv4
  ["::1/128", "loopback"],
  ["200::/7", "private"], // withdrawn by IANA, in use by the Yggdrasil overlay
  ["2001::/23", "never"], // IETF protocol assignments, Teredo among them
  ["2001:db8::/32", "never"], // documentation
  ["3fff::/20", "never"], // documentation
  ["2000::/3", "public"], // all that is assigned as global unicast
  ["fc00::/7", "private"], // unique local
]);

/** Prefixes of IPv6 that lead through a gateway to IPv4, and the bit before that address. */
const GATEWAYS = new RangeTable<number>([
  ["64:ff9b::/96", 96], // NAT64, RFC 6052
  ["2002::/16", 16], // 6to4, RFC 3056
]);

/** The scope of an IP address in text; `never` for anything that is none. */
export function classifyIp(ip: string): Scope {
  const bits = bitsOf(ip);
  if (bits === undefined) return "never";
  const inner = behindGateway(bits);
  if (inner === undefined) return RANGES.find(bits) ?? "never";
  // A gateway leads to public addresses only; any other is an attack.
  return RANGES.find(inner) === "public" ? "public" : "never";
}

/** Whether a host is this machine, by number or as `localhost`. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || classifyIp(host) === "loopback";
}

/** The IPv4 address that an IPv6 address wraps, as text; any other IP address as it is. */
export function innermostIp(ip: string): string {
  if (isIpv4(ip)) return ip;
  const bits = bitsOf(ip);
  if (bits === undefined) return ip;
  return ipOf(behindGateway(bits) ?? bits);
}

/**
 * Where a connection comes from, as fair shares count it: an IPv4 address as it is, and
 * of an IPv6 address its /64, of which a single machine can use every address (RFC 6177,
 * RFC 8981). Any other host is a source of its own: all nodes on `127.0.0.1` are one.
 */
export function sourceOf(host: string): string {
  if (isIpv4(host)) return host;
  const bits = bitsOf(host);
  if (bits === undefined) return host;
  if (bits >> 32n === 0xffffn || classifyIp(host) === "loopback") {
    return ipOf(bits);
  }
  return `${(bits >> 64n).toString(16)}::/64`;
}

/**
 * Whether a peer in scope `source` may make a node dial an address in scope `target`.
 * Scopes nest: a peer on this machine may gossip any address, one on a local network private
 * and public ones, one on the internet only public ones.
 */
export function mayDial(source: Scope, target: Scope): boolean {
  switch (source) {
    case "loopback":
      return target !== "never";
    case "private":
      return target === "private" || target === "public";
    case "public":
      return target === "public";
    case "never":
      return false;
    default:
      return source satisfies never;
  }
}

/** The IPv4 address to which a gateway would lead, mapped into IPv6. */
function behindGateway(bits: bigint): bigint | undefined {
  const at = GATEWAYS.find(bits);
  if (at === undefined) return undefined;
  return MAPPED | bits >> BigInt(96 - at) & 0xffff_ffffn;
}

/** The 128 bits of an IP address, IPv4 mapped into IPv6. */
function bitsOf(ip: string): bigint | undefined {
  const word = ipv4Word(ip);
  if (word !== undefined) return MAPPED | BigInt(word);
  if (!isIpv6(ip)) return undefined;
  return BigInt(`0x${ipToBytes(ip).toHex()}`);
}

function ipOf(bits: bigint): string {
  return ipFromBytes(Uint8Array.fromHex(bits.toString(16).padStart(32, "0")));
}
