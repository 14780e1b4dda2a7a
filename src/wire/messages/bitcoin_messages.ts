/**
 * Messages of Bitcoin nodes besides `version` and `ping`: `addr`, `addrv2` (BIP155) and
 * `feature` (BIP434). Whether an address may be dialed is not decided here.
 */
import {
  MAX_FEATURE_DATA_BYTES,
  MAX_FEATURE_ID_BYTES,
  MAX_PEERS_PER_MESSAGE,
} from "../wire_limits.ts";
import { ipToBytes, isMappedIpv4 } from "../../transport/ip.ts";
import {
  BIP155,
  isIgnoredAddress,
  type NetworkAddress,
  readNetworkAddress,
  writeNetworkAddress,
} from "../bip155.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Bytes of an entry of `addr`: time, services, address, port. */
const ADDR_ENTRY_BYTES = 30;
/** The shortest entry of `addrv2`: an address of an unknown network without bytes. */
const MIN_ADDRV2_ENTRY_BYTES = 9;

/** One entry of `addr` or `addrv2`. */
export interface AddrEntry extends NetworkAddress {
  /** When the node was last seen, Unix seconds, unsigned 32 bits. */
  readonly time: number;
  /** Service bits, all 64 of them. */
  readonly services: bigint;
  /** 0 to 65535; 0 where the network has no ports (I2P). */
  readonly port: number;
}

/**
 * An `addr` of IPv4 and IPv6 addresses.
 *
 * @throws {RangeError} for addresses of other networks, more than
 * `MAX_PEERS_PER_MESSAGE` entries, or a field that does not fit.
 */
export function encodeAddr(
  entries: readonly AddrEntry[],
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(3 + ADDR_ENTRY_BYTES * entries.length)
    .count("addr", entries.length, MAX_PEERS_PER_MESSAGE);
  for (const entry of entries) {
    writer.u32(entry.time).u64(entry.services).bytes(ipOf(entry))
      .u16be(entry.port);
  }
  return writer.finish();
}

/**
 * Reads `addr`; IPv4 inside IPv6 comes out as IPv4. What follows the last entry
 * is ignored, as by Core.
 *
 * @throws {VerackError} `malformed`, also above `MAX_PEERS_PER_MESSAGE` entries.
 */
export function decodeAddr(payload: Uint8Array): AddrEntry[] {
  const reader = new ByteReader("addr", payload);
  const count = reader.count("count", MAX_PEERS_PER_MESSAGE, ADDR_ENTRY_BYTES);
  return Array.from({ length: count }, () => {
    const time = reader.u32("time");
    const services = reader.u64("services");
    const ip = reader.bytes("address", 16);
    const port = reader.u16be("port");
    return isMappedIpv4(ip)
      ? { time, services, network: BIP155.ipv4, address: ip.slice(12), port }
      : { time, services, network: BIP155.ipv6, address: ip.slice(), port };
  });
}

/**
 * An `addrv2`.
 *
 * @throws {RangeError} for more than `MAX_PEERS_PER_MESSAGE` entries, an address
 * whose length is not its network's, or a field that does not fit.
 */
export function encodeAddrV2(
  entries: readonly AddrEntry[],
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(3 + 32 * entries.length)
    .count("addrv2", entries.length, MAX_PEERS_PER_MESSAGE);
  for (const entry of entries) {
    writer.u32(entry.time).compactSizeBig(entry.services);
    writeNetworkAddress(writer, entry);
    writer.u16be(entry.port);
  }
  return writer.finish();
}

/**
 * Reads `addrv2`. Entries of unknown networks and others that Core ignores are
 * left out; what follows the last entry is ignored.
 *
 * @throws {VerackError} `malformed`, also above `MAX_PEERS_PER_MESSAGE` entries.
 */
export function decodeAddrV2(payload: Uint8Array): AddrEntry[] {
  const reader = new ByteReader("addrv2", payload);
  const count = reader.count(
    "count",
    MAX_PEERS_PER_MESSAGE,
    MIN_ADDRV2_ENTRY_BYTES,
  );
  const entries: AddrEntry[] = [];
  for (let i = 0; i < count; i++) {
    const time = reader.u32("time");
    const services = reader.compactSizeBig("services");
    const { network, address } = readNetworkAddress(reader);
    const port = reader.u16be("port");
    if (isIgnoredAddress({ network, address })) continue;
    entries.push({ time, services, network, address: address.slice(), port });
  }
  return entries;
}

function ipOf({ network, address }: NetworkAddress): Uint8Array {
  if (network === BIP155.ipv6 && address.length === 16) return address;
  if (network === BIP155.ipv4 && address.length === 4) {
    return ipToBytes(address.join("."));
  }
  throw new RangeError(
    `Cannot encode addr: network is ${network} with ${address.length} bytes, must be IPv4 or IPv6`,
  );
}

/** Shortest name of a feature, bytes. */
const MIN_FEATURE_ID_BYTES = 4;

/**
 * Payload of `feature`: between version and verack, between peers that both announce
 * 70017 or later. Bitcoin Core does not send it yet.
 */
export interface FeatureMessage {
  /** 4 to `MAX_FEATURE_ID_BYTES` bytes of any kind; escape before showing. */
  readonly id: Uint8Array;
  /** What the feature makes of it, at most `MAX_FEATURE_DATA_BYTES`. */
  readonly data: Uint8Array;
}

/**
 * Name and data, each with its length in front.
 *
 * @throws {RangeError} when one is too long or the name too short.
 */
export function encodeFeature(
  { id, data }: FeatureMessage,
): Uint8Array<ArrayBuffer> {
  if (id.length < MIN_FEATURE_ID_BYTES) {
    throw new RangeError(
      `Cannot encode feature: id has ${id.length} bytes, must have at least ${MIN_FEATURE_ID_BYTES}`,
    );
  }
  return new ByteWriter(4 + id.length + data.length)
    .varBytes("id of feature", id, MAX_FEATURE_ID_BYTES)
    .varBytes("data of feature", data, MAX_FEATURE_DATA_BYTES)
    .finish();
}

/**
 * Reads a feature; what follows the data is ignored, as in Bitcoin's other messages.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeFeature(payload: Uint8Array): FeatureMessage {
  const reader = new ByteReader("feature", payload);
  const id = reader.varBytes("id", MAX_FEATURE_ID_BYTES).slice();
  if (id.length < MIN_FEATURE_ID_BYTES) {
    const is = `${id.length} bytes long`;
    reader.refuse("id", is, `at least ${MIN_FEATURE_ID_BYTES}`);
  }
  const data = reader.varBytes("data", MAX_FEATURE_DATA_BYTES).slice();
  return { id, data };
}
