/** Addresses from DNS seeds. */
import type { BitcoinNetwork } from "./networks.ts";
import type { Address } from "../transport/address.ts";

/** Options of {@linkcode seedAddresses}. */
export interface SeedOptions {
  /** At most so many addresses. @default {Infinity} */
  readonly count?: number;
  /** Host name to IP addresses. @default {resolveHost} */
  readonly resolve?: (
    host: string,
    options: { signal?: AbortSignal },
  ) => Promise<string[]>;
  readonly signal?: AbortSignal;
  /** A seed that did not answer; the others are asked all the same. */
  readonly onFailure?: (seed: string, message: string) => void;
}

/** Takes addresses from a network's DNS seeds, each once, as they come. */
// deno-lint-ignore require-yield
export async function* seedAddresses(
  _network: BitcoinNetwork,
  _options: SeedOptions = {},
): AsyncGenerator<Address, void, void> {
  await Promise.reject(new TypeError("Cannot ask yet"));
}
