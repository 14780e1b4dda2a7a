/**
 * Words for a connection whose first bytes carry another network's magic, or none.
 * The magic alone, eight hex digits, tells a user nothing.
 */
import { detailsOf, VerackError } from "../../core/errors.ts";
import { networkMagic } from "../../wire/frame.ts";

/** Names that another network is likely to have; a magic is a hash and cannot be read back. */
const LIKELY_NAMES: readonly string[] = ["main", "test", "dev"];

/**
 * `error`, a `bad-magic` before any valid frame, in words that name the networks.
 *
 * @param network The name of this node's network.
 */
export function wrongNetwork(
  error: VerackError,
  network: string,
): VerackError {
  const { expected, actual } = error;
  const name = LIKELY_NAMES.find((name) =>
    networkMagic(name).toHex() === actual
  );
  const what = name === undefined
    ? `the other end is in another network than this node's "${network}", or no verack node`
    : `the other end is in network "${name}", this node in "${network}"`;
  const seen = actual === undefined
    ? ""
    : ` (magic is ${actual}, must be ${expected})`;
  return new VerackError(
    "bad-magic",
    `Cannot open session: ${what}${seen}; start both with the same --network NAME`,
    { cause: error, ...detailsOf(error) },
  );
}
