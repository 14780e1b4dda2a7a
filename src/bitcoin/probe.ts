/** Probes one peer, or many. */
import type { Address } from "../transport/address.ts";
import type { ProbeAllOptions, ProbeOptions } from "./probe_options.ts";
import type { ProbeResult } from "./probe_result.ts";

export type { ProbeAllOptions, ProbeOptions } from "./probe_options.ts";

/** Does the handshake with one peer. */
export function probe(
  _address: string | Address,
  _options: ProbeOptions = {},
): Promise<ProbeResult> {
  return Promise.reject(new TypeError("Cannot probe yet"));
}

/** Probes many, in order of completion. */
// deno-lint-ignore require-yield
export async function* probeAll(
  _addresses:
    | Iterable<string | Address>
    | AsyncIterable<string | Address>,
  _options: ProbeAllOptions = {},
): AsyncGenerator<ProbeResult, void, void> {
  await Promise.reject(new TypeError("Cannot probe yet"));
}
