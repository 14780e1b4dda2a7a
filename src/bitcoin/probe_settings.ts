/** Options of a probe, checked and complete. */
import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../core/clock.ts";
import { BITCOIN_PROBE_TIMEOUT_MS } from "../limits.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import { tcpTransport } from "../transport/tcp.ts";
import type { Transport } from "../transport/transport.ts";
import { type BitcoinNetwork, networkOf } from "./networks.ts";
import type { ProbeOptions } from "./probe_options.ts";
import { type VersionFields, versionFields } from "./version_fields.ts";

/** Longest delay that timers keep, milliseconds: signed 32 bits. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** What all probes of one call have in common. */
export interface ProbeSettings {
  readonly network: BitcoinNetwork;
  readonly fields: VersionFields;
  readonly timeoutMs: number;
  readonly stay: boolean;
  readonly ownNonces: Set<bigint>;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
}

/**
 * Options with their defaults.
 *
 * @throws {RangeError} for a value out of its range.
 */
export function probeSettings(
  options: Omit<ProbeOptions, "onOpen" | "onMessage">,
): ProbeSettings {
  const { timeoutMs = BITCOIN_PROBE_TIMEOUT_MS, clock = systemClock } = options;
  return {
    network: networkOf(options),
    fields: versionFields(options, { relay: false }),
    timeoutMs: checkMs("timeoutMs", timeoutMs),
    stay: options.stay ?? false,
    ownNonces: options.ownNonces ?? new Set(),
    clock,
    random: options.random ?? systemRandom,
    transport: options.transport ?? tcpTransport({ clock }),
  };
}

/**
 * The address that text or value means; text may leave out the port.
 *
 * @throws {TypeError} when it is no address.
 */
export function targetOf(
  address: string | Address,
  defaultPort: number,
): Address {
  try {
    if (typeof address === "string") {
      return parseAddress(address, { defaultPort });
    }
    const host = parseHost(address.host);
    return parseAddress(formatAddress({ host, port: address.port }));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TypeError(error.message, { cause: error });
  }
}

/**
 * A time that timers can keep.
 *
 * @throws {RangeError} when it is none.
 */
export function checkMs(name: string, value: number): number {
  if (value > 0 && value <= MAX_TIMER_MS) return value;
  throw new RangeError(
    `Cannot use ${name}: it is ${value}, must be above 0 and at most ${MAX_TIMER_MS}`,
  );
}

/**
 * A number of things.
 *
 * @throws {RangeError} when it is not an integer from 1 to `max`.
 */
export function checkCount(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(
    `Cannot use ${name}: it is ${value}, must be an integer from 1 to ${max}`,
  );
}
