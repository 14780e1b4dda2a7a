/**
 * Every other node we remember, connected or not, under its identity: the one
 * place where state about peers is kept. Bounded; which record gives way to a new
 * one is decided in `table_room.ts`.
 */
import type { PeerId } from "../../identity/identity.ts";
import { MAX_GOSSIP_PEERS_PER_SOURCE, TABLE_LOOK_MS } from "../../limits.ts";
import { Peer, type PeerEnvironment } from "./peer.ts";
import type { PeerEvents } from "./peer_events.ts";
import { TableRoom, type TableRules } from "./table_room.ts";

/** How a peer comes on record. */
export interface Entry {
  /** See {@linkcode Peer.source}. @default as it was */
  readonly source?: string;
  /** It has standing by more than its record says as yet. @default {false} */
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
  readonly #introductions = new Map<PeerId, number>();
  readonly #room: TableRoom;
  /** Monotonic clock, milliseconds; gossip looks for no room before. */
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
   * The record of a peer that was proven to us or that a person named. If there is no
   * room for a new one, another gives way; `undefined` if none may.
   */
  ensure(id: PeerId, entry: Entry = {}): Peer | undefined {
    const { hasStanding = false, source } = entry;
    const known = this.#peers.get(id);
    const peer = known ?? new Peer(id, this.#options);
    if (source !== undefined) peer.cameFrom(source);
    return known ?? this.#add(peer, hasStanding);
  }

  /**
   * A record for a peer that `source` spoke of; `undefined` when there is no room or
   * the source has introduced its share of unproven peers.
   */
  introduce(
    id: PeerId,
    source: PeerId,
  ): Peer | undefined {
    if (!this.mayIntroduce(id, source)) return undefined;
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer = new Peer(id, this.#options);
    peer.gossipedBy(source, this.#sourceOf(source));
    const added = this.#add(peer, false);
    if (added === undefined) return undefined;
    this.#introductions.set(source, (this.#introductions.get(source) ?? 0) + 1);
    return added;
  }

  /** Whether {@linkcode introduce} would give a record. */
  mayIntroduce(id: PeerId, source: PeerId): boolean {
    return this.#peers.has(id) ||
      ((this.#introductions.get(source) ?? 0) < MAX_GOSSIP_PEERS_PER_SOURCE &&
        this.#hasRoomFrom(source));
  }

  /** The peer was proven: the source that introduced it gets its share back. */
  confirm(peer: Peer): void {
    const source = peer.introducedBy;
    if (source === undefined) return;
    peer.confirmed();
    const count = (this.#introductions.get(source) ?? 1) - 1;
    if (count > 0) this.#introductions.set(source, count);
    else this.#introductions.delete(source);
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

  #hasRoomFrom(source: PeerId): boolean {
    if (this.#room.fits(false)) return true;
    const now = this.#options.clock.monotonic();
    // A list of peers costs its sender nothing: not each entry has the table walked.
    if (now < this.#nextLookAt) return false;
    const next = this.#room.next();
    if (next !== undefined) {
      return this.#room.isFairer(next, this.#sourceOf(source));
    }
    if (this.#room.fits(false)) return true;
    this.#nextLookAt = now + TABLE_LOOK_MS;
    return false;
  }

  #sourceOf(teller: PeerId): string {
    const peer = this.#peers.get(teller);
    return peer === undefined || this.#options.standing.has(peer)
      ? teller
      : peer.source;
  }
}
