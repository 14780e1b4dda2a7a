/** Queries a network's DNS seeds for addresses of nodes. */
import { type Clock, deadline, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { pool } from "../core/pool.ts";
import { DIAL_TIMEOUT_MS } from "../transport/transport_limits.ts";
import { MAX_SEED_ADDRESSES } from "./bitcoin_limits.ts";
import type { Address } from "../transport/address.ts";
import { resolveHost, type Resolver } from "../transport/resolve.ts";
import {
  type NetworkName,
  networkOf,
  type NetworkOptions,
} from "./networks.ts";
import { plainError } from "./probe_result.ts";

export type { Resolver };

/** Options of {@linkcode seedAddresses}. */
export interface SeedOptions {
  /** The most addresses. @default {Infinity} */
  readonly count?: number;
  /** Looks names up. @default {systemResolver} */
  readonly resolve?: Resolver;
  /** Aborts the queries. */
  readonly signal?: AbortSignal;
  /** Times the deadline of each. @default {systemClock} */
  readonly clock?: Clock;
  /** Called when a seed did not answer; the others are queried all the same. */
  readonly onFailure?: (seed: string, message: string) => void;
}

/** The answer of one seed. */
export interface SeedAnswer {
  /** Its name. */
  readonly seed: string;
  /** IP addresses; none when it failed. */
  readonly ips: readonly string[];
  /** Why there are none, one line. */
  readonly failure?: string;
}

/** The resolver of this machine, which needs `--allow-net`. */
export const systemResolver: Resolver = (host, { signal }) =>
  resolveHost(host, {
    max: MAX_SEED_ADDRESSES,
    ...(signal && { signal }),
  });

/**
 * Addresses of nodes from the DNS seeds of a network, with the network's port,
 * each once, in the order of the answers. `break` aborts the queries.
 *
 * @throws {RangeError} when the network has no seeds.
 * @throws {VerackError} `dns` when no seed answered; `permission`.
 * @throws the signal's reason when it aborts.
 */
export async function* seedAddresses(
  network: NetworkName | NetworkOptions,
  options: SeedOptions = {},
): AsyncGenerator<Address, void, void> {
  const chosen = networkOf(typeof network === "string" ? { network } : network);
  if (chosen.seeds.length === 0) {
    throw new RangeError(
      `Cannot ask DNS seeds: ${chosen.name} has none, give addresses`,
    );
  }
  const { count = Infinity, onFailure } = options;
  const given = new Set<string>();
  for await (const answer of askSeeds(chosen.seeds, options)) {
    if (answer.failure !== undefined) onFailure?.(answer.seed, answer.failure);
    for (const host of answer.ips) {
      if (given.size >= count) return;
      if (given.has(host)) continue;
      given.add(host);
      yield { host, port: chosen.port };
    }
  }
  if (given.size === 0 && count > 0) {
    throw new VerackError(
      "dns",
      `Cannot ask DNS seeds: none of the ${chosen.seeds.length} seeds of ${chosen.name} answered`,
    );
  }
}

/**
 * Queries all of `seeds` at once; yields the answers as they come, at most MAX_SEED_ADDRESSES
 * of each.
 */
export function askSeeds(
  seeds: readonly string[],
  options: Pick<SeedOptions, "resolve" | "signal" | "clock">,
): AsyncGenerator<SeedAnswer, void, void> {
  const { resolve = systemResolver, clock = systemClock, signal } = options;
  const ask = async (seed: string, stop: AbortSignal): Promise<SeedAnswer> => {
    using limit = deadline(clock, DIAL_TIMEOUT_MS, stop);
    try {
      const ips = await resolve(seed, { signal: limit.signal });
      return { seed, ips: ips.slice(0, MAX_SEED_ADDRESSES) };
    } catch (error) {
      const failure = error instanceof VerackError && plainError(error);
      if (!failure) throw error;
      return { seed, ips: [], failure: failure.message };
    }
  };
  return pool(seeds, ask, { concurrency: Math.max(1, seeds.length), signal });
}
