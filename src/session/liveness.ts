/**
 * When to ping a peer and when to take it for dead. Progress in either direction
 * counts as a sign of life. The caller moves the times forward by a pause of this
 * process, which is no evidence against the peer.
 */

/** Times in milliseconds of the monotonic clock. */
export interface LivenessState {
  readonly now: number;
  /** When the last byte was received. */
  readonly lastReceived: number;
  /** When the peer's TCP last accepted bytes that had to wait; -Infinity if never. */
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
  // The sender of a long body receives nothing until all of it has arrived, unless
  // its receiver pings meanwhile.
  const quiet = now - Math.min(lastReceived, lastWritten) >= heartbeatMs;
  return quiet && now - state.lastPing >= heartbeatMs ? "ping" : "wait";
}
