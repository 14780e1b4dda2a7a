/**
 * Room for connections whose peer is not proven yet: pure bookkeeping.
 *
 * A newcomer is always let in; when an address or the node has too many, the
 * OLDEST unproven connection of the busiest address makes room. So a crowd of
 * silent sockets only pushes out itself: a real peer needs milliseconds, and is
 * gone from here before its turn comes (Core evicts by the same thought,
 * `src/node/eviction.cpp`).
 */
import { MAX_PENDING_CONNECTIONS, MAX_PENDING_PER_ADDRESS } from "../limits.ts";

/** One connection that waits for its proof. */
export interface PendingEntry {
  readonly host: string;
  /** Ends it. */
  readonly evict: () => void;
}

/** The unproven connections of one node. */
export class PendingConnections {
  readonly #byHost = new Map<string, Set<PendingEntry>>();
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds one, and evicts another if there are too many. `isKnown` tells hosts
   * that hold proven sessions, or once did: the cap of one address does not
   * concern them, and what would fit into it is evicted last. No more than that:
   * a proof is cheap, and must not buy the room of strangers.
   */
  add(entry: PendingEntry, isKnown: (host: string) => boolean): void {
    const siblings = this.#byHost.get(entry.host);
    if (
      siblings !== undefined && siblings.size >= MAX_PENDING_PER_ADDRESS &&
      !isKnown(entry.host)
    ) {
      this.#evictOldest(siblings);
    } else if (this.#size >= MAX_PENDING_CONNECTIONS) {
      this.#evictOldest(this.#busiest(isKnown));
    }
    const set = this.#byHost.get(entry.host) ?? new Set();
    set.add(entry);
    this.#byHost.set(entry.host, set);
    this.#size++;
  }

  /** It is proven, or gone. */
  delete(entry: PendingEntry): void {
    const set = this.#byHost.get(entry.host);
    if (set === undefined || !set.delete(entry)) return;
    this.#size--;
    if (set.size === 0) this.#byHost.delete(entry.host);
  }

  #busiest(isKnown: (host: string) => boolean): Set<PendingEntry> {
    let busiest = new Set<PendingEntry>();
    let most = -Infinity;
    for (const [host, set] of this.#byHost) {
      const reserved = isKnown(host) ? MAX_PENDING_PER_ADDRESS : 0;
      if (set.size - reserved <= most) continue;
      most = set.size - reserved;
      busiest = set;
    }
    return busiest;
  }

  #evictOldest(set: Set<PendingEntry>): void {
    const [oldest] = set;
    if (oldest === undefined) return;
    this.delete(oldest);
    oldest.evict();
  }
}
