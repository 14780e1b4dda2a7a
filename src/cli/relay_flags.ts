/** Flags for what a node relays for other members. */
import {
  MAX_RELAY_PAIRS,
  MIN_RELAY_BYTES_PER_S,
  MOST_RELAY_PAIRS,
} from "../mesh/relay/relay_limits.ts";
import type { NodeOptions } from "../mesh/options.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";

/** The flags. */
export const RELAY_FLAGS = {
  relay: {
    type: "boolean",
    negatable: true,
    help:
      "Join the sessions of members that cannot reach each other (default); --no-relay: never",
  },
  relayPairs: {
    type: "integer",
    min: 1,
    max: MOST_RELAY_PAIRS,
    help: `Most pairs of members to relay (default: ${MAX_RELAY_PAIRS})`,
  },
  relayRate: {
    type: "integer",
    value: "BYTES",
    min: MIN_RELAY_BYTES_PER_S,
    max: Number.MAX_SAFE_INTEGER,
    help:
      "Most bytes a second to relay, all pairs together (default: no bound)",
  },
} as const satisfies FlagSpecs;

/** The option of a node by these flags. */
export function relayOptions(
  { relay, relayPairs, relayRate }: FlagValues<typeof RELAY_FLAGS>,
): Pick<NodeOptions, "relay"> {
  if (relay === false) {
    const bound = relayPairs !== undefined
      ? "--relay-pairs"
      : relayRate !== undefined
      ? "--relay-rate"
      : undefined;
    if (bound === undefined) return { relay: false };
    throw new UsageError(
      `${bound} is given with --no-relay, must be given without it`,
    );
  }
  return {
    relay: {
      ...(relayPairs !== undefined && { maxPairs: relayPairs }),
      ...(relayRate !== undefined && { bytesPerSecond: relayRate }),
    },
  };
}
