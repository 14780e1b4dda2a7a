/** Which peers can be taken not to come back. */
import type { Clock } from "../clock.ts";
import { IN_MEMORY_PEER_KEPT_MS } from "../delivery_limits.ts";
import type { PeerRecord } from "./peer_table.ts";

/** Lost peers of one node. */
export class LostPeers {
  readonly #clock: Clock;
  /** Monotonic clock, milliseconds. */
  readonly #startedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /**
   * Whether a peer can be taken not to come back: its key lives in memory only, it
   * was lost a while ago, and no connected peer says that it still has a session.
   */
  has(record: PeerRecord): boolean {
    const { ephemeral, links, isProven, reportedLive } = record;
    if (!ephemeral || links.length > 0 || reportedLive) return false;
    // One that an earlier run lost may have no address that could be dialed.
    const since = record.downSince ?? (isProven ? this.#startedAt : Infinity);
    return this.#clock.monotonic() - since >= IN_MEMORY_PEER_KEPT_MS;
  }
}
