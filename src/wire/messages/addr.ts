/**
 * `addr` and `addrv2` (BIP155): addresses of Bitcoin nodes, as others tell them.
 * Whether one may be dialed is not decided here.
 */
import { MAX_PEERS_PER_MESSAGE } from "../../limits.ts";
import {
  BIP155,
  isIgnoredAddress,
  type NetworkAddress,
  readNetworkAddress,
  writeNetworkAddress,
} from "../bip155.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";
import { ipToBytes, isMappedIpv4 } from "../ip.ts";

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
  checkCount(entries);
  const writer = new ByteWriter(3 + ADDR_ENTRY_BYTES * entries.length);
  writer.compactSize(entries.length);
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
  const count = readCount(reader, ADDR_ENTRY_BYTES);
  const entries: AddrEntry[] = [];
  for (let i = 0; i < count; i++) {
    const time = reader.u32("time");
    const services = reader.u64("services");
    const ip = reader.bytes("address", 16);
    const port = reader.u16be("port");
    entries.push(
      isMappedIpv4(ip)
        ? { time, services, network: BIP155.ipv4, address: ip.slice(12), port }
        : { time, services, network: BIP155.ipv6, address: ip.slice(), port },
    );
  }
  return entries;
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
  checkCount(entries);
  const writer = new ByteWriter(3 + 32 * entries.length);
  writer.compactSize(entries.length);
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
  const count = readCount(reader, MIN_ADDRV2_ENTRY_BYTES);
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

/** Reads the count and refuses one that the payload cannot hold, before any entry. */
function readCount(reader: ByteReader, entryBytes: number): number {
  const count = reader.compactSize("count", MAX_PEERS_PER_MESSAGE);
  if (count * entryBytes > reader.remaining) {
    reader.refuse(
      "count",
      `${count}`,
      `at most ${Math.floor(reader.remaining / entryBytes)} in this payload`,
    );
  }
  return count;
}

function checkCount(entries: readonly AddrEntry[]): void {
  if (entries.length > MAX_PEERS_PER_MESSAGE) {
    throw new RangeError(
      `Cannot encode addresses: there are ${entries.length}, must be at most ${MAX_PEERS_PER_MESSAGE}`,
    );
  }
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
