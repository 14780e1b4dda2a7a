/**
 * `peers`: entries about the members of the mesh; the first message after `verack` has the
 * sender's own. Only the encoding is checked here: certificates are verified in `identity/`,
 * addresses in `mesh/`. Addresses are in BIP155's encoding, with two kinds of our own: a DNS
 * name, and "the address you see me at".
 */
import { parsePeerId, PEER_ID_BYTES, type PeerId } from "../../core/peer_id.ts";
import { VerackError } from "../../core/errors.ts";
import {
  MAX_ADDRESSES_PER_ENTRY,
  MAX_ATTESTATION_BYTES,
  MAX_PEER_NAME_BYTES,
  MAX_PEERS_PER_MESSAGE,
} from "../wire_limits.ts";
import { MAX_CERTIFICATE_BYTES } from "../../transport/transport_limits.ts";
import { type Address, parseHost } from "../../transport/address.ts";
import { isIpv4, isIpv6 } from "../../transport/ip.ts";
import {
  BIP155,
  checkNetworkAddress,
  hostOfNetworkAddress,
  type NetworkAddress,
  networkAddressOfIp,
  readAnyAddress,
  writeNetworkAddress,
} from "../bip155.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** An entry with everything empty: identity, four lengths, time, flags. */
const MIN_ENTRY_BYTES = PEER_ID_BYTES + 4 + 8 + 1;

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

/** Bits of {@linkcode PeerEntry.flags}; the others are kept and have no meaning yet. */
export const PEER_FLAG = {
  /** The sender has a session with this peer now. */
  live: 1,
  /** The peer's key lives in memory only: a pin to it lapses when it is gone. */
  ephemeral: 2,
  /** It has just been told of the receiver, so it is probably dialing that. */
  dials: 4,
  /** Others cannot dial the peer, by its own entry: it has no address, or none that answers. */
  unreachable: 8,
  /**
   * The first address has the IP address at which the sender sees the peer, on a direct session
   * that it has with it now.
   */
  seen: 16,
} as const;

/** An entry about one peer. */
export interface PeerEntry {
  /** 64 lower-case hex digits. */
  readonly id: PeerId;
  /** X.509 DER, at most `MAX_CERTIFICATE_BYTES`. */
  readonly certificate: Uint8Array;
  /** At most `MAX_ADDRESSES_PER_ENTRY`. */
  readonly addresses: readonly PeerAddress[];
  /** Unix time of the last sign of life, whole seconds; 0 for never. */
  readonly lastSeen: number;
  /** Sum of {@linkcode PEER_FLAG}s, unsigned 8 bits. */
  readonly flags: number;
  /** At most `MAX_PEER_NAME_BYTES` in UTF-8, may be empty; escape before showing. */
  readonly name: string;
  /**
   * By which a member admits this peer (`identity/attestation.ts`), at most
   * `MAX_ATTESTATION_BYTES`; empty in an open mesh.
   */
  readonly attestation: Uint8Array;
}

/** The result of {@linkcode decodePeers}. */
export interface ReadPeers extends PeersMessage {
  /** Entries that are left out because a value in them is not allowed. */
  readonly skipped: number;
  /** The fault of the first of them. */
  readonly fault?: VerackError;
}

/** Payload of `peers`. */
export interface PeersMessage {
  /** At most `MAX_PEERS_PER_MESSAGE`. */
  readonly entries: readonly PeerEntry[];
  /** Whether another `peers` follows that belongs to the same answer. */
  readonly more: boolean;
}

/** Entries and whether more follow; always shorter than `MAX_PAYLOAD_BYTES`. */
export function encodePeers(message: PeersMessage): Uint8Array<ArrayBuffer> {
  const { entries, more } = message;
  return joinPeers({ entries: entries.map(encodePeerEntry), more });
}

