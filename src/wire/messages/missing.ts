/**
 * `missing`: the members that the sender hears of as live and cannot reach. What
 * becomes of such reports is decided in `mesh/discovery/unreachable_pairs.ts`.
 */
import { MAX_PEERS_PER_MESSAGE } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

const PEER_ID_BYTES = 32;

/** Payload of `missing`. */
export interface MissingMessage {
  /** 64 lower-case hex digits each, at most `MAX_PEERS_PER_MESSAGE`; empty when all is well. */
  readonly identities: readonly string[];
}

/**
 * The identities with their count in front.
 *
 * @throws {RangeError} when there are too many or one has a wrong length.
 */
export function encodeMissing(
  message: MissingMessage,
): Uint8Array<ArrayBuffer> {
  const { identities } = message;
  if (identities.length > MAX_PEERS_PER_MESSAGE) {
    throw new RangeError(
      `Cannot encode missing: there are ${identities.length} identities, must be at most ${MAX_PEERS_PER_MESSAGE}`,
    );
  }
  const writer = new ByteWriter(3 + PEER_ID_BYTES * identities.length)
    .compactSize(identities.length);
  for (const id of identities) {
    writer.hex("identity", id, PEER_ID_BYTES);
  }
  return writer.finish();
}

/**
 * Reads `missing`.
 *
 * @throws {VerackError} `malformed`.
 */
export function decodeMissing(payload: Uint8Array): MissingMessage {
  const reader = new ByteReader("missing", payload);
  const count = reader.compactSize("count", MAX_PEERS_PER_MESSAGE);
  // All at once: a count beyond the payload is refused before any is made.
  const all = reader.bytes("identities", count * PEER_ID_BYTES).toHex();
  const digits = 2 * PEER_ID_BYTES;
  return {
    identities: Array.from(
      { length: count },
      (_, i) => all.slice(i * digits, (i + 1) * digits),
    ),
  };
}
