/**
 * How much gossip one source may bring. Here: the entries of one session that are verified, and
 * the unverified peers of one source that are on record. Elsewhere: the dials that it causes
 * (`dialing/dial_budget.ts`), the time that it takes (`discovery/work_queue.ts`), and the share
 * of records that all peers without standing have together (`table_room.ts`).
 */
import { TokenBucket } from "../../core/token_bucket.ts";
import {
  MAX_GOSSIP_PEERS_PER_SOURCE,
  PEER_ENTRY_BURST,
  PEER_ENTRY_REFILL_MS,
} from "../mesh_limits.ts";
import type { Introducer } from "./peer_record.ts";

/** Budget of the entries of one session that are verified, which costs more than forging them. */
export function verificationBudget(): TokenBucket {
  return new TokenBucket({
    burst: PEER_ENTRY_BURST,
    refillMs: PEER_ENTRY_REFILL_MS,
  });
}

/** Peers on record that are known by gossip only, counted by the peer that introduced them. */
export class GossipQuota {
  readonly #introduced = new Map<Introducer, number>();

  /** Whether a source may introduce one more peer. */
  permits(source: Introducer): boolean {
    return (this.#introduced.get(source) ?? 0) < MAX_GOSSIP_PEERS_PER_SOURCE;
  }

  /** A source has introduced a peer. */
  take(source: Introducer): void {
    this.#introduced.set(source, (this.#introduced.get(source) ?? 0) + 1);
  }

  /** A peer that the source introduced is verified, or off the record. */
  giveBack(source: Introducer): void {
    const count = (this.#introduced.get(source) ?? 1) - 1;
    if (count > 0) this.#introduced.set(source, count);
    else this.#introduced.delete(source);
  }
}
