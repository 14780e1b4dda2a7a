/**
 * IP addresses as text and as the sixteen bytes that Bitcoin's `version` and `addr`
 * carry: IPv6 as it is, IPv4 as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
 */

/** The bytes in front of an IPv4 address that is written as IPv6. */
const MAPPED_PREFIX = "00000000000000000000ffff";

const ZERO = "0".charCodeAt(0);

/** An address of no network: all zero, as Core sends for addresses that it does not disclose. */
export const UNSPECIFIED_IP: Uint8Array<ArrayBuffer> = new Uint8Array(16);

/** Whether `host` is IPv4 in dotted decimal, four parts, without leading zeros. */
export function isIpv4(host: string): boolean {
  return ipv4Word(host) !== undefined;
}

/** IPv4 in dotted decimal as a number of 32 bits, or `undefined` if it is none. Builds no strings. */
export function ipv4Word(host: string): number | undefined {
  let word = 0;
  let part = 0;
  let digits = 0;
  let parts = 0;
  for (let at = 0; at <= host.length; at++) {
    const digit = host.charCodeAt(at) - ZERO;
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 && part === 0) return undefined;
      digits++;
      part = 10 * part + digit;
      if (part > 0xff) return undefined;
    } else if (digits > 0 && (at === host.length || host[at] === ".")) {
      word = 0x100 * word + part;
      parts++;
      part = digits = 0;
    } else return undefined;
  }
  return parts === 4 ? word : undefined;
}

/** Whether `host` is IPv6 text without brackets. */
export function isIpv6(host: string): boolean {
  return host.includes(":") && canonicalIpv6(host) !== undefined;
}

/** IPv6 text in its canonical form (RFC 5952), or `undefined` if it is none. */
export function canonicalIpv6(host: string): string | undefined {
  if (!/^[0-9a-fA-F:.]+$/.test(host)) return undefined;
  const url = URL.parse(`http://[${host}]/`);
  return url === null ? undefined : url.hostname.slice(1, -1);
}

/** IPv6 in canonical text, v4-mapped IPv6 as IPv4, anything else as it is. */
export function plainHost(hostname: string): string {
  return isIpv6(hostname) ? ipFromBytes(ipToBytes(hostname)) : hostname;
}

/** The sixteen bytes of an IP address given as text; throws `RangeError` for other text. */
export function ipToBytes(host: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const word = ipv4Word(host);
  if (word !== undefined) {
    bytes[10] = bytes[11] = 0xff;
    for (let i = 0; i < 4; i++) bytes[12 + i] = word >>> 24 - 8 * i;
    return bytes;
  }
  const canonical = canonicalIpv6(host);
  if (canonical === undefined) {
    throw new RangeError(
      `Cannot encode address: host is ${
        JSON.stringify(host.slice(0, 80))
      }, must be an IP address`,
    );
  }
  const [head = "", tail = ""] = canonical.split("::");
  const front = groupsOf(head);
  const back = groupsOf(tail);
  const view = new DataView(bytes.buffer);
  front.forEach((group, i) => view.setUint16(2 * i, group));
  back.forEach((group, i) => view.setUint16(16 - 2 * (back.length - i), group));
  return bytes;
}

/** Sixteen bytes as text: dotted IPv4 if they hold one, else canonical IPv6. */
export function ipFromBytes(bytes: Uint8Array): string {
  if (isMappedIpv4(bytes)) return bytes.subarray(12, 16).join(".");
  const text = bytes.toHex().replace(/(.{4})(?!$)/g, "$1:");
  // Sixteen bytes always are an IPv6 address.
  return canonicalIpv6(text)!;
}

/** Whether sixteen bytes hold an IPv4 address. */
export function isMappedIpv4(bytes: Uint8Array): boolean {
  return bytes.toHex().startsWith(MAPPED_PREFIX);
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}
