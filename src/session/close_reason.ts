/**
 * Why a session closes: the reason sent to the peer for an error, the error for a received
 * reason, and the errors with which a session ends itself. The meaning of each code is in
 * `core/error_code.ts`.
 */
import { type Clock, isTimeout } from "../core/clock.ts";
import {
  codesWhere,
  type ErrorCode,
  factsOf,
  type SentReason,
} from "../core/error_code.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { FRAME_TIMEOUT_MS, WRITE_TIMEOUT_MS } from "./session_limits.ts";
import type { Frame } from "../wire/frame.ts";
import {
  knownReason,
  type Reason,
  type ReasonName,
  reasonName,
} from "../wire/messages/reason.ts";

/** The error of an aborted handshake. */
function abortError(reason: unknown): VerackError {
  if (reason instanceof VerackError) return reason;
  const isLate = isTimeout(reason);
  return new VerackError(
    isLate ? "timeout" : "aborted",
    `Cannot open session: ${isLate ? "its time is up" : "aborted"}`,
    { cause: reason },
  );
}

/** The reason that is sent to a peer whose session ends with this error. */
export function reasonOf({ code }: VerackError): ReasonName {
  const reason = factsOf(code).reason as SentReason | undefined;
  return reason ?? "protocol-error";
}

/**
 * Whether a reason is sent when a handshake is aborted. A dial that is no longer needed is
 * closed without one.
 */
export function hasReason(abort: VerackError): boolean {
  const { reason } = factsOf(abort.code);
  return reason === "timeout" || reason === "full";
}

/** The code for a received reason; `rejected` for most. */
export function codeOfReason(
  message: "reject" | "bye",
  reason: Reason,
): ErrorCode {
  const name = knownReason(reason.code);
  const [code = "rejected"] = codesWhere((facts) =>
    facts.readFrom === message && facts.reason === name
  );
  return code;
}

/** The name of a peer's reason and, in brackets, its text, escaped. */
export function describeReason(reason: Reason): string {
  const name = reasonName(reason.code);
  return reason.text === "" ? name : `${name} (${escapeText(reason.text)})`;
}

/**
 * The error of an open session whose peer sent `bye`, or `reject`, which then has
 * crossed our `verack`.
 */
export function closedByPeerError(
  message: "reject" | "bye",
  reason: Reason,
): VerackError {
  if (message === "reject") {
    return new VerackError(
      "rejected",
      `Peer refused: ${describeReason(reason)}`,
    );
  }
  const code = codeOfReason(message, reason);
  const why = code === "identity-in-use"
    ? "another process runs with the key of this node, and the peer keeps its session with that one; stop one of them, or give one a key of its own"
    : describeReason(reason);
  return new VerackError(code, `Peer said bye: ${why}`);
}

/** A session that is closed because others need its memory. */
export function evictedError(
  what: "queue" | "frame",
  queuedBytes: number,
): VerackError {
  return what === "queue"
    ? new VerackError(
      "slow",
      `Cannot send: ${queuedBytes} bytes wait for the peer, the longest of all queues, and others need the room`,
    )
    : new VerackError(
      "flood",
      "Cannot read frame: it is large and slow to come, and others need the room",
    );
}

/** Why a handshake fails. */
export function openError(
  code: ErrorCode,
  detail: string,
  details?: Pick<VerackError, "expected" | "actual">,
): VerackError {
  return new VerackError(code, `Cannot open session: ${detail}`, details);
}

/** A connection to this process, or an echo. */
export function selfError(): VerackError {
  return openError("self", "the connection leads back to this node");
}

/** A handshake that took too long. */
function openTimeoutError(limitMs: number): VerackError {
  return openError("timeout", `no verack within ${limitMs} ms`);
}

/** A peer that reads nothing for too long. */
export function stalledError(queuedBytes: number): VerackError {
  return new VerackError(
    "slow",
    `Cannot send: the peer read nothing for ${WRITE_TIMEOUT_MS} ms while ${queuedBytes} bytes wait`,
  );
}

/** A peer that reads more slowly than is sent to it. */
export function queueFullError(queuedBytes: number, more: number): VerackError {
  return new VerackError(
    "slow",
    `Cannot send: ${queuedBytes} bytes wait for the peer, and ${more} more do not fit`,
  );
}

/** A peer from which nothing comes, and that reads nothing. */
export function deadError(silentMs: number): VerackError {
  return new VerackError(
    "dead",
    `Peer is silent for ${Math.round(silentMs)} ms`,
  );
}

/** The peer has closed the connection without `bye` or `reject`. */
export function endOfStreamError(opened: boolean): VerackError {
  return opened
    ? new VerackError("closed", "Peer closed the connection without saying bye")
    : openError("closed", "the peer closed the connection before its verack");
}

/** A frame of which only a part has come for too long. */
export function frameTimeoutError(): VerackError {
  return new VerackError(
    "timeout",
    `Cannot read frame: it was not complete within ${FRAME_TIMEOUT_MS} ms`,
  );
}

const FAULTS: Readonly<Record<NonNullable<Frame["fault"]>, string>> = {
  "bad-checksum": "its checksum is not that of its payload",
  "bad-command": "its command is not NUL-padded ASCII",
  "oversize": "its payload is longer than what is kept",
};

/** A frame whose command, checksum or length is wrong. */
export function faultError(fault: NonNullable<Frame["fault"]>): VerackError {
  return new VerackError(fault, `Cannot read frame: ${FAULTS[fault]}`);
}

/**
 * Calls `end` when the handshake has taken too long (`limitMs`; Infinity if it may take any time)
 * or the signal aborts, until the returned function is called.
 */
export function watchOpening(
  { clock, limitMs, signal }: {
    readonly clock: Clock;
    readonly limitMs: number;
    readonly signal: AbortSignal | undefined;
  },
  end: (error: VerackError) => void,
): () => void {
  const onAbort = () => end(abortError(signal?.reason));
  const cancelTimer = limitMs === Infinity
    ? undefined
    : clock.after(limitMs, () => end(openTimeoutError(limitMs)));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return () => {
    cancelTimer?.();
    signal?.removeEventListener("abort", onAbort);
  };
}
