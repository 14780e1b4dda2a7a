/**
 * Where a connection comes from, as fair shares count it: many connections of one
 * machine or of one customer's network take the turns of one.
 */
import { canonicalIpv6, isIpv4 } from "./address.ts";
import { classifyIp, ipv6Bits } from "./scope.ts";

/**
 * An IPv4 address as it is, and of an IPv6 address its /64, of which a single
 * machine can use every address (RFC 6177, RFC 8981). Anything else stands for
 * itself.
 *
 * Addresses of this machine stand for themselves, too: nodes that are all on
 * `127.0.0.1` are one source, and share with no other.
 */
export function sourceOf(host: string): string {
  if (isIpv4(host)) return host;
  const canonical = canonicalIpv6(host);
  if (canonical === undefined) return host;
  const bits = ipv6Bits(canonical);
  if (bits >> 32n === 0xffffn) {
    return [24n, 16n, 8n, 0n].map((at) => bits >> at & 0xffn).join(".");
  }
  if (classifyIp(canonical) === "loopback") return canonical;
  return `${(bits >> 64n).toString(16)}::/64`;
}
