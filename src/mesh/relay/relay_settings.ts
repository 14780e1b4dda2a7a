/** The option `relay` of a node: whether, and how much, it relays for other members. */
import { refuseUnknownOptions } from "../../core/errors.ts";
import {
  MAX_RELAY_PAIRS,
  MIN_RELAY_BYTES_PER_S,
  MOST_RELAY_PAIRS,
} from "./relay_limits.ts";

/** Bounds of what a node relays. */
export interface RelayOptions {
  /** Pairs of members that are relayed at the same time, 1 to 4,096. @default {128} */
  readonly maxPairs?: number;
  /** Relayed bytes a second, both directions of all pairs together, at least 16,384. @default no bound */
  readonly bytesPerSecond?: number;
}

const OPTION_NAMES: Readonly<Record<keyof RelayOptions, true>> = {
  maxPairs: true,
  bytesPerSecond: true,
};

/** {@linkcode RelayOptions} with defaults filled in and checked. */
export interface RelaySettings {
  readonly maxPairs: number;
  /** Infinite: no bound. */
  readonly bytesPerSecond: number;
}

/**
 * The settings of an option; absent if the node does not relay.
 *
 * @throws {TypeError} when it is neither a boolean nor an object of such options.
 * @throws {RangeError} when a number is out of range.
 */
export function resolveRelay(
  option: boolean | RelayOptions = true,
): RelaySettings | undefined {
  if (option === false) return undefined;
  const options = option === true ? {} : option;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot start node: relay is a ${typeof options}, must be true, false or an object`,
    );
  }
  refuseUnknownOptions(options, OPTION_NAMES, "Cannot start node: relay");
  const { maxPairs = MAX_RELAY_PAIRS, bytesPerSecond = Infinity } = options;
  if (
    !Number.isInteger(maxPairs) || maxPairs < 1 || maxPairs > MOST_RELAY_PAIRS
  ) {
    throw new RangeError(
      `Cannot start node: relay.maxPairs is ${maxPairs}, must be a whole number from 1 to ${MOST_RELAY_PAIRS}`,
    );
  }
  if (!(bytesPerSecond >= MIN_RELAY_BYTES_PER_S)) {
    throw new RangeError(
      `Cannot start node: relay.bytesPerSecond is ${bytesPerSecond}, must be at least ${MIN_RELAY_BYTES_PER_S}`,
    );
  }
  return { maxPairs, bytesPerSecond };
}
