/**
 * The result of a probe, and why it failed. As JSON it is the output of `handshake --json`, one
 * object a peer; what is unknown is absent. A `Recorder` makes it.
 */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { MAX_LOG_MESSAGE_CHARS } from "../core/core_limits.ts";
import type { VersionMessage } from "../wire/messages/version.ts";

/** Every way in which a probe can fail through the peer or the network. */
export const PROBE_ERROR_KINDS = [
  "connection-refused", // nothing listens there
  "unreachable", // no route
  "dns", // the name does not resolve
  "timeout", // not complete within the deadline
  "closed", // the peer closed, or the connection broke
  "bad-magic", // another network, the v2 transport, or no Bitcoin at all
  "bad-checksum", // a required message never came with the right checksum
  "oversize", // a length above 4,000,000
  "malformed", // a required message never came in a form that can be read
  "obsolete", // protocol version below 31800
  "self", // our own nonce came back
] as const;

/** Why a probe failed. */
export type ProbeErrorKind = typeof PROBE_ERROR_KINDS[number];

/** Why a probe failed, with a message: one line, bounded, escaped. */
export interface ProbeError {
  /** The kind, for programs. */
  readonly kind: ProbeErrorKind;
  /** The message, for people. */
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

/** The result of one probe; `JSON.stringify` gives the output of `handshake --json`. */
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
  /** The JSON output, without the fields that are for the library only. */
  toJSON(): Record<string, unknown>;
}

// --- Why a probe failed ------------------------------------------------------

/** Codes that a peer or the network causes; others are this side's fault, and thrown. */
const KINDS: Partial<Record<ErrorCode, ProbeErrorKind>> = {
  "connection-refused": "connection-refused",
  "unreachable": "unreachable",
  "dns": "dns",
  "timeout": "timeout",
  "closed": "closed",
  "bad-magic": "bad-magic",
  "bad-checksum": "bad-checksum",
  "bad-command": "malformed",
  "oversize": "oversize",
  "malformed": "malformed",
  "protocol": "malformed",
  "obsolete": "obsolete",
  "self": "self",
  "slow": "timeout",
  "dead": "timeout",
  // Any other error of the operating system about a dial.
  "tls": "unreachable",
};

/** The kind of an error, unless this side caused it. */
export function kindOf(error: unknown): ProbeErrorKind | undefined {
  return error instanceof VerackError ? KINDS[error.code] : undefined;
}

/** The error of a session that was open; `undefined` if this side ended it. */
export function plainError(error: VerackError): ProbeError | undefined {
  const kind = KINDS[error.code];
  // Bitcoin has no `bye`.
  const message = error.message.replace(/ without saying bye$/, "");
  return kind && { kind, message: bounded(escaped(message)) };
}

/** One escaped line. */
export function escaped(message: string): string {
  return escapeText(message, { max: MAX_LOG_MESSAGE_CHARS });
}

/** Cuts a text that consists of escaped parts. */
export function bounded(message: string): string {
  return message.length > MAX_LOG_MESSAGE_CHARS
    ? `${message.slice(0, MAX_LOG_MESSAGE_CHARS - 1)}…`
    : message;
}
