/**
 * Which peers report that others are live, of peers without a session here: such a peer is a
 * member that this node cannot reach. Each answer of a peer replaces its earlier one; its
 * reports end with its session.
 */
import type { PeerId } from "../../core/peer_id.ts";
import type { Peer } from "./peer.ts";
import type { PeerEvents } from "./peer_events.ts";

/** Reports of one node, which are kept in the records of its table. */
export class LivenessReports {
  /** Peers that others say are live and that we have no session with. */
  readonly #open = new Set<Peer>();
  /** Those that a peer reports as live, so that an answer needs no walk of the table. */
  readonly #by = new Map<PeerId, Set<Peer>>();

  constructor(events: PeerEvents) {
    events.on("forgotten", (peer) => this.settle(peer));
    events.on("expelled", (peer) => this.settle(peer));
    events.on("introduced", ({ peer }) => this.settle(peer));
    events.on("down", ({ id }) => this.drop(id));
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
    if (!peer.addReporter(reporter)) return;
    this.#open.add(peer);
    this.#by.getOrInsertComputed(reporter, () => new Set()).add(peer);
  }

  /**
   * `reporter` has sent a complete list: withdraws its reports of peers that are not in it.
   * True if there was any.
   */
  complete(reporter: PeerId, told: ReadonlySet<PeerId>): boolean {
    const former = [...this.#by.get(reporter) ?? []]
      .filter(({ id }) => !told.has(id));
    for (const peer of former) this.#retract(peer, reporter);
    return former.length > 0;
  }

  /** `reporter` is gone: withdraws all its reports. */
  drop(reporter: PeerId): void {
    this.complete(reporter, new Set());
  }

  /** There is a session with this peer: drops reports about it. */
  settle(peer: Peer): void {
    for (const reporter of peer.reporters) this.#retract(peer, reporter);
  }

  #retract(peer: Peer, reporter: PeerId): void {
    const isOver = peer.removeReporter(reporter);
    const said = this.#by.get(reporter);
    said?.delete(peer);
    if (said?.size === 0) this.#by.delete(reporter);
    if (isOver) this.#open.delete(peer);
  }
}
