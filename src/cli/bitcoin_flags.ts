/** The flags of all commands that connect to Bitcoin nodes: the network, and the `version`. */
import { BITCOIN_PROTOCOL_VERSION } from "../session/bitcoin_profile.ts";
import {
  type BitcoinNetwork,
  customSignet,
  type NetworkName,
  networkOf,
  NETWORKS,
} from "../bitcoin/networks.ts";
import {
  BITCOIN_PROBE_CONCURRENCY,
  BITCOIN_PROBE_TIMEOUT_MS,
  MAX_BITCOIN_CONCURRENCY,
} from "../bitcoin/bitcoin_limits.ts";
import type { VersionOptions } from "../bitcoin/probe_options.ts";
import { MAX_USER_AGENT_BYTES } from "../wire/wire_limits.ts";
import { escapeText } from "../core/escape.ts";
import { type Address, parseAddress } from "../transport/address.ts";
import {
  type FlagSpec,
  type FlagSpecs,
  type FlagValues,
  UsageError,
} from "./flags.ts";

/** Names of the networks, for `--network`. */
export const NETWORK_NAMES = Object.keys(NETWORKS) as NetworkName[];

/** `--magic`. */
export const MAGIC_FLAG = {
  type: "string",
  value: "HEX",
  parse: (text: string) => (customSignet(text), text.toLowerCase()),
  help: "The network's first four bytes, for a signet of one's own",
} as const satisfies FlagSpec;

/** `--network`, with the default of the command. */
export function networkFlag<const D extends NetworkName>(network: D) {
  return {
    type: "enum",
    value: "NAME",
    values: NETWORK_NAMES,
    default: network,
    help: "Which network; default ports follow",
  } as const satisfies FlagSpec;
}

/** `--user-agent`, `--protocol-version`. */
export const VERSION_FLAGS = {
  userAgent: {
    type: "string",
    parse: (text: string) => (checkUserAgent(text), text),
    help: "What to call ourselves, such as /name:1.0/",
  },
  protocolVersion: {
    type: "integer",
    min: -(2 ** 31),
    max: 2 ** 31 - 1,
    default: BITCOIN_PROTOCOL_VERSION,
    help: "The protocol version to announce",
  },
} as const satisfies FlagSpecs;

/** `--timeout`, `--concurrency`, of commands that dial. */
export const DIAL_FLAGS = {
  timeout: {
    type: "integer",
    value: "MS",
    min: 1,
    max: 3_600_000,
    default: BITCOIN_PROBE_TIMEOUT_MS,
    help: "Milliseconds for a whole handshake, connecting included",
  },
  concurrency: {
    type: "integer",
    min: 1,
    max: MAX_BITCOIN_CONCURRENCY,
    default: BITCOIN_PROBE_CONCURRENCY,
    help: "Connections at once, of a crawl one to an IP address",
  },
} as const satisfies FlagSpecs;

const MAX_SERVICES = 2n ** 64n - 1n;

/**
 * `--services`: a number in hex or decimal, 64 bits. The default is a full node's
 * (NETWORK, WITNESS, NETWORK_LIMITED): others disconnect from a node that offers less.
 */
export const SERVICES_FLAG = {
  type: "string",
  value: "BITS",
  parse: parseServices,
  default: "0x409",
  help: "Service bits to announce, in hex or decimal",
} as const satisfies FlagSpec;

/** The network that `--network` and `--magic` mean. */
export function networkOfFlags(
  { network, magic }: {
    readonly network: NetworkName;
    readonly magic: string | undefined;
  },
): BitcoinNetwork {
  return networkOf({ network, ...(magic !== undefined && { magic }) });
}

/** The options of the `version` message. */
export function versionOfFlags(
  { userAgent, protocolVersion }: FlagValues<typeof VERSION_FLAGS>,
): VersionOptions {
  return { protocolVersion, ...(userAgent !== undefined && { userAgent }) };
}

/** The addresses of nodes given as arguments. */
export function parseNodes(
  texts: readonly string[],
  defaultPort: number,
): Address[] {
  return texts.map((text) => {
    try {
      return parseAddress(text, { defaultPort });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new UsageError(escapeText(error.message, { max: 300 }));
    }
  });
}

function checkUserAgent(text: string): void {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_USER_AGENT_BYTES) return;
  throw new RangeError(
    `Cannot use user agent: it has ${bytes} bytes, must have at most ${MAX_USER_AGENT_BYTES}`,
  );
}

function parseServices(text: string): bigint {
  const bits = /^(0x[0-9a-fA-F]{1,16}|\d{1,20})$/.test(text)
    ? BigInt(text)
    : -1n;
  if (bits >= 0n && bits <= MAX_SERVICES) return bits;
  throw new RangeError(
    `Cannot use service bits: they are ${
      JSON.stringify(text.slice(0, 40))
    }, must be 0 to 0xffffffffffffffff`,
  );
}
