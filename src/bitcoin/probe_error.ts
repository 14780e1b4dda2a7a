/**
 * Why a connection to a Bitcoin peer ended, in the words of a result. Draws the
 * line between what a peer or the network did, which is a result, and what is
 * wrong with us, which is thrown.
 */
import { escapeText } from "../core/escape.ts";
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { MAX_LOG_MESSAGE_CHARS } from "../core/core_limits.ts";
import { networkOfMagic } from "./networks.ts";
import type { ProbeError, ProbeErrorKind } from "./probe_result.ts";
import type { Recorder } from "./recorder.ts";

/** Codes that are another's doing. What is missing here is ours. */
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

/** What is known about a connection that failed. */
interface Seen {
  readonly recorder: Recorder;
  /** Whether there was one. */
  readonly connected: boolean;
  /** How long it was allowed to take. */
  readonly timeoutMs: number;
}

/**
 * The error of a result.
 *
 * @param error What ended the connection.
 * @throws what is not the peer's or the network's doing.
 */
export function probeError(error: unknown, seen: Seen): ProbeError {
  if (!(error instanceof VerackError)) throw error;
  const kind = KINDS[error.code];
  if (kind === undefined) throw error;
  const { recorder, connected, timeoutMs } = seen;
  if (kind === "timeout" || kind === "closed") {
    const how = isDeadline(error)
      ? `no ${awaited(seen)} within ${timeoutMs} ms`
      : isEnd(error)
      ? `the peer closed the connection before its ${awaited(seen)}`
      : escaped(bare(error.message));
    const { dropped } = recorder;
    if (dropped !== undefined) {
      const why = `its ${awaited(seen)} was dropped (${
        escaped(bare(dropped.why))
      })`;
      return { kind: dropped.kind, message: bounded(`${BEGIN}${why}; ${how}`) };
    }
    const said = recorder.reject === undefined
      ? ""
      : `; it said "${recorder.reject}"`;
    const begin = connected ? BEGIN : "Cannot dial: ";
    return { kind, message: bounded(begin + how + said) };
  }
  const hint = kind === "bad-magic" ? hintOfMagic(error.message) : "";
  return { kind, message: bounded(escaped(error.message) + hint) };
}

/** The error in words when there is no more to know about it. */
export function plainError(error: VerackError): ProbeError | undefined {
  const kind = KINDS[error.code];
  // A Bitcoin node has no bye to say.
  const message = error.message.replace(/ without saying bye$/, "");
  return kind && { kind, message: bounded(escaped(message)) };
}

function isDeadline({ cause }: VerackError): boolean {
  return cause instanceof DOMException && cause.name === "TimeoutError";
}

/** The stream just ended; any other `closed` has a reason of its own. */
function isEnd({ code, message }: VerackError): boolean {
  return code === "closed" && message.startsWith("Cannot open session");
}

function awaited({ recorder, connected }: Seen): string {
  if (!connected) return "connection";
  return recorder.awaited;
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
