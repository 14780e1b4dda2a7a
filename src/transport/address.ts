/**
 * The address of a node: host and port, as text and as a value. Names are resolved in
 * `resolve.ts`; whether an address may be dialed is decided by `scope.ts`.
 */

import { canonicalIpv6, isIpv4 } from "./ip.ts";

/** A host (IPv4, IPv6 without brackets, or a DNS name) and a TCP port. */
export interface Address {
  /**
   * IPv4 dotted, IPv6 in canonical text without brackets, or a DNS name in lower case; of
   * configured addresses also a service, see {@linkcode parseService}.
   */
  readonly host: string;
  /** 0 to 65535; 0 only when asking to listen on any free port. */
  readonly port: number;
}

const HOSTNAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;

/** The first two labels of the name of SRV records for TCP (RFC 2782, RFC 6335 §5.1). */
const SERVICE = /^_[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\._tcp\.[^.]/;

/**
 * Parses `host:port`, `[v6]:port`, and with `defaultPort` a bare host. Port 0, which means any
 * free one for a listener, is accepted with a `minPort` of 0. Throws `SyntaxError` when the
 * text is no address.
 */
export function parseAddress(
  text: string,
  options: { defaultPort?: number; minPort?: 0 | 1 } = {},
): Address {
  const { defaultPort, minPort = 1 } = options;
  const { host, port } = splitHostPort(text, defaultPort);
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number > 65535 || number < minPort) {
    throw new SyntaxError(
      `Cannot parse address: port is ${quote(port)} in ${
        quote(text)
      }, must be ${minPort} to 65535`,
    );
  }
  return { host: parseHost(host, text), port: number };
}

/**
 * Parses a host alone: IPv4, IPv6 with or without brackets, or a DNS name; throws
 * `SyntaxError` when it is none of these.
 */
export function parseHost(host: string, shownAs: string = host): string {
  refuseUrl(host);
  const bare = host.startsWith("[") && host.endsWith("]")
    ? host.slice(1, -1)
    : host;
  const v6 = bare.includes(":") ? canonicalIpv6(bare) : undefined;
  if (v6 !== undefined) return v6;
  const name = bare.toLowerCase();
  const looksNumeric = /^[0-9.]+$/.test(name);
  const known = looksNumeric ? isIpv4(name) : HOSTNAME.test(name);
  if (known && bare === host) return name; // brackets are for IPv6 alone
  throw new SyntaxError(
    `Cannot parse address: host is ${quote(host)} in ${
      quote(shownAs)
    }, must be an IP address or a DNS name`,
  );
}

/** Begins the text of a service, with addresses in SRV records. */
const SERVICE_PREFIX = "srv:";

/**
 * Parses `srv:_SERVICE._tcp.DOMAIN`, the name of SRV records (RFC 2782), which have the hosts and
 * the ports; throws `SyntaxError` when the text is no such name. As an {@linkcode Address} it has
 * the text as its host, which no host can be, and port 0.
 */
export function parseService(text: string): Address {
  const host = text.toLowerCase();
  const name = host.slice(SERVICE_PREFIX.length);
  if (isServiceText(host) && SERVICE.test(name) && HOSTNAME.test(name)) {
    return { host: host.replace(/\.$/, ""), port: 0 };
  }
  throw new SyntaxError(
    `Cannot parse address: ${
      quote(text)
    } is no service, must be srv:_SERVICE._tcp.DOMAIN, such as srv:_verack._tcp.example.org, without a port`,
  );
}

/** Whether a text is meant as a service: `srv:8080` is a host of that name. */
export function isServiceText(text: string): boolean {
  return /^srv:(?!\d+$)/i.test(text);
}

/** The name of the SRV records that an address stands for; absent if it is a host. */
export function serviceOf({ host }: Address): string | undefined {
  return isServiceText(host) ? host.slice(SERVICE_PREFIX.length) : undefined;
}

/** `host:port`, with brackets around IPv6; a service as it was written. */
export function formatAddress(address: Address): string {
  if (isServiceText(address.host)) return address.host;
  return address.host.includes(":")
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

function splitHostPort(
  text: string,
  defaultPort: number | undefined,
): { host: string; port: string } {
  refuseUrl(text);
  const bracket = /^(\[[^\]]*\])(?::(.*))?$/s.exec(text);
  const colons = text.split(":").length - 1;
  if (bracket !== null) {
    const port = bracket[2] ?? defaultPort?.toString();
    if (port !== undefined) return { host: bracket[1] ?? "", port };
  } else if (colons > 1) {
    if (defaultPort !== undefined) {
      return { host: text, port: String(defaultPort) };
    }
    throw new SyntaxError(
      `Cannot parse address: ${
        quote(text)
      } has several colons, write IPv6 as [address]:port`,
    );
  } else if (colons === 1) {
    const at = text.indexOf(":");
    return { host: text.slice(0, at), port: text.slice(at + 1) };
  } else if (defaultPort !== undefined) {
    return { host: text, port: String(defaultPort) };
  }
  throw new SyntaxError(
    `Cannot parse address: ${quote(text)} has no port, must be host:port`,
  );
}

/** The form of URLs, which users copy from a browser. */
function refuseUrl(text: string): void {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return;
  throw new SyntaxError(
    `Cannot parse address: ${quote(text)} is a URL, must be host:port`,
  );
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
