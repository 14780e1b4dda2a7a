/**
 * `peers`: what one node tells another about the members of the mesh, the first
 * entry right after `verack` being about itself.
 *
 * Nothing is believed here: certificates are judged in `identity/`, addresses and
 * what may be told on in `mesh/`. Asking is in `peer_request.ts`.
 */
import { VerackError } from "../../core/errors.ts";
import {
  MAX_ADDRESSES_PER_ENTRY,
  MAX_CERTIFICATE_BYTES,
  MAX_PEER_NAME_BYTES,
  MAX_PEERS_PER_MESSAGE,
  MAX_STATEMENT_BYTES,
} from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";
import {
  type PeerAddress,
  peerAddressOf,
  readRawAddress,
  writePeerAddress,
} from "./peer_address.ts";

const PEER_ID_BYTES = 32;
/** An entry with everything empty: identity, four lengths, time, flags. */
const MIN_ENTRY_BYTES = PEER_ID_BYTES + 4 + 8 + 1;

/** Bits of {@linkcode PeerEntry.flags}; the others are kept and mean nothing yet. */
export const PEER_FLAG = {
  /** The sender has a session with this peer now. */
  live: 1,
  /** The peer's key lives in memory only: a pin to it lapses when it is gone. */
  ephemeral: 2,
  /** It joined the sender just now, so it is probably dialing everybody itself. */
  recent: 4,
} as const;

/** What is told about one peer. */
export interface PeerEntry {
  /** 64 lower-case hex digits. */
  readonly id: string;
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
   * `MAX_STATEMENT_BYTES`; empty in an open mesh.
   */
  readonly statement: Uint8Array;
}

/** What {@linkcode decodePeers} reads. */
export interface ReadPeers extends PeersMessage {
  /** Entries that are left out because a value in them is not allowed. */
  readonly skipped: number;
  /** What is wrong with the first of them. */
  readonly fault?: VerackError;
}

/** Payload of `peers`. */
export interface PeersMessage {
  /** At most `MAX_PEERS_PER_MESSAGE`. */
  readonly entries: readonly PeerEntry[];
  /** Whether another `peers` follows that belongs to the same answer. */
  readonly more: boolean;
}

/**
 * Entries and whether more follow. The largest possible message is below
 * `MAX_PAYLOAD_BYTES`.
 *
 * @throws {RangeError} when there are too many entries or a field does not fit.
 */
export function encodePeers(message: PeersMessage): Uint8Array<ArrayBuffer> {
  const { entries, more } = message;
  return joinPeers({ entries: entries.map(encodePeerEntry), more });
}

/**
 * One entry, for {@linkcode joinPeers}.
 *
 * @throws {RangeError} when a field does not fit.
 */
export function encodePeerEntry(entry: PeerEntry): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(600);
  writeEntry(writer, entry);
  return writer.finish();
}

/**
 * {@linkcode encodePeers} of entries that are encoded once for many messages.
 *
 * @throws {RangeError} when there are too many entries.
 */
export function joinPeers(
  message: { readonly entries: readonly Uint8Array[]; readonly more: boolean },
): Uint8Array<ArrayBuffer> {
  const { entries, more } = message;
  if (entries.length > MAX_PEERS_PER_MESSAGE) {
    throw new RangeError(
      `Cannot encode peers: there are ${entries.length}, must be at most ${MAX_PEERS_PER_MESSAGE}`,
    );
  }
  const bytes = entries.reduce((sum, { length }) => sum + length, 4);
  const writer = new ByteWriter(bytes).compactSize(entries.length);
  for (const entry of entries) writer.bytes(entry);
  return writer.u8(more ? 1 : 0).finish();
}

/**
 * Reads `peers`. Addresses of unknown kinds are left out, their entry stays. An
 * entry with a value that is not allowed is left out and counted: its sender may
 * only have passed on what a third node made up.
 *
 * @throws {VerackError} `malformed` when the payload cannot be cut into entries.
 */
export function decodePeers(payload: Uint8Array): ReadPeers {
  const reader = new ByteReader("peers", payload);
  const count = reader.compactSize("count", MAX_PEERS_PER_MESSAGE);
  if (count * MIN_ENTRY_BYTES > reader.remaining) {
    reader.refuse(
      "count",
      `${count}`,
      `at most ${Math.floor(reader.remaining / MIN_ENTRY_BYTES)} here`,
    );
  }
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
  const more = reader.u8("more");
  if (more > 1) reader.refuse("more", `${more}`, "0 or 1");
  const skipped = count - entries.length;
  return { entries, more: more === 1, skipped, ...(fault && { fault }) };
}

function writeEntry(writer: ByteWriter, entry: PeerEntry): void {
  const { addresses } = entry;
  if (addresses.length > MAX_ADDRESSES_PER_ENTRY) {
    throw new RangeError(
      `Cannot encode peer: it has ${addresses.length} addresses, must have at most ${MAX_ADDRESSES_PER_ENTRY}`,
    );
  }
  writer.hex("identity", entry.id, PEER_ID_BYTES)
    .varBytes("certificate", entry.certificate, MAX_CERTIFICATE_BYTES)
    .compactSize(addresses.length);
  for (const address of addresses) writePeerAddress(writer, address);
  writer.u64(BigInt(entry.lastSeen)).u8(entry.flags)
    .varString("name", entry.name, MAX_PEER_NAME_BYTES)
    .varBytes("statement", entry.statement, MAX_STATEMENT_BYTES);
}

/**
 * Reads the bytes of an entry; the function that is returned judges its values, so
 * that an entry that is refused does not hide where the next one begins.
 */
function readEntry(reader: ByteReader): () => PeerEntry {
  const id = reader.hex("identity", PEER_ID_BYTES);
  const certificate = reader.varBytes("certificate", MAX_CERTIFICATE_BYTES);
  const count = reader.compactSize("address count", MAX_ADDRESSES_PER_ENTRY);
  const named = Array.from({ length: count }, () => readRawAddress(reader));
  const lastSeen = reader.u64("last seen");
  const flags = reader.u8("flags");
  const name = reader.varBytes("name", MAX_PEER_NAME_BYTES);
  const statement = reader.varBytes("statement", MAX_STATEMENT_BYTES);
  return () => {
    if (lastSeen > BigInt(Number.MAX_SAFE_INTEGER)) {
      reader.refuse(
        "last seen",
        `${lastSeen}`,
        `at most ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    return {
      id,
      certificate: certificate.slice(),
      addresses: named.flatMap((raw) => peerAddressOf(reader, raw) ?? []),
      lastSeen: Number(lastSeen),
      flags,
      name: reader.utf8("name", name),
      statement: statement.slice(),
    };
  };
}
