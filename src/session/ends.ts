/** How a session ends, in errors: from the abort of a signal, from a peer's bye. */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { FRAME_TIMEOUT_MS } from "../budget_limits.ts";
import { WRITE_TIMEOUT_MS } from "../limits.ts";
import type { Frame } from "../wire/frame.ts";
import type { Reason } from "../wire/messages/reason.ts";
import { REASON, type ReasonName } from "../wire/reasons.ts";
import { describeReason } from "./describe_reason.ts";

/** What an aborted handshake fails with. */
export function abortError(reason: unknown): VerackError {
  if (reason instanceof VerackError) return reason;
  const isTimeout = reason instanceof DOMException &&
    reason.name === "TimeoutError";
  return new VerackError(
    isTimeout ? "timeout" : "aborted",
    `Cannot open session: ${isTimeout ? "its time is up" : "aborted"}`,
    { cause: reason },
  );
}

/** What to tell a peer whose handshake was aborted, if it is about the peer. */
export function reasonOfAbort(
  { code }: VerackError,
): "timeout" | "full" | undefined {
  return code === "timeout" || code === "full" ? code : undefined;
}

/** What a session ends with when the peer said bye. */
export function byeError(reason: Reason): VerackError {
  return new VerackError(
    codeOfBye(reason.code),
    `Peer said bye: ${describeReason(reason)}`,
  );
}

/** What an open session ends with when the peer said reject. */
export function rejectError(reason: Reason): VerackError {
  return new VerackError(
    "rejected",
    `Peer refused: ${describeReason(reason)}`,
  );
}

/** Only a node that shuts down has left; any other bye is about this session. */
function codeOfBye(code: number): ErrorCode {
  switch (code) {
    case REASON.leaving:
      return "left";
    case REASON.duplicate:
      return "duplicate";
    case REASON["identity-in-use"]:
      return "identity-in-use";
    default:
      return "rejected";
  }
}

/** What to tell a peer whose bytes broke a rule. */
export function reasonOfFault(error: VerackError): ReasonName {
  switch (error.code) {
    case "bad-magic":
      return "wrong-network";
    case "bad-checksum":
    case "bad-command":
    case "oversize":
      return "bad-frame";
    case "flood":
    case "bad-certificate":
      return error.code;
    default:
      return "protocol-error";
  }
}

/** A session that goes because others need the memory it holds. */
export function crowdedError(
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

/** A handshake that took too long. */
export function openTimeoutError(limitMs: number): VerackError {
  return new VerackError(
    "timeout",
    `Cannot open session: no verack within ${limitMs} ms`,
  );
}

/** A peer that reads nothing. */
export function stalledError(queuedBytes: number): VerackError {
  return new VerackError(
    "slow",
    `Cannot send: the peer read nothing for ${WRITE_TIMEOUT_MS} ms while ${queuedBytes} bytes wait`,
  );
}

/** A peer that reads less than is said to it. */
export function queueFullError(queuedBytes: number, more: number): VerackError {
  return new VerackError(
    "slow",
    `Cannot send: ${queuedBytes} bytes wait for the peer, and ${more} more do not fit`,
  );
}

/** A peer that neither says anything nor takes anything. */
export function deadError(silentMs: number): VerackError {
  return new VerackError(
    "dead",
    `Peer is silent for ${Math.round(silentMs)} ms`,
  );
}

/** The peer has closed the connection and not said why. */
export function endOfStreamError(opened: boolean): VerackError {
  return new VerackError(
    "closed",
    opened
      ? "Peer closed the connection without saying bye"
      : "Cannot open session: the peer closed the connection before its verack",
  );
}

/** A frame that was begun and not ended. */
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
