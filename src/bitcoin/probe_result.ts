/**
 * What a probe found out, and why it failed. As JSON a result is the contract of
 * `handshake --json`, one object a peer; what is unknown is absent.
 */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { MAX_LOG_MESSAGE_CHARS } from "../core/core_limits.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import { networkOfMagic } from "./networks.ts";
import { serviceNames, servicesHex } from "./service_flags.ts";

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

/** What was seen of a connection; a `Recorder` has it. */
export interface Recorded {
  readonly events: readonly ProbeEvent[];
  readonly elapsedMs: number;
  readonly version: VersionMessage | undefined;
  /** The wall clock when {@linkcode version} came, milliseconds since the Unix epoch. */
  readonly versionAt: number;
  /** The message that the handshake waits for. */
  readonly awaited: string;
  /** The last message dropped for which the handshake still waits. */
  readonly dropped: Dropped | undefined;
  /** What the peer's `reject` said (BIP61), escaped. */
  readonly reject: string | undefined;
}

/** A needed message that was dropped. */
export interface Dropped {
  readonly kind: ProbeErrorKind;
  /** What was wrong with it, one line. */
  readonly why: string;
}

// --- Making a result ---------------------------------------------------------

/** `JSON.rawJSON` (ECMAScript proposal JSON.parse source text access): digits as they are. */
const RAW_JSON = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

const UTF8 = new TextDecoder();

/**
 * The result at this moment. Its enumerable properties are the JSON contract, in that
 * order, and none is there that is unknown.
 */
export function makeResult(parts: {
  readonly address: string;
  readonly network: string;
  readonly recorder: Recorded;
  readonly features: readonly string[];
  readonly error?: ProbeError;
}): ProbeResult {
  const { address, network, recorder, features, error } = parts;
  const { version } = recorder;
  const offset = version && timeOffset(version, recorder.versionAt);
  const contract = {
    address,
    network,
    ok: error === undefined,
    ...(version && {
      protocolVersion: version.version,
      services: serviceNames(version.services),
      servicesHex: servicesHex(version.services),
      userAgent: shown(version.userAgent),
      startHeight: version.startHeight,
      relay: version.relay,
      timeOffsetSeconds: Number(offset),
      features,
    }),
    events: recorder.events.slice(),
    durationMs: recorder.elapsedMs,
    ...(error && { error }),
  };
  return Object.defineProperties(contract, {
    version: { value: version },
    ended: { value: undefined, configurable: true },
    toJSON: { value: () => withExactOffset(contract, offset) },
  }) as ProbeResult & typeof contract;
}

/** Adds to a result how its session ended since. */
export function withEnd(result: ProbeResult, ended: ProbeError): ProbeResult {
  return Object.defineProperty(result, "ended", { value: ended });
}

/** An offset beyond 2^53 keeps its digits in JSON. */
function withExactOffset(
  contract: { readonly timeOffsetSeconds?: number },
  offset: bigint | undefined,
): Record<string, unknown> {
  const { timeOffsetSeconds: rounded } = contract;
  return rounded === undefined || Number.isSafeInteger(rounded) || !RAW_JSON
    ? { ...contract }
    : { ...contract, timeOffsetSeconds: RAW_JSON(`${offset}`) };
}

/** Most user agents are plain ASCII, which is much faster to escape as text. */
function shown(userAgent: Uint8Array): string {
  const isPlain = userAgent.every((byte) => byte >= 0x20 && byte < 0x7f);
  return escapeText(isPlain ? UTF8.decode(userAgent) : userAgent);
}

/** Core: theirs minus ours; a negative time counts as 0. */
function timeOffset({ timestamp }: VersionMessage, nowMs: number): bigint {
  const theirs = timestamp < 0n ? 0n : timestamp;
  return theirs - BigInt(Math.floor(nowMs / 1_000));
}

// --- Why a probe failed ------------------------------------------------------

/** Codes that a peer or the network causes; others are this side's fault, and thrown. */
const KINDS: Partial<Record<ErrorCode, ProbeErrorKind>> = {
  "refused": "refused",
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
  // Whatever else an operating system may say about a dial.
  "tls": "unreachable",
};

const BEGIN = "Cannot complete handshake: ";

/** The error of a result; throws `error` if the peer and the network did not cause it. */
export function probeError(
  error: unknown,
  seen: {
    readonly recorder: Recorded;
    readonly connected: boolean;
    readonly timeoutMs: number;
  },
): ProbeError {
  const kind = error instanceof VerackError ? KINDS[error.code] : undefined;
  if (kind === undefined) throw error;
  const { cause, code, message } = error as VerackError;
  if (kind === "bad-magic") {
    return { kind, message: bounded(escaped(message) + hintOfMagic(message)) };
  }
  if (kind !== "timeout" && kind !== "closed") {
    return { kind, message: bounded(escaped(message)) };
  }
  const { recorder, connected, timeoutMs } = seen;
  const { dropped, reject } = recorder;
  const awaited = connected ? recorder.awaited : "connection";
  let how = escaped(bare(message));
  if (cause instanceof DOMException && cause.name === "TimeoutError") {
    how = `no ${awaited} within ${timeoutMs} ms`;
  } else if (code === "closed" && message.startsWith("Cannot open session")) {
    // The stream just ended; any other `closed` has a reason of its own.
    how = `the peer closed the connection before its ${awaited}`;
  }
  if (dropped !== undefined) {
    const why = escaped(bare(dropped.why));
    how = `${BEGIN}its ${awaited} was dropped (${why}); ${how}`;
    return { kind: dropped.kind, message: bounded(how) };
  }
  if (reject !== undefined) how += `; it said "${reject}"`;
  const begin = connected ? BEGIN : "Cannot dial: ";
  return { kind, message: bounded(begin + how) };
}

/** The error of a session that was open; `undefined` if this side ended it. */
export function plainError(error: VerackError): ProbeError | undefined {
  const kind = KINDS[error.code];
  // A Bitcoin node has no bye to say.
  const message = error.message.replace(/ without saying bye$/, "");
  return kind && { kind, message: bounded(escaped(message)) };
}

/** What stands behind "Cannot do this or that". */
function bare(message: string): string {
  return message.replace(/^Cannot .*?: /, "");
}

/** What a wrong magic may mean; the bytes are only ever shown as hex. */
function hintOfMagic(message: string): string {
  const seen = /magic is ([0-9a-f]{8}),/.exec(message)?.[1];
  const other = seen === undefined ? undefined : networkOfMagic(seen);
  return other === undefined
    ? "; it may be on another network, or speak the v2 transport (BIP324) only"
    : `; the peer is on ${other.name}`;
}

function escaped(message: string): string {
  return escapeText(message, { max: MAX_LOG_MESSAGE_CHARS });
}

/** Made of escaped pieces: only cut. */
function bounded(message: string): string {
  return message.length > MAX_LOG_MESSAGE_CHARS
    ? `${message.slice(0, MAX_LOG_MESSAGE_CHARS - 1)}…`
    : message;
}
