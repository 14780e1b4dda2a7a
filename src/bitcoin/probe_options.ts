/** Options of a probe, checked and complete, and the `version` messages made of them. */
import {
  type Clock,
  type Random,
  systemClock,
  systemRandom,
} from "../core/clock.ts";
import { SharedTimers } from "../core/shared_timers.ts";
import { MAX_USER_AGENT_BYTES } from "../wire/wire_limits.ts";
import { BITCOIN_PROBE_TIMEOUT_MS } from "./bitcoin_limits.ts";
import { BITCOIN_PROTOCOL_VERSION } from "../session/bitcoin_profile.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import { classifyIp } from "../transport/scope.ts";
import { tcpTransport } from "../transport/tcp.ts";
import type { Transport } from "../transport/transport.ts";
import { USER_AGENT } from "../version.ts";
import { ipToBytes } from "../transport/ip.ts";
import {
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../wire/messages/version.ts";
import {
  type BitcoinNetwork,
  networkOf,
  type NetworkOptions,
} from "./networks.ts";
import type { ProbeErrorKind, ProbeResult } from "./probe_result.ts";

/** What our `version` says; the rest (time, nonce, addresses) is made for every connection. */
export interface VersionOptions {
  /** Signed 32 bits. @default {70016} */
  readonly protocolVersion?: number;
  /** Unsigned 64 bits. @default {0n} */
  readonly services?: bigint;
  /** Text, or bytes of any kind; at most 256 bytes. @default {"/verack:<version>/"} */
  readonly userAgent?: string | Uint8Array;
  /** Signed 32 bits. @default {0} */
  readonly startHeight?: number;
  /** Whether we want transactions (BIP37). @default {false} for a probe, {true} for a responder */
  readonly relay?: boolean;
}

/** One message, as it comes or goes; also after the handshake. */
export interface PeerMessage {
  /** As seen from us. */
  readonly direction: "in" | "out";
  /** Printable ASCII. */
  readonly command: string;
  /** Valid during the call only; empty when it was too long to be kept. */
  readonly payload: Uint8Array;
  /** Length of the payload, bytes. */
  readonly bytes: number;
  /** Milliseconds since the connection was begun. */
  readonly atMs: number;
  /** Set when the message was dropped, as Core does, and why. */
  readonly dropped?: ProbeErrorKind;
}

/** Options of {@linkcode probe}. */
export interface ProbeOptions extends NetworkOptions, VersionOptions {
  /** One deadline for the whole handshake, from the beginning of dialing. @default {5_000} */
  readonly timeoutMs?: number;
  /** Ends the probe, which then rejects with the signal's reason; with {@linkcode stay} see there. */
  readonly signal?: AbortSignal;
  /**
   * Keeps a session whose handshake is complete and answers its pings until the
   * peer leaves or `signal` aborts; the probe resolves then.
   *
   * @default {false}
   */
  readonly stay?: boolean;
  /** Called once when the handshake is complete. */
  readonly onOpen?: (result: ProbeResult) => void;
  /** Called for every message in both directions. */
  readonly onMessage?: (message: PeerMessage) => void;
  /**
   * Nonces of our own unfinished outbound connections: the probe puts its nonce
   * in and takes it out again. Shared with `respond()`, it finds connections to
   * ourselves from the other end too.
   */
  readonly ownNonces?: Set<bigint>;
  /** Times everything. @default {systemClock} */
  readonly clock?: Clock;
  /** Makes the nonces. @default {systemRandom} */
  readonly random?: Random;
  /** Makes the connections. @default {tcpTransport()} */
  readonly transport?: Transport;
}

/** Options of {@linkcode probeAll}. */
export interface ProbeAllOptions
  extends Omit<ProbeOptions, "onOpen" | "onMessage"> {
  /** Probes under way at once. @default {64} */
  readonly concurrency?: number;
  /** As {@linkcode ProbeOptions.onOpen}, and of which address. */
  readonly onOpen?: (result: ProbeResult) => void;
  /** As {@linkcode ProbeOptions.onMessage}, and of which address: `host:port` as asked for. */
  readonly onMessage?: (message: PeerMessage, address: string) => void;
}

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

/** Options with their defaults; throws `RangeError` for a value out of its range. */
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
    clock: new SharedTimers(clock),
    random: options.random ?? systemRandom,
    transport: options.transport ?? tcpTransport({ clock }),
  };
}

/** The address to dial; throws `TypeError` when it is no address. */
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

/** A time that timers can keep; throws `RangeError` when it is none. */
export function checkMs(name: string, value: number): number {
  if (value > 0 && value <= MAX_TIMER_MS) return value;
  throw new RangeError(
    `Cannot use ${name}: it is ${value}, must be above 0 and at most ${MAX_TIMER_MS}`,
  );
}

/** An integer from 1 to `max`; throws `RangeError` when it is none. */
export function checkCount(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(
    `Cannot use ${name}: it is ${value}, must be an integer from 1 to ${max}`,
  );
}

/** The fields of `version` that are the same for all connections, checked. */
export type VersionFields = Pick<
  VersionMessage,
  "version" | "services" | "userAgent" | "startHeight" | "relay"
>;

/** The fields that options choose; throws `RangeError` when one does not fit its field. */
export function versionFields(
  options: VersionOptions,
  defaults: { relay: boolean },
): VersionFields {
  const {
    protocolVersion = BITCOIN_PROTOCOL_VERSION,
    services = 0n,
    startHeight = 0,
    relay = defaults.relay,
    userAgent = USER_AGENT,
  } = options;
  checkInt32("protocolVersion", protocolVersion);
  checkInt32("startHeight", startHeight);
  if (services < 0n || services >= 1n << 64n) {
    throw new RangeError(
      `Cannot make version: services is ${services}, must be 0 to 2^64 - 1`,
    );
  }
  const bytes = typeof userAgent === "string"
    ? new TextEncoder().encode(userAgent)
    : userAgent.slice();
  if (bytes.length > MAX_USER_AGENT_BYTES) {
    throw new RangeError(
      `Cannot make version: userAgent has ${bytes.length} bytes, must have at most ${MAX_USER_AGENT_BYTES}`,
    );
  }
  return {
    version: protocolVersion,
    services,
    userAgent: bytes,
    startHeight,
    relay,
  };
}

/**
 * The version for one connection, with a fresh nonce (Core's `PushNodeVersion`). An address
 * that is not public is left out, because it would disclose our networks.
 */
export function versionFor(
  fields: VersionFields,
  { host, port }: Address,
  { clock, random }: { clock: Clock; random: Random },
): VersionMessage {
  return {
    ...fields,
    timestamp: BigInt(Math.floor(clock.now() / 1_000)),
    addrRecv: classifyIp(host) === "public"
      ? { services: 0n, ip: ipToBytes(host), port }
      : UNSPECIFIED_ADDRESS,
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: new DataView(random.bytes(8).buffer).getBigUint64(0),
  };
}

function checkInt32(name: string, value: number): void {
  if (value === (value | 0)) return;
  throw new RangeError(
    `Cannot make version: ${name} is ${value}, must be a signed 32-bit integer`,
  );
}
