/**
 * Which peers report that others are live, of peers without a session here: such a peer is a
 * member that this node cannot reach. Each answer of a peer replaces its earlier one; its
 * reports end with its session.
 *
 * Reports of a peer stay while its only session is relayed, so that another relay is found at
 * once when that ends; lists do not repeat them meanwhile, and so withdraw none of them.
 */
import { MAX_REPORTERS_PER_PEER } from "../mesh_limits.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Peer } from "./peer.ts";
import type { PeerEvents } from "./peer_events.ts";

/** Dependencies of {@linkcode LivenessReports}. */
export interface LivenessReportsOptions {
  readonly events: PeerEvents;
  /** Whether a reporter has standing. */
  readonly hasStanding: (reporter: PeerId) => boolean;
}

/** Reports of one node, which are kept in the records of its table. */
export class LivenessReports {
  readonly #hasStanding: (reporter: PeerId) => boolean;
  /** Peers that others say are live and that we have no session with. */
  readonly #open = new Set<Peer>();
  /** Those that a peer reports as live, so that an answer needs no walk of the table. */
  readonly #by = new Map<PeerId, Set<Peer>>();

  constructor({ events, hasStanding }: LivenessReportsOptions) {
    this.#hasStanding = hasStanding;
    events.on("forgotten", (peer) => this.settle(peer));
    events.on("expelled", (peer) => this.settle(peer));
    events.on("introduced", ({ peer }) => {
      if (peer.hasDirect) this.settle(peer);
      else this.#open.delete(peer);
    });
    events.on("down", (peer) => {
      this.drop(peer.id);
      if (peer.reportedLive) this.#open.add(peer);
    });
  }

  /** The number of peers that others report as live and that have no session here. */
  get size(): number {
    return this.#open.size;
  }

  /** Peers that others say are live and that we have no session with. */
  open(): Peer[] {
    return [...this.#open];
  }

  /** `reporter` reports a session with this peer. */
  add(peer: Peer, reporter: PeerId): void {
    this.#makeRoom(peer, reporter);
    if (!peer.addReporter(reporter)) return;
    this.#open.add(peer);
    this.#by.getOrInsertComputed(reporter, () => new Set()).add(peer);
  }

  /**
   * `reporter` has sent a complete list: withdraws its reports of peers without a session that
   * are not in it. True if there was any.
   */
  complete(reporter: PeerId, told: ReadonlySet<PeerId>): boolean {
    const former = [...this.#by.get(reporter) ?? []]
      .filter((peer) => !told.has(peer.id) && this.#open.has(peer));
    for (const peer of former) this.#retract(peer, reporter);
    return former.length > 0;
  }

  /** `reporter` is gone: withdraws all its reports. */
  drop(reporter: PeerId): void {
    for (const peer of [...this.#by.get(reporter) ?? []]) {
      this.#retract(peer, reporter);
    }
  }

  /** There is a direct session with this peer: drops reports about it. */
  settle(peer: Peer): void {
    for (const reporter of peer.reporters) this.#retract(peer, reporter);
  }

  /** The reports of peers with standing are kept rather than those of strangers. */
  #makeRoom(peer: Peer, reporter: PeerId): void {
    const { reporters, up } = peer;
    const isFull = reporters.size >= MAX_REPORTERS_PER_PEER;
    if (up || !isFull || reporters.has(reporter)) return;
    if (!this.#hasStanding(reporter)) return;
    const stranger = [...reporters].findLast((it) => !this.#hasStanding(it));
    if (stranger !== undefined) this.#retract(peer, stranger);
  }

  #retract(peer: Peer, reporter: PeerId): void {
    const isOver = peer.removeReporter(reporter);
    const said = this.#by.get(reporter);
    said?.delete(peer);
    if (said?.size === 0) this.#by.delete(reporter);
    if (isOver) this.#open.delete(peer);
  }
}
