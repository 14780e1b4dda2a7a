/**
 * `feature` (BIP434): announces a feature by name, between version and verack,
 * between peers that both announce 70017 or later. Bitcoin Core does not send it yet.
 */
import { MAX_FEATURE_DATA_BYTES, MAX_FEATURE_ID_BYTES } from "../../limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";

/** Shortest name of a feature, bytes. */
const MIN_FEATURE_ID_BYTES = 4;

/** Payload of `feature`. */
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
    reader.refuse(
      "id",
      `${id.length} bytes long`,
      `at least ${MIN_FEATURE_ID_BYTES}`,
    );
  }
  const data = reader.varBytes("data", MAX_FEATURE_DATA_BYTES).slice();
  return { id, data };
}
