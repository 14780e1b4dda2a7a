/** `challenge`: what the listener wants to see signed, fresh for every connection. */
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Length of a challenge; as random as an identity is. */
export const CHALLENGE_BYTES = 32;

/**
 * The challenge as it is.
 *
 * @throws {RangeError} when `challenge` is not 32 bytes.
 */
export function encodeChallenge(
  challenge: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(CHALLENGE_BYTES)
    .fixedBytes("challenge", challenge, CHALLENGE_BYTES)
    .finish();
}

/**
 * Reads a challenge.
 *
 * @throws {VerackError} `malformed` when it has fewer than 32 bytes.
 */
export function decodeChallenge(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader("challenge", payload);
  return reader.bytes("challenge", CHALLENGE_BYTES).slice();
}
