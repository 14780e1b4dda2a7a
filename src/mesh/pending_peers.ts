/**
 * Those who proved their key and were not let in: kept for a person to look at,
 * never for anything else. Connections that have not proven anything yet are
 * `pending.ts`.
 */
import type { IdentityId } from "../identity/identity.ts";
import {
  MAX_PENDING_PEERS,
  MAX_PENDING_PEERS_PER_HOST,
  PENDING_UPDATE_MS,
} from "../limits.ts";
import { sourceOf } from "../transport/source.ts";
import type { NodeStore, PendingPeer } from "./node_store.ts";

/**
 * The list of one node; bounded in all and for each source (`sourceOf`), of which the
 * oldest of the one that has most gives way.
 */
export class PendingPeers {
  readonly #store: NodeStore;
  /** Oldest first. */
  readonly #peers = new Map<IdentityId, PendingPeer>();

  constructor(store: NodeStore) {
    this.#store = store;
    for (const peer of store.pending()) {
      this.#makeRoom(peer.address.host);
      this.#peers.set(peer.identity, peer);
    }
  }

  /** Oldest first. */
  list(): PendingPeer[] {
    return [...this.#peers.values()];
  }

  get(identity: IdentityId): PendingPeer | undefined {
    return this.#peers.get(identity);
  }

  /** Lists it; true if it was not listed before. */
  add(peer: Omit<PendingPeer, "firstSeen">): boolean {
    const known = this.#peers.get(peer.identity);
    if (known !== undefined) {
      const again = { ...peer, firstSeen: known.firstSeen };
      this.#peers.set(peer.identity, again);
      // A peer that asks often does not make us write often; a clock that was set
      // back is written at once.
      const sinceMs = Math.abs(again.lastSeen - known.lastSeen);
      if (sinceMs >= PENDING_UPDATE_MS) {
        this.#store.putPending(again);
      }
      return false;
    }
    this.#makeRoom(peer.address.host);
    const listed = { ...peer, firstSeen: peer.lastSeen };
    this.#peers.set(peer.identity, listed);
    this.#store.putPending(listed);
    return true;
  }

  delete(identity: IdentityId): void {
    if (this.#peers.delete(identity)) this.#store.deletePending(identity);
  }

  #makeRoom(host: string): void {
    const sources = Map.groupBy(
      this.#peers.values(),
      ({ address }) => sourceOf(address.host),
    );
    const siblings = sources.get(sourceOf(host)) ?? [];
    const crowded = siblings.length >= MAX_PENDING_PEERS_PER_HOST;
    if (!crowded && this.#peers.size < MAX_PENDING_PEERS) return;
    const busiest = crowded ? siblings : [...sources.values()]
      .reduce((most, some) => some.length > most.length ? some : most, []);
    const [oldest] = busiest;
    if (oldest !== undefined) this.delete(oldest.identity);
  }
}
