/**
 * Addresses of several networks in BIP155's encoding: network id, CompactSize
 * length, bytes. Shared by Bitcoin's `addrv2` and the mesh's `peers`.
 *
 * A known network with a wrong length is malformed; an unknown network is for
 * the caller to skip (BIP155; Core's `CNetAddr::SetNetFromBIP155Network`).
 */
import { hash } from "node:crypto";
import { MAX_ADDRESS_BYTES } from "./wire_limits.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ipFromBytes, ipToBytes, isMappedIpv4 } from "../transport/ip.ts";

/** Network ids of BIP155. */
export const BIP155 = {
  ipv4: 1,
  ipv6: 2,
  /** Obsolete: parsed and ignored. */
  torV2: 3,
  torV3: 4,
  i2p: 5,
  cjdns: 6,
  yggdrasil: 7,
} as const;

const LENGTHS: ReadonlyMap<number, number> = new Map<number, number>([
  [BIP155.ipv4, 4],
  [BIP155.ipv6, 16],
  [BIP155.torV2, 10],
  [BIP155.torV3, 32],
  [BIP155.i2p, 32],
  [BIP155.cjdns, 16],
  [BIP155.yggdrasil, 16],
]);

/** Tor v2 addresses were once written as IPv6 with this prefix (OnionCat). */
const ONION_CAT_PREFIX = "fd87d87eeb43";
const CJDNS_PREFIX = 0xfc;
const TOR_V3_VERSION = 3;

/** An address of some network, without a port. */
export interface NetworkAddress {
  /** One of {@linkcode BIP155}, or an id that is not known yet. */
  readonly network: number;
  /** As many bytes as the network requires. */
  readonly address: Uint8Array;
}

/** Reads network id, length and bytes; the bytes are a view. */
export function readNetworkAddress(reader: ByteReader): NetworkAddress {
  const read = readAnyAddress(reader);
  checkNetworkAddress(reader, read);
  return read;
}

/** Reads network id, length and bytes, without a check of the length. */
export function readAnyAddress(reader: ByteReader): NetworkAddress {
  const network = reader.u8("network id");
  const address = reader.varBytes("address", MAX_ADDRESS_BYTES);
  return { network, address };
}

/** Checks that an address has the length of its network. */
export function checkNetworkAddress(
  reader: ByteReader,
  { network, address }: NetworkAddress,
): void {
  const wanted = LENGTHS.get(network);
  if (wanted !== undefined && address.length !== wanted) {
    const is = `${address.length} bytes long`;
    reader.refuse(`address of network ${network}`, is, `${wanted}`);
  }
}

/** Writes network id, length and bytes. */
export function writeNetworkAddress(
  writer: ByteWriter,
  { network, address }: NetworkAddress,
): void {
  const field = `address of network ${network}`;
  const wanted = LENGTHS.get(network);
  writer.u8(network);
  if (wanted === undefined) {
    writer.varBytes(field, address, MAX_ADDRESS_BYTES);
  } else writer.compactSize(wanted).fixedBytes(field, address, wanted);
}

/**
 * Whether an address is to be ignored, as Core does: an unknown network, Tor v2,
 * IPv4 or Tor v2 inside IPv6, CJDNS without its prefix.
 */
export function isIgnoredAddress(
  { network, address }: NetworkAddress,
): boolean {
  switch (network) {
    case BIP155.ipv4:
    case BIP155.torV3:
    case BIP155.i2p:
    case BIP155.yggdrasil:
      return false;
    case BIP155.ipv6:
      return isMappedIpv4(address) ||
        address.toHex().startsWith(ONION_CAT_PREFIX);
    case BIP155.cjdns:
      return address[0] !== CJDNS_PREFIX;
    default:
      return true;
  }
}

/** The address as text, or `undefined` when it {@linkcode isIgnoredAddress}. */
export function hostOfNetworkAddress(
  networkAddress: NetworkAddress,
): string | undefined {
  if (isIgnoredAddress(networkAddress)) return undefined;
  const { network, address } = networkAddress;
  switch (network) {
    case BIP155.ipv4:
      return address.join(".");
    case BIP155.torV3:
      return `${base32(torV3Label(address))}.onion`;
    case BIP155.i2p:
      return `${base32(address)}.b32.i2p`;
    default:
      return ipFromBytes(address);
  }
}

/** An IP address given as text, as network and bytes. */
export function networkAddressOfIp(host: string): NetworkAddress {
  const bytes = ipToBytes(host);
  return isMappedIpv4(bytes)
    ? { network: BIP155.ipv4, address: bytes.slice(12) }
    : { network: BIP155.ipv6, address: bytes };
}

/** Key, checksum and version: what a Tor v3 name spells (rend-spec-v3 §6). */
function torV3Label(key: Uint8Array): Uint8Array {
  const prefix = new TextEncoder().encode(".onion checksum");
  const checked = new Uint8Array([...prefix, ...key, TOR_V3_VERSION]);
  const checksum = hash("sha3-256", checked, "buffer").subarray(0, 2);
  return new Uint8Array([...key, ...checksum, TOR_V3_VERSION]);
}

/** RFC 4648 base32 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8 | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[value >>> bits & 31];
    }
  }
  if (bits > 0) text += alphabet[value << (5 - bits) & 31];
  return text;
}
