/**
 * Which session survives when two meet for one pair of nodes: a pure rule.
 *
 * If both ends decided, by whatever rule, each could close the session the other
 * kept, and none would be left. So for two sessions with the same process only
 * the node with the smaller identity decides. Sessions with different processes
 * of one key (a restart, or a twin) exist on our side only, so we decide.
 */
import type { PeerId } from "../../identity/identity.ts";

/** The second session of a pair has just opened. */
export interface DuplicateState {
  readonly own: PeerId;
  readonly peer: PeerId;
  /** Process numbers behind the older and the newer session. */
  readonly olderInstance: bigint;
  readonly newerInstance: bigint;
}

/**
 * - `decide`: probe the older session; if it answers close the newer one, else
 *   the older.
 * - `keep-both`: the other node decides; close nothing but what is dead.
 */
export function duplicateStep(state: DuplicateState): "decide" | "keep-both" {
  if (state.olderInstance !== state.newerInstance) return "decide";
  return state.own < state.peer ? "decide" : "keep-both";
}

/** What to tell the newer session when the older one answers. */
export function duplicateReason(
  state: DuplicateState,
): "duplicate" | "identity-in-use" {
  return state.olderInstance === state.newerInstance
    ? "duplicate"
    : "identity-in-use";
}
