/**
 * Limits connections whose peer is not verified yet: pure bookkeeping. A new one is always
 * accepted; when a source or the node has too many, the OLDEST one of the busiest source is
 * evicted, but for those whose handshake has just begun (`handshake_turns.ts`). So silent
 * sockets displace only each other, and handshakes can complete during a flood: an honest peer
 * needs milliseconds (Core evicts similarly, `src/node/eviction.cpp`).
 */
import { MAX_PENDING_CONNECTIONS } from "../mesh_limits.ts";
import { MAX_PENDING_PER_ADDRESS } from "./connection_limits.ts";

/** One connection that waits for its proof. */
export interface PendingEntry {
  /** Its source, see `sourceOf`. */
  readonly source: string;
  /** Whether its handshake has just begun. */
  readonly isInTurn: () => boolean;
  /** Ends it. */
  readonly evict: () => void;
}

/** The unverified connections of one node. */
export class PendingConnections {
  readonly #bySource = new Map<string, Set<PendingEntry>>();
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds one, and evicts another if there are `most`. `isKnown` is true for sources at which a
   * peer with standing was: they are not subject to the cap of one source, and as many as would
   * fit into it are evicted last. No more, since others may share the address.
   */
  add(
    entry: PendingEntry,
    isKnown: (source: string) => boolean,
    most: number = MAX_PENDING_CONNECTIONS,
  ): void {
    const siblings = this.#bySource.get(entry.source);
    if (
      siblings !== undefined && siblings.size >= MAX_PENDING_PER_ADDRESS &&
      !isKnown(entry.source)
    ) {
      this.#evictOldest(siblings);
    } else if (this.#size >= most) {
      this.#evictOldest(this.#busiest(isKnown));
    }
    const set = this.#bySource.get(entry.source) ?? new Set();
    set.add(entry);
    this.#bySource.set(entry.source, set);
    this.#size++;
  }

  /** Evicts until there are no more than `most`. */
  trim(isKnown: (source: string) => boolean, most: number): void {
    while (this.#size > most) {
      this.#evictOldest(this.#busiest(isKnown));
    }
  }

  /** It is verified, or closed. */
  delete(entry: PendingEntry): void {
    const set = this.#bySource.get(entry.source);
    if (set === undefined || !set.delete(entry)) return;
    this.#size--;
    if (set.size === 0) this.#bySource.delete(entry.source);
  }

  #busiest(isKnown: (source: string) => boolean): Set<PendingEntry> {
    let busiest = new Set<PendingEntry>();
    let most = -Infinity;
    for (const [source, set] of this.#bySource) {
      const reserved = isKnown(source) ? MAX_PENDING_PER_ADDRESS : 0;
      if (set.size - reserved <= most) continue;
      most = set.size - reserved;
      busiest = set;
    }
    return busiest;
  }

  #evictOldest(set: Set<PendingEntry>): void {
    const all = [...set];
    const oldest = all.find((entry) => !entry.isInTurn()) ?? all[0];
    if (oldest === undefined) return;
    this.delete(oldest);
    oldest.evict();
  }
}
