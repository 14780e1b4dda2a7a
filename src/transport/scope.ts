/**
 * How far an IP address reaches, and who may make us dial it.
 *
 * Pure tables. They are applied to *resolved* addresses, at the time of dialing:
 * a name that points inside is caught like the number would be.
 */
import { canonicalIpv6, isIpv4 } from "./address.ts";

/**
 * `loopback`: this machine. `private`: a network of somebody's own (RFC 1918,
 * carrier-grade NAT, ULA). `public`: the internet. `never`: nothing that a node
 * dials (link-local, multicast, unspecified, broadcast, documentation, reserved).
 */
export type Scope = "loopback" | "private" | "public" | "never";

/** IANA IPv4 Special-Purpose Address Registry; what is not listed is public. */
const IPV4: readonly (readonly [string, number, Scope])[] = [
  ["0.0.0.0", 8, "never"], // "this network": Linux takes it for loopback
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "private"], // carrier-grade NAT, RFC 6598
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "never"], // link-local, and the metadata service of clouds
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "never"], // IETF protocol assignments
  ["192.0.2.0", 24, "never"], // documentation
  ["192.88.99.0", 24, "never"], // 6to4 relay anycast, withdrawn
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "never"], // benchmarks
  ["198.51.100.0", 24, "never"], // documentation
  ["203.0.113.0", 24, "never"], // documentation
  ["224.0.0.0", 4, "never"], // multicast
  ["240.0.0.0", 4, "never"], // reserved, and broadcast
];

/** IANA IPv6 registries, the first match counts; what is not listed is `never`. */
const IPV6: readonly (readonly [string, number, Scope])[] = [
  ["::1", 128, "loopback"],
  ["200::", 7, "private"], // withdrawn by IANA, in use by the Yggdrasil overlay
  ["2001::", 23, "never"], // IETF protocol assignments, Teredo among them
  ["2001:db8::", 32, "never"], // documentation
  ["3fff::", 20, "never"], // documentation
  ["2000::", 3, "public"], // all that is assigned as global unicast
  ["fc00::", 7, "private"], // unique local
];

/** Prefixes of IPv6 that only wrap an IPv4 address, and where it stands. */
const WRAPPED: readonly (readonly [string, number, number])[] = [
  ["::ffff:0:0", 96, 96], // v4-mapped
  ["64:ff9b::", 96, 96], // NAT64, RFC 6052
  ["2002::", 16, 16], // 6to4, RFC 3056
];

const IPV4_TABLE = IPV4.map(([base, bits, scope]) =>
  [ipv4Bits(base), bits, scope] as const
);
const IPV6_TABLE = IPV6.map(([base, bits, scope]) =>
  [ipv6Bits(base), bits, scope] as const
);
const WRAPPED_TABLE = WRAPPED.map(([base, bits, at], index) =>
  [ipv6Bits(base), bits, at, index === 0] as const
);

/** The scope of an IP address in text; `never` for anything that is none. */
export function classifyIp(ip: string): Scope {
  if (isIpv4(ip)) return classifyIpv4(ipv4Bits(ip));
  const canonical = canonicalIpv6(ip);
  if (canonical === undefined) return "never";
  const bits = ipv6Bits(canonical);
  for (const [base, length, at, mapped] of WRAPPED_TABLE) {
    if (!startsWith(bits, base, length, 128)) continue;
    const inner = classifyIpv4(bits >> BigInt(96 - at) & 0xffffffffn);
    // A mapped address is the IPv4 address. The others lead through somebody's
    // gateway, where only public ones make sense and the rest are an attack.
    return mapped || inner === "public" ? inner : "never";
  }
  for (const [base, length, scope] of IPV6_TABLE) {
    if (startsWith(bits, base, length, 128)) return scope;
  }
  return "never";
}

/** Whether a host is this machine, by number or as `localhost`. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || classifyIp(host) === "loopback";
}

/** The IPv4 address that an IPv6 address wraps, as text; any other IP address as it is. */
export function innermostIp(ip: string): string {
  const canonical = isIpv4(ip) ? undefined : canonicalIpv6(ip);
  if (canonical === undefined) return ip;
  const bits = ipv6Bits(canonical);
  for (const [base, length, at] of WRAPPED_TABLE) {
    if (!startsWith(bits, base, length, 128)) continue;
    const inner = bits >> BigInt(96 - at);
    return [24n, 16n, 8n, 0n].map((shift) => inner >> shift & 0xffn).join(".");
  }
  return canonical;
}

/**
 * Whether a peer in scope `source` may make us dial an address in scope `target`.
 * Scopes nest: who is on this machine may name anything, who is on our network
 * private and public addresses, who is on the internet only public ones.
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

function classifyIpv4(bits: bigint): Scope {
  for (const [base, length, scope] of IPV4_TABLE) {
    if (startsWith(bits, base, length, 32)) return scope;
  }
  return "public";
}

function startsWith(
  bits: bigint,
  base: bigint,
  length: number,
  width: number,
): boolean {
  const shift = BigInt(width - length);
  return bits >> shift === base >> shift;
}

function ipv4Bits(ip: string): bigint {
  return ip.split(".").reduce((bits, part) => bits << 8n | BigInt(part), 0n);
}

/** `ip` in canonical text (RFC 5952), which never ends in a dotted part. */
export function ipv6Bits(ip: string): bigint {
  const [head = "", tail] = (canonicalIpv6(ip) ?? ip).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = new Array(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].reduce(
    (bits, group) => bits << 16n | BigInt(`0x${group}`),
    0n,
  );
}
