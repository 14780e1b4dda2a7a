/**
 * IP addresses as the sixteen bytes that Bitcoin's `version` and `addr` carry:
 * IPv6 as it is, IPv4 as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
 *
 * Other networks' addresses are in `bip155.ts`.
 */
import { canonicalIpv6, isIpv4 } from "../transport/address.ts";

/** The bytes in front of an IPv4 address that is written as IPv6. */
const MAPPED_PREFIX = "00000000000000000000ffff";

/** An address of no network: all zero, as Core sends for what it does not tell. */
export const UNSPECIFIED_IP: Uint8Array<ArrayBuffer> = new Uint8Array(16);

/**
 * The sixteen bytes of an IPv4 or IPv6 address given as text.
 *
 * @throws {RangeError} when `host` is not an IP address.
 */
export function ipToBytes(host: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  if (isIpv4(host)) {
    bytes.set([0xff, 0xff, ...host.split(".").map(Number)], 10);
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
  const [head = "", tail] = canonical.split("::");
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const view = new DataView(bytes.buffer);
  front.forEach((group, i) => view.setUint16(2 * i, group));
  back.forEach((group, i) => view.setUint16(16 - 2 * (back.length - i), group));
  return bytes;
}

/** Sixteen bytes as text: dotted IPv4 if they hold one, else canonical IPv6 (RFC 5952). */
export function ipFromBytes(bytes: Uint8Array): string {
  if (isMappedIpv4(bytes)) return bytes.subarray(12, 16).join(".");
  const hex = bytes.toHex();
  const text = hex.replace(/(.{4})(?!$)/g, "$1:");
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
