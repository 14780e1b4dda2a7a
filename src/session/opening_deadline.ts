/** Deadline and abort signal of a handshake. */
import { HANDSHAKE_TIMEOUT_MS } from "../limits.ts";
import type { VerackError } from "../core/errors.ts";
import { abortError, openTimeoutError } from "./close_reason.ts";
import type { SessionOptions } from "./session_options.ts";

/**
 * Calls `end` when the deadline passes or the signal aborts. The function that it
 * returns stops that; call it as soon as the session is open, which a late abort of
 * the dial must not close.
 */
export function watchOpening(
  options: Pick<SessionOptions, "clock" | "handshakeTimeoutMs" | "signal">,
  end: (error: VerackError) => void,
): () => void {
  const { clock, signal, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options;
  const onAbort = () => end(abortError(signal?.reason));
  const onDeadline = () => end(openTimeoutError(handshakeTimeoutMs));
  signal?.addEventListener("abort", onAbort, { once: true });
  const cancelTimer = handshakeTimeoutMs === Infinity
    ? () => {}
    : clock.after(handshakeTimeoutMs, onDeadline);
  return () => {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  };
}
