/**
 * Every other node on record or in gossip, by its identity. Bounded; which record is evicted
 * for a new one is decided in `table_room.ts`.
 */
import type { PeerId } from "../../core/peer_id.ts";
import { TABLE_LOOK_MS } from "../mesh_limits.ts";
import { GossipQuota } from "./gossip_quota.ts";
import { Peer, type PeerEnvironment } from "./peer.ts";
import { type Introducer, LAN } from "./peer_record.ts";
import type { PeerEvents } from "./peer_events.ts";
import { TableRoom, type TableRules } from "./table_room.ts";

/** Options of a new record. */
export interface Entry {
  /** See {@linkcode Peer.source}. @default as it was */
  readonly source?: string;
  /** Whether it has standing that is not in its record yet. @default {false} */
  readonly hasStanding?: boolean;
}

/** Settings of a {@linkcode PeerTable}. */
export interface TableOptions extends PeerEnvironment, TableRules {
  readonly events: PeerEvents;
}

/** All records of one node. */
export class PeerTable {
  readonly #options: TableOptions;
  readonly #peers = new Map<PeerId, Peer>();
  readonly #quota = new GossipQuota();
  readonly #room: TableRoom;
  /** Monotonic clock, milliseconds; before it gossip gets no room. */
  #nextLookAt = -Infinity;

  constructor(options: TableOptions) {
    this.#options = options;
    this.#room = new TableRoom(options, this.#peers);
  }

  /** The record of an identity. */
  get(id: PeerId): Peer | undefined {
    return this.#peers.get(id);
  }

  /** All records, oldest first. */
  values(): Iterable<Peer> {
    return this.#peers.values();
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Peers that are up. */
  connected(): Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.up);
  }

  /** Whether {@linkcode ensure} would give a record. */
  mayEnsure(
    id: PeerId,
    { hasStanding = false }: Entry = {},
  ): boolean {
    if (this.#peers.has(id)) return true;
    const standing = hasStanding ||
      this.#options.standing.has(new Peer(id, this.#options));
    return this.#room.fits(standing) || this.#room.next() !== undefined ||
      this.#room.fits(standing);
  }

  /**
   * The record of a peer that is verified or configured. If there is no room for a new one,
   * another is evicted; `undefined` if none may be.
   */
  ensure(id: PeerId, entry: Entry = {}): Peer | undefined {
    const { hasStanding = false, source } = entry;
    const known = this.#peers.get(id);
    const peer = known ?? new Peer(id, this.#options);
    if (source !== undefined) peer.cameFrom(source);
    return known ?? this.#add(peer, hasStanding);
  }

  /**
   * A record for a peer that `source` gossiped; `undefined` when there is no room or the source
   * has used its share of unverified peers.
   */
  introduce(
    id: PeerId,
    source: Introducer,
  ): Peer | undefined {
    if (!this.mayIntroduce(id, source)) return undefined;
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer = new Peer(id, this.#options);
    peer.gossipedBy(source, this.#sourceOf(source));
    const added = this.#add(peer, false);
    if (added === undefined) return undefined;
    this.#quota.take(source);
    return added;
  }

  /** Whether {@linkcode introduce} would give a record. */
  mayIntroduce(id: PeerId, source: Introducer): boolean {
    return this.#peers.has(id) ||
      (this.#quota.permits(source) && this.#hasRoomFrom(source));
  }

  /** The peer is verified: it does not count in the share of its source any more. */
  confirm(peer: Peer): void {
    const source = peer.introducedBy;
    if (source === undefined) return;
    peer.confirmed();
    this.#quota.giveBack(source);
  }

  /** Drops a record that has no sessions. */
  forget(peer: Peer): void {
    this.#drop(peer);
    this.#room.dropped();
  }

  #drop(peer: Peer): void {
    this.confirm(peer);
    this.#peers.delete(peer.id);
    this.#options.events.emit("forgotten", peer);
  }

  #add(peer: Peer, hasStanding: boolean): Peer | undefined {
    const standing = hasStanding || this.#options.standing.has(peer);
    if (!this.#room.fits(standing)) {
      const next = this.#room.next();
      if (next !== undefined) {
        this.#drop(next);
        this.#room.gaveWay(next);
      } else if (!this.#room.fits(standing)) return undefined;
    }
    this.#peers.set(peer.id, peer);
    this.#room.added(peer, standing);
    return peer;
  }

  #hasRoomFrom(source: Introducer): boolean {
    if (this.#room.fits(false)) return true;
    const now = this.#options.clock.monotonic();
    // A list of peers costs its sender nothing, so that not each entry may cause a walk of the
    // table.
    if (now < this.#nextLookAt) return false;
    const next = this.#room.next();
    if (next !== undefined) {
      return this.#room.isFairer(next, this.#sourceOf(source));
    }
    if (this.#room.fits(false)) return true;
    this.#nextLookAt = now + TABLE_LOOK_MS;
    return false;
  }

  #sourceOf(teller: Introducer): string {
    if (teller === LAN) return LAN;
    const peer = this.#peers.get(teller);
    return peer === undefined || this.#options.standing.has(peer)
      ? teller
      : peer.source;
  }
}
