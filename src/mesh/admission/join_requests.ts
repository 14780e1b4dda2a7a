/**
 * Join requests: peers that proved their key and were not admitted, listed for the operator's
 * decision. Connections whose peer is not verified yet are in `pending_connections.ts`.
 */
import type { PeerId } from "../../core/peer_id.ts";
import {
  MAX_PENDING_PEERS,
  MAX_PENDING_PEERS_PER_HOST,
  PENDING_UPDATE_MS,
} from "../mesh_limits.ts";
import { sourceOf } from "../../transport/scope.ts";
import type { JoinRequest, NodeStore } from "../peers/node_store.ts";

/**
 * The list of one node; bounded in all and for each source (`sourceOf`): the oldest of the
 * source that has most is evicted.
 */
export class JoinRequests {
  readonly #store: NodeStore;
  /** Oldest first. */
  readonly #peers = new Map<PeerId, JoinRequest>();

  constructor(store: NodeStore) {
    this.#store = store;
    for (const peer of store.joinRequests()) {
      this.#makeRoom(peer.address.host);
      this.#peers.set(peer.id, peer);
    }
  }

  /** Oldest first. */
  list(): JoinRequest[] {
    return [...this.#peers.values()];
  }

  get(id: PeerId): JoinRequest | undefined {
    return this.#peers.get(id);
  }

  /** Lists it; true if it was not listed before. */
  add(peer: Omit<JoinRequest, "firstSeen">): boolean {
    const known = this.#peers.get(peer.id);
    if (known !== undefined) {
      const again = { ...peer, firstSeen: known.firstSeen };
      this.#peers.set(peer.id, again);
      // A peer that connects often must not cause many writes; a clock that was set back is
      // written at once.
      const sinceMs = Math.abs(again.lastSeen - known.lastSeen);
      if (sinceMs >= PENDING_UPDATE_MS) {
        this.#store.putJoinRequest(again);
      }
      return false;
    }
    this.#makeRoom(peer.address.host);
    const listed = { ...peer, firstSeen: peer.lastSeen };
    this.#peers.set(peer.id, listed);
    this.#store.putJoinRequest(listed);
    return true;
  }

  delete(id: PeerId): void {
    if (this.#peers.delete(id)) this.#store.deleteJoinRequest(id);
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
    if (oldest !== undefined) this.delete(oldest.id);
  }
}
