/**
 * When to ping an idle peer and when to call it dead: one pure function.
 * Any traffic counts as a sign of life; a pause of our own does not count against
 * the peer (the caller moves `lastReceived` forward by it).
 */

/** Times in milliseconds of the monotonic clock. */
export interface LivenessState {
  readonly now: number;
  /** When the last byte came. */
  readonly lastReceived: number;
  /** When the last heartbeat ping was sent; -Infinity if never. */
  readonly lastPing: number;
  /** Idle time after which a ping is due. */
  readonly heartbeatMs: number;
  /** Idle time after which the peer is dead. */
  readonly deadAfterMs: number;
}

/** What to do about a session now. */
export function livenessStep(state: LivenessState): "wait" | "ping" | "dead" {
  const idle = state.now - state.lastReceived;
  if (idle >= state.deadAfterMs) return "dead";
  const due = idle >= state.heartbeatMs &&
    state.now - state.lastPing >= state.heartbeatMs;
  return due ? "ping" : "wait";
}