/** One entry, for {@linkcode joinPeers}. */
export function encodePeerEntry(entry: PeerEntry): Uint8Array<ArrayBuffer> {
  const { addresses } = entry;
  const writer = new ByteWriter(600)
    .hex("id", entry.id, PEER_ID_BYTES)
    .varBytes("certificate", entry.certificate, MAX_CERTIFICATE_BYTES)
    .count("addresses", addresses.length, MAX_ADDRESSES_PER_ENTRY);
  for (const address of addresses) writePeerAddress(writer, address);
  return writer.u64(BigInt(entry.lastSeen)).u8(entry.flags)
    .varString("name", entry.name, MAX_PEER_NAME_BYTES)
    .varBytes("attestation", entry.attestation, MAX_ATTESTATION_BYTES)
    .finish();
}

/** {@linkcode encodePeers} of entries that are encoded once for many messages. */
export function joinPeers(
  message: { readonly entries: readonly Uint8Array[]; readonly more: boolean },
): Uint8Array<ArrayBuffer> {
  const { entries, more } = message;
  const bytes = entries.reduce((sum, { length }) => sum + length, 4);
  const writer = new ByteWriter(bytes)
    .count("peers", entries.length, MAX_PEERS_PER_MESSAGE);
  for (const entry of entries) writer.bytes(entry);
  return writer.u8(more ? 1 : 0).finish();
}

/**
 * Reads `peers`. Addresses of unknown kinds are left out, their entry stays. An
 * entry with a value that is not allowed is left out and counted: it may come from a third
 * node. Throws `malformed` when the payload cannot be cut into entries.
 */
export function decodePeers(payload: Uint8Array): ReadPeers {
  const reader = new ByteReader("peers", payload);
  const count = reader.count("count", MAX_PEERS_PER_MESSAGE, MIN_ENTRY_BYTES);
  const entries: PeerEntry[] = [];
  let fault: VerackError | undefined;
  for (let i = 0; i < count; i++) {
    const complete = readEntry(reader);
    try {
      entries.push(complete());
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      fault ??= error;
    }
  }
  const more = reader.bool("more");
  const skipped = count - entries.length;
  return { entries, more, skipped, ...(fault && { fault }) };
}

/**
 * Reads the bytes of an entry; the function that is returned checks its values, so
 * that an entry that is refused does not hide where the next one begins.
 */
function readEntry(reader: ByteReader): () => PeerEntry {
  const id = parsePeerId(reader.hex("id", PEER_ID_BYTES));
  const certificate = reader.varBytes("certificate", MAX_CERTIFICATE_BYTES);
  const count = reader.compactSize("address count", MAX_ADDRESSES_PER_ENTRY);
  const named = Array.from({ length: count }, () => ({
    ...readAnyAddress(reader),
    port: reader.u16be("port"),
  }));
  const lastSeen = reader.u64("last seen");
  const flags = reader.u8("flags");
  const name = reader.varBytes("name", MAX_PEER_NAME_BYTES);
  const attestation = reader.varBytes("attestation", MAX_ATTESTATION_BYTES);
  return () => {
    if (lastSeen > BigInt(Number.MAX_SAFE_INTEGER)) {
      const most = `at most ${Number.MAX_SAFE_INTEGER}`;
      reader.refuse("last seen", `${lastSeen}`, most);
    }
    return {
      id,
      certificate: certificate.slice(),
      addresses: named.flatMap((raw) => peerAddressOf(reader, raw) ?? []),
      lastSeen: Number(lastSeen),
      flags,
      name: reader.utf8("name", name),
      attestation: attestation.slice(),
    };
  };
}

/** Writes one address as in an entry. */
export function writePeerAddress(
  writer: ByteWriter,
  { host, port }: PeerAddress,
): void {
  if (host === AS_SEEN_HOST) {
    const address = new Uint8Array(0);
    writeNetworkAddress(writer, { network: AS_SEEN, address });
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

/** An address as it was read; its values are not checked yet. */
interface RawAddress extends NetworkAddress {
  readonly port: number;
}

/** Reads one address as in an entry; `undefined` if it is of a kind that is not dialed here. */
export function readPeerAddress(reader: ByteReader): PeerAddress | undefined {
  const raw = { ...readAnyAddress(reader), port: reader.u16be("port") };
  return peerAddressOf(reader, raw);
}

/**
 * Checks an address; `undefined` when it is of a kind that is not dialed here
 * (Tor, I2P, CJDNS, Yggdrasil, unknown ones) or ignored (IPv4 inside IPv6).
 */
function peerAddressOf(
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
