/**
 * `instance`: a random number of the sending process, between `version` and
 * `verack`. It tells a node that was started again from one that runs twice.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";

/**
 * The number, little-endian.
 *
 * @throws {RangeError} when `instance` is not an unsigned 64-bit number.
 */
export function encodeInstance(instance: bigint): Uint8Array<ArrayBuffer> {
  return new ByteWriter(16).u64(instance).finish();
}

/**
 * Reads the number.
 *
 * @throws {VerackError} `malformed` when it has fewer than 8 bytes.
 */
export function decodeInstance(payload: Uint8Array): bigint {
  const reader = new ByteReader("instance", payload);
  return reader.u64("instance");
}
