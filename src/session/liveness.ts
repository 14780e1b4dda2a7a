/**
 * When to ping and when to call a peer dead: one pure function. Any progress counts
 * as a sign of life, in either direction; a pause of our own does not count against
 * the peer (the caller moves the times forward by it).
 */

/** Times in milliseconds of the monotonic clock. */
export interface LivenessState {
  readonly now: number;
  /** When the last byte came. */
  readonly lastReceived: number;
  /** When the peer's TCP last took bytes that had to wait; -Infinity if never. */
  readonly lastAccepted: number;
  /** When the last byte was written. */
  readonly lastWritten: number;
  /** When the last heartbeat ping was sent; -Infinity if never. */
  readonly lastPing: number;
  /** Time without a byte in one of the directions after which a ping is due. */
  readonly heartbeatMs: number;
  /** Time without progress after which the peer is dead. */
  readonly deadAfterMs: number;
}

/** What to do about a session now. */
export function livenessStep(state: LivenessState): "wait" | "ping" | "dead" {
  const { now, lastReceived, lastAccepted, lastWritten, heartbeatMs } = state;
  if (now - Math.max(lastReceived, lastAccepted) >= state.deadAfterMs) {
    return "dead";
  }
  // A sender of a long body hears nothing back until all of it has come, unless
  // its receiver says something now and then.
  const quiet = now - Math.min(lastReceived, lastWritten) >= heartbeatMs;
  return quiet && now - state.lastPing >= heartbeatMs ? "ping" : "wait";
}
