/**
 * `getpeers` and `peerids`: asking for peers by digest first and differences
 * after, so that 200 nodes asking each other do not move gigabytes.
 *
 *     getpeers, digest only           → nothing when the digests agree
 *                                     → peerids (all fingerprints) when they differ
 *     getpeers, digest, fingerprints  → peers (those the asker lacks)
 *
 * What the digest is over is decided in `mesh/`.
 */
import { MAX_FINGERPRINTS } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

const DIGEST_BYTES = 32;

/** Length of a fingerprint: enough to tell peers apart, never to trust one. */
export const FINGERPRINT_BYTES = 8;

/** Payload of `getpeers`. */
export interface GetPeersMessage {
  /** What the asker's list of peers hashes to, 64 lower-case hex digits. */
  readonly digest: string;
  /**
   * The first 8 bytes of the identities it has, as 16 lower-case hex digits each,
   * at most `MAX_FINGERPRINTS`; empty when only the digest is asked about.
   */
  readonly fingerprints: readonly string[];
}

/** Payload of `peerids`. */
export interface PeerIdsMessage {
  /** The first 8 bytes of the identities the sender has, 16 lower-case hex digits each. */
  readonly fingerprints: readonly string[];
}

/**
 * The digest, and the fingerprints with their count in front.
 *
 * @throws {RangeError} when there are too many fingerprints or one has a wrong length.
 */
export function encodeGetPeers(
  message: GetPeersMessage,
): Uint8Array<ArrayBuffer> {
  const { digest, fingerprints } = message;
  const writer = new ByteWriter(
    DIGEST_BYTES + 3 + FINGERPRINT_BYTES * fingerprints.length,
  ).hex("digest", digest, DIGEST_BYTES);
  writeFingerprints(writer, fingerprints);
  return writer.finish();
}

/**
 * Reads `getpeers`.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeGetPeers(payload: Uint8Array): GetPeersMessage {
  const reader = new ByteReader("getpeers", payload);
  const digest = reader.hex("digest", DIGEST_BYTES);
  const fingerprints = readFingerprints(reader);
  return { digest, fingerprints };
}

/**
 * The fingerprints with their count in front.
 *
 * @throws {RangeError} when there are too many fingerprints or one has a wrong length.
 */
export function encodePeerIds(
  message: PeerIdsMessage,
): Uint8Array<ArrayBuffer> {
  const { fingerprints } = message;
  const writer = new ByteWriter(3 + FINGERPRINT_BYTES * fingerprints.length);
  writeFingerprints(writer, fingerprints);
  return writer.finish();
}

/**
 * Reads `peerids`.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodePeerIds(payload: Uint8Array): PeerIdsMessage {
  const reader = new ByteReader("peerids", payload);
  const fingerprints = readFingerprints(reader);
  return { fingerprints };
}

function writeFingerprints(
  writer: ByteWriter,
  fingerprints: readonly string[],
): void {
  if (fingerprints.length > MAX_FINGERPRINTS) {
    throw new RangeError(
      `Cannot encode fingerprints: there are ${fingerprints.length}, must be at most ${MAX_FINGERPRINTS}`,
    );
  }
  writer.compactSize(fingerprints.length);
  for (const fingerprint of fingerprints) {
    writer.hex("fingerprint", fingerprint, FINGERPRINT_BYTES);
  }
}

function readFingerprints(reader: ByteReader): string[] {
  const count = reader.compactSize("fingerprint count", MAX_FINGERPRINTS);
  // All at once: a count beyond the payload is refused before any is made.
  const bytes = reader.bytes("fingerprints", count * FINGERPRINT_BYTES);
  const all = bytes.toHex();
  const digits = 2 * FINGERPRINT_BYTES;
  return Array.from(
    { length: count },
    (_, i) => all.slice(i * digits, (i + 1) * digits),
  );
}
