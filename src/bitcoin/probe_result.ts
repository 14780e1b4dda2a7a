/**
 * What a probe found out. As JSON it is the contract of `handshake --json`, one
 * object a peer; what is unknown is absent.
 */
import type { VersionMessage } from "../wire/messages/version.ts";

/** Every way in which a probe can fail through the peer or the network. */
export const PROBE_ERROR_KINDS = [
  "refused", // nothing listens there
  "unreachable", // no route
  "dns", // the name does not resolve
  "timeout", // not complete within the deadline
  "closed", // the peer closed, or the link broke
  "bad-magic", // another network, the v2 transport, or no Bitcoin at all
  "bad-checksum", // what was needed never came with the right checksum
  "oversize", // a length above 4,000,000
  "malformed", // what was needed never came in a form that can be read
  "obsolete", // protocol version below 31800
  "self", // our own nonce came back
] as const;

/** Why a probe failed. */
export type ProbeErrorKind = typeof PROBE_ERROR_KINDS[number];

/** Why a probe failed, and in words: one line, bounded, fit to be shown. */
export interface ProbeError {
  /** For programs. */
  readonly kind: ProbeErrorKind;
  /** For people. */
  readonly message: string;
}

/** One message of the handshake. */
export interface ProbeEvent {
  /** As seen from us. */
  readonly direction: "in" | "out";
  /** At most 48 printable ASCII characters. */
  readonly command: string;
  /** Milliseconds since the probe began to dial. */
  readonly atMs: number;
}

/** What one probe found out; `JSON.stringify` gives the contract. */
export interface ProbeResult {
  /** `host:port`, as it was asked for. */
  readonly address: string;
  /** Name of the network. */
  readonly network: string;
  /** Whether the handshake was complete. */
  readonly ok: boolean;
  /** The peer's, signed 32 bits. */
  readonly protocolVersion?: number;
  /** Names of the service bits, `UNKNOWN[2^n]` for those without one. */
  readonly services?: readonly string[];
  /** All 64 service bits as 16 hex digits. */
  readonly servicesHex?: string;
  /** Escaped, at most `MAX_SHOWN_TEXT_CHARS`; the bytes are in {@linkcode version}. */
  readonly userAgent?: string;
  /** Signed 32 bits; -1 when the peer did not say. */
  readonly startHeight?: number;
  /** Whether the peer wants transactions (BIP37). */
  readonly relay?: boolean;
  /**
   * The peer's clock minus ours, whole seconds. Beyond 2^53 the nearest number;
   * the exact time is in {@linkcode version}.
   */
  readonly timeOffsetSeconds?: number;
  /** What the peer announced between version and verack, in order; once its version came. */
  readonly features?: readonly string[];
  /** The messages of the handshake, at most `MAX_PROBE_EVENTS`, oldest first. */
  readonly events: readonly ProbeEvent[];
  /** From dialing to the end of the handshake or its failure, milliseconds. */
  readonly durationMs: number;
  /** Present exactly if not {@linkcode ok}. */
  readonly error?: ProbeError;

  /** The peer's version message with all its fields exact. Not in the JSON. */
  readonly version?: VersionMessage | undefined;
  /** How a session that stayed after its handshake ended, if not by our signal. Not in the JSON. */
  readonly ended?: ProbeError | undefined;
  /** The contract, without what is for the library only. */
  toJSON(): Record<string, unknown>;
}
