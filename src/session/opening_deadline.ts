/** Ends a handshake that takes too long or is aborted. */
import { HANDSHAKE_TIMEOUT_MS } from "../limits.ts";
import type { VerackError } from "../core/errors.ts";
import { abortError, openTimeoutError } from "./close_reason.ts";
import type { SessionOptions } from "./session_options.ts";

/**
 * Calls `end` when the deadline passes or the signal aborts; returns what stops
 * that, to be called the moment the session opens: what aborts a dial a turn later
 * must not close what has become a session.
 */
export function watchOpening(
  options: Pick<SessionOptions, "clock" | "handshakeTimeoutMs" | "signal">,
  end: (error: VerackError) => void,
): () => void {
  const { clock, signal, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const onAbort = () => end(abortError(signal?.reason));
  const onDeadline = () => end(openTimeoutError(handshakeTimeoutMs));
  signal?.addEventListener("abort", onAbort, { once: true });
  // Without one of its own the signal is the deadline.
  const cancelTimer = handshakeTimeoutMs === Infinity
    ? () => {}
    : clock.after(handshakeTimeoutMs, onDeadline);
  return () => {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  };
}
