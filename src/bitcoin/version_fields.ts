/**
 * Our `version` message: what the caller chose, and what is made for every
 * connection (Core's `PushNodeVersion` in `src/net_processing.cpp`).
 */
import type { Clock, Random } from "../core/clock.ts";
import { MAX_USER_AGENT_BYTES } from "../limits.ts";
import { BITCOIN_PROTOCOL_VERSION } from "../session/bitcoin_profile.ts";
import type { Address } from "../transport/address.ts";
import { classifyIp } from "../transport/scope.ts";
import { USER_AGENT } from "../version.ts";
import { ipToBytes } from "../transport/ip.ts";
import {
  UNSPECIFIED_ADDRESS,
  type VersionAddress,
  type VersionMessage,
} from "../wire/messages/version.ts";
import type { VersionOptions } from "./probe_options.ts";

/** The fields that are the same for all connections, checked. */
export type VersionFields = Pick<
  VersionMessage,
  "version" | "services" | "userAgent" | "startHeight" | "relay"
>;

/**
 * The fields that options choose.
 *
 * @throws {RangeError} when one does not fit its field.
 */
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

/** A version for one connection, to the peer at `remote`, with a fresh nonce. */
export function versionFor(
  fields: VersionFields,
  remote: Address,
  options: { clock: Clock; random: Random },
): VersionMessage {
  const { clock, random } = options;
  return {
    ...fields,
    timestamp: BigInt(Math.floor(clock.now() / 1_000)),
    addrRecv: addrRecv(remote),
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: new DataView(random.bytes(8).buffer).getBigUint64(0),
  };
}

/** All zero for who is not on the internet: we do not tell what our networks look like. */
function addrRecv({ host, port }: Address): VersionAddress {
  return classifyIp(host) === "public"
    ? { services: 0n, ip: ipToBytes(host), port }
    : UNSPECIFIED_ADDRESS;
}

function checkInt32(name: string, value: number): void {
  if (value === (value | 0)) return;
  throw new RangeError(
    `Cannot make version: ${name} is ${value}, must be a signed 32-bit integer`,
  );
}
