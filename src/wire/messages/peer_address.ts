/**
 * An address in a `peers` entry: BIP155's encoding and two kinds of our own, a
 * DNS name and "the address you see me at". Only `peers.ts` uses it.
 */
import {
  type Address,
  isIpv4,
  isIpv6,
  parseHost,
} from "../../transport/address.ts";
import {
  BIP155,
  checkNetworkAddress,
  hostOfNetworkAddress,
  type NetworkAddress,
  networkAddressOfIp,
  readAnyAddress,
  writeNetworkAddress,
} from "../bip155.ts";
import type { ByteReader, ByteWriter } from "../bytes.ts";

/** Network id of a DNS name in ASCII; BIP155 leaves the high ids free. */
const DNS_NAME = 0xd0;
/** Network id of an address that the receiver is to fill in; it has no bytes. */
const AS_SEEN = 0xd1;

/**
 * Host and port; an empty host means the address at which the receiver sees the
 * sender, and makes sense only in an entry of the sender about itself.
 */
export type PeerAddress = Address;

/** The host of "the address you see me at". */
export const AS_SEEN_HOST = "";

/** Whether an address can be written, and would be accepted by its reader. */
export function canTell({ host, port }: PeerAddress): boolean {
  return port >= 1 && port <= 65_535 &&
    (host === AS_SEEN_HOST || isIpv4(host) || isIpv6(host) ||
      dnsName(host) === host);
}

/**
 * Writes an address.
 *
 * @throws {RangeError} when the host is neither empty nor an IP address nor a DNS
 * name, or the port not 1 to 65535.
 */
export function writePeerAddress(
  writer: ByteWriter,
  { host, port }: PeerAddress,
): void {
  if (host === AS_SEEN_HOST) {
    writeNetworkAddress(writer, {
      network: AS_SEEN,
      address: new Uint8Array(0),
    });
  } else if (isIpv4(host) || isIpv6(host)) {
    writeNetworkAddress(writer, networkAddressOfIp(host));
  } else {
    if (dnsName(host) !== host) {
      throw new RangeError(
        `Cannot encode address: host is ${
          JSON.stringify(host.slice(0, 80))
        }, must be an IP address or a DNS name in lower case`,
      );
    }
    const address = new TextEncoder().encode(host);
    writeNetworkAddress(writer, { network: DNS_NAME, address });
  }
  if (port === 0) {
    throw new RangeError(
      "Cannot encode address: port is 0, must be 1 to 65535",
    );
  }
  writer.u16be(port);
}

/** An address as it was read; its values are not judged yet. */
export interface RawAddress extends NetworkAddress {
  readonly port: number;
}

/**
 * Reads the bytes of an address: a view.
 *
 * @throws {VerackError} `malformed`.
 */
export function readRawAddress(reader: ByteReader): RawAddress {
  return { ...readAnyAddress(reader), port: reader.u16be("port") };
}

/**
 * Judges an address; `undefined` when it is of a kind that is not dialed here
 * (Tor, I2P, CJDNS, Yggdrasil, unknown ones) or ignored (IPv4 inside IPv6).
 *
 * @throws {VerackError} `malformed`.
 */
export function peerAddressOf(
  reader: ByteReader,
  { network, address, port }: RawAddress,
): PeerAddress | undefined {
  checkNetworkAddress(reader, { network, address });
  let host: string | undefined;
  if (network === BIP155.ipv4 || network === BIP155.ipv6) {
    host = hostOfNetworkAddress({ network, address });
  } else if (network === DNS_NAME) {
    host = dnsName(String.fromCharCode(...address));
    if (host === undefined) {
      reader.refuse("address", "no DNS name", "a DNS name in ASCII");
    }
  } else if (network === AS_SEEN) {
    if (address.length > 0) {
      reader.refuse("address as seen", `${address.length} bytes long`, "0");
    }
    host = AS_SEEN_HOST;
  }
  if (host === undefined) return undefined;
  if (port === 0) reader.refuse("port", "0", "1 to 65535");
  return { host, port };
}

/** `text` in lower case if it is a DNS name and no IP address. */
function dnsName(text: string): string | undefined {
  try {
    const host = parseHost(text);
    return isIpv4(host) || host.includes(":") ? undefined : host;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
