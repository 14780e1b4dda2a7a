/** Which kind of network an address belongs to, by its text. */
import { type Address, parseAddress } from "../transport/address.ts";
import { isIpv4, isIpv6 } from "../transport/ip.ts";
import { classifyIp, type Scope } from "../transport/scope.ts";
import type { NetworkType } from "./crawl_options.ts";

/** The kind of a host as `hostOfNetworkAddress()` writes it; `undefined` for a DNS name. */
export function networkTypeOf(host: string): NetworkType | undefined {
  if (isIpv4(host)) return "ipv4";
  if (host.endsWith(".onion")) return "onion";
  if (host.endsWith(".b32.i2p")) return "i2p";
  if (!isIpv6(host)) return undefined;
  if (/^fc[0-9a-f]{2}:/.test(host)) return "cjdns"; // fc00::/8, as BIP155 wants it
  return /^[23][0-9a-f]{2}:/.test(host) ? "yggdrasil" : "ipv6"; // 200::/7
}

/** How a crawl may treat a host. */
export function reachOf(
  host: string,
  options: { allowPrivate: boolean },
): "dial" | "count" | "never" {
  const type = networkTypeOf(host);
  if (type === undefined) return "never";
  if (type === "onion" || type === "i2p") return "count";
  const scope: Scope = classifyIp(host);
  if (scope === "public") return "dial";
  if (scope !== "never" && options.allowPrivate) return "dial";
  // Overlays that only their members reach.
  return type === "cjdns" || type === "yggdrasil" ? "count" : "never";
}

/** An address as crawls write it; I2P has port 0, as it has no ports. */
export function parseHeard(text: unknown): Address | undefined {
  if (typeof text !== "string") return undefined;
  const i2p = /^([a-z2-7]{52}\.b32\.i2p):0$/.exec(text)?.[1];
  if (i2p !== undefined) return { host: i2p, port: 0 };
  try {
    return parseAddress(text);
  } catch {
    return undefined;
  }
}
