/**
 * At which IP addresses members see the other end of a direct session, as they say in gossip. Of
 * use for a peer with a relayed session: its relay sees it, which this node does not. A member's
 * word: it decides only whether addresses that a peer tells of itself may be near this node
 * (`dialing/near_addresses.ts`).
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { MAX_REPORTERS_PER_PEER } from "../mesh_limits.ts";
import type { Peer } from "./peer.ts";
import type { PeerEvents } from "./peer_events.ts";
import type { PeerSession } from "./peer_session.ts";

/** Members that say where they see one peer, of which this node remembers it. */
const MAX_PLACES_PER_PEER = 2 * MAX_REPORTERS_PER_PEER;

/** What members say to one node. */
export class SeenPlaces {
  readonly #events: PeerEvents;
  readonly #places = new WeakMap<Peer, BoundedMap<PeerId, string>>();

  constructor(events: PeerEvents) {
    this.#events = events;
  }

  /** `member` sees a peer there, or does not say where. */
  says(member: PeerId, peer: Peer, host: string | undefined): void {
    // Members that neither relay it nor may do so soon do not displace those that do.
    const counts = peer.reporters.has(member) ||
      peer.sessions.some(({ via }) => via === member);
    const places = this.#places.get(peer);
    if (!counts || places?.get(member) === host) return;
    if (host === undefined) places?.delete(member);
    else {
      this.#places.getOrInsertComputed(
        peer,
        () => new BoundedMap(MAX_PLACES_PER_PEER),
      ).set(member, host);
    }
    if (peer.up) this.#events.emit("placed", peer);
  }

  /** Where the relay of a session sees the peer at the other end. */
  behind(peer: Peer, { via }: Pick<PeerSession, "via">): string | undefined {
    return via === undefined ? undefined : this.#places.get(peer)?.get(via);
  }
}
