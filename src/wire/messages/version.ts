/**
 * `version`: the software, its services, and the nonce by which a connection to itself is found
 * (Core's `PushNodeVersion` and `ProcessMessage` in `src/net_processing.cpp`).
 *
 * Whether a version is acceptable is decided in `session/`.
 */
import { MAX_USER_AGENT_BYTES } from "../wire_limits.ts";
import { ByteReader, ByteWriter } from "../bytes.ts";
import { UNSPECIFIED_IP } from "../../transport/ip.ts";

const IP_BYTES = 16;

/** An address as `version` carries it, without a time. */
export interface VersionAddress {
  /** Service bits of the node there. */
  readonly services: bigint;
  /** Sixteen bytes; see `ip.ts` for text. */
  readonly ip: Uint8Array;
  /** 0 to 65535. */
  readonly port: number;
}

/** Payload of `version`. */
export interface VersionMessage {
  /** Protocol version, signed 32 bits. */
  readonly version: number;
  /** Service bits, all 64 of them. */
  readonly services: bigint;
  /**
   * Unix time, seconds, signed 64 bits, as sent: may be negative (Core takes that
   * for 0) and far outside what `Date` can show.
   */
  readonly timestamp: bigint;
  /** The receiver, as the sender sees it. */
  readonly addrRecv: VersionAddress;
  /** Ignored by receivers; Core sends zeros. Left out, it is all zero. */
  readonly addrFrom: VersionAddress;
  /** Random for every connection. */
  readonly nonce: bigint;
  /** At most `MAX_USER_AGENT_BYTES`; any bytes, escape before showing. */
  readonly userAgent: Uint8Array;
  /** Height of the best block; -1 when left out. */
  readonly startHeight: number;
  /** Whether transactions are wanted at once (BIP37); true when left out. */
  readonly relay: boolean;
}

/** An address of no node. */
export const UNSPECIFIED_ADDRESS: VersionAddress = {
  services: 0n,
  ip: UNSPECIFIED_IP,
  port: 0,
};

/**
 * All fields, the optional ones too.
 *
 * @throws {RangeError} when a field does not fit.
 */
export function encodeVersion(
  message: VersionMessage,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(86 + message.userAgent.length);
  writer.i32(message.version).u64(message.services).i64(message.timestamp);
  writeAddress(writer, message.addrRecv);
  writeAddress(writer, message.addrFrom);
  writer.u64(message.nonce);
  writer.varBytes("user agent", message.userAgent, MAX_USER_AGENT_BYTES);
  writer.i32(message.startHeight).u8(message.relay ? 1 : 0);
  return writer.finish();
}

/**
 * Reads the four required fields, then as many of the optional groups as there
 * are: {sender's address, nonce}, user agent, height, relay. What follows relay
 * is ignored.
 *
 * @throws {VerackError} `malformed`, also when a group is cut in its middle.
 */
export function decodeVersion(payload: Uint8Array): VersionMessage {
  const reader = new ByteReader("version", payload);
  const version = {
    version: reader.i32("protocol version"),
    services: reader.u64("services"),
    timestamp: reader.i64("timestamp"),
    addrRecv: readAddress(reader, "receiver's address"),
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: 1n,
    userAgent: new Uint8Array(0),
    startHeight: -1,
    relay: true,
  };
  if (reader.remaining > 0) {
    version.addrFrom = readAddress(reader, "sender's address");
    version.nonce = reader.u64("nonce");
  }
  if (reader.remaining > 0) {
    version.userAgent = reader.varBytes("user agent", MAX_USER_AGENT_BYTES)
      .slice();
  }
  if (reader.remaining > 0) version.startHeight = reader.i32("start height");
  if (reader.remaining > 0) version.relay = reader.u8("relay") !== 0;
  return version;
}

function readAddress(reader: ByteReader, field: string): VersionAddress {
  const services = reader.u64(`services of ${field}`);
  const ip = reader.bytes(field, IP_BYTES);
  const port = reader.u16be(`port of ${field}`);
  // Most are empty, and each session keeps two of them.
  return services === 0n && port === 0 && ip.every((byte) => byte === 0)
    ? UNSPECIFIED_ADDRESS
    : { services, ip: ip.slice(), port };
}

function writeAddress(writer: ByteWriter, address: VersionAddress): void {
  writer.u64(address.services).fixedBytes("address", address.ip, IP_BYTES)
    .u16be(address.port);
}
