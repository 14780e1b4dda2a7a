/**
 * `getpeers`, `peerids` and `missing`: requests for peers by digest first and differences
 * after, so that 200 nodes do not exchange gigabytes.
 *
 *     getpeers, digest only           → nothing when the digests agree
 *                                     → peerids (all fingerprints) when they differ
 *     getpeers, digest, fingerprints  → peers (those the asker lacks)
 *
 * The input of the digest is decided in `mesh/`.
 */
import { parsePeerId, PEER_ID_BYTES, type PeerId } from "../../core/peer_id.ts";
import { MAX_FINGERPRINTS, MAX_PEERS_PER_MESSAGE } from "../wire_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

const DIGEST_BYTES = 32;

/** Length of a fingerprint: enough to distinguish peers, not to verify one. */
export const FINGERPRINT_BYTES = 8;

/** Payload of `getpeers`. */
export interface GetPeersMessage {
  /** The digest of the requester's list of peers, 64 lower-case hex digits. */
  readonly digest: string;
  /**
   * The first 8 bytes of the identities it has, as 16 lower-case hex digits each,
   * at most `MAX_FINGERPRINTS`; empty when only the digest is compared.
   */
  readonly fingerprints: readonly string[];
}

export function encodeGetPeers(
  { digest, fingerprints }: GetPeersMessage,
): Uint8Array<ArrayBuffer> {
  const bytes = DIGEST_BYTES + 3 + FINGERPRINT_BYTES * fingerprints.length;
  const writer = new ByteWriter(bytes).hex("digest", digest, DIGEST_BYTES);
  return writeFingerprints(writer, fingerprints);
}

export function decodeGetPeers(payload: Uint8Array): GetPeersMessage {
  const reader = new ByteReader("getpeers", payload);
  const digest = reader.hex("digest", DIGEST_BYTES);
  return { digest, fingerprints: readFingerprints(reader) };
}

/** Payload of `peerids`. */
export interface PeerIdsMessage {
  /** The first 8 bytes of the identities the sender has, 16 lower-case hex digits each. */
  readonly fingerprints: readonly string[];
}

export function encodePeerIds(
  { fingerprints }: PeerIdsMessage,
): Uint8Array<ArrayBuffer> {
  const bytes = 3 + FINGERPRINT_BYTES * fingerprints.length;
  return writeFingerprints(new ByteWriter(bytes), fingerprints);
}

export function decodePeerIds(payload: Uint8Array): PeerIdsMessage {
  const reader = new ByteReader("peerids", payload);
  return { fingerprints: readFingerprints(reader) };
}

function writeFingerprints(
  writer: ByteWriter,
  fingerprints: readonly string[],
): Uint8Array<ArrayBuffer> {
  return writer
    .hexList("fingerprint", fingerprints, FINGERPRINT_BYTES, MAX_FINGERPRINTS)
    .finish();
}

function readFingerprints(reader: ByteReader): string[] {
  return reader.hexList("fingerprint", FINGERPRINT_BYTES, MAX_FINGERPRINTS);
}

/**
 * Payload of `missing`: members that others report as live and the sender cannot reach. Such
 * reports are handled in `mesh/discovery/unreachable_pairs.ts`.
 */
export interface MissingMessage {
  /** At most `MAX_PEERS_PER_MESSAGE`; empty when all can be reached. */
  readonly ids: readonly PeerId[];
}

export function encodeMissing(
  { ids }: MissingMessage,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(3 + PEER_ID_BYTES * ids.length)
    .hexList("id", ids, PEER_ID_BYTES, MAX_PEERS_PER_MESSAGE)
    .finish();
}

export function decodeMissing(payload: Uint8Array): MissingMessage {
  const reader = new ByteReader("missing", payload);
  return {
    ids: reader.hexList("id", PEER_ID_BYTES, MAX_PEERS_PER_MESSAGE)
      .map(parsePeerId),
  };
}
