/** Reports that peers are up or down, and over which path, as events and in the log. */
import type { Log } from "../../core/log.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { formatAddress } from "../../transport/address.ts";
import type { Emit } from "../events.ts";
import type { NameResolver } from "../peers/name_resolver.ts";
import { namedRelay } from "../../identity/relay_name.ts";
import type { NodeStore } from "../peers/node_store.ts";
import type { Peer, UpEvent } from "../peers/peer.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** Dependencies of {@linkcode PeerAnnouncer}. */
export interface PeerAnnouncerOptions {
  readonly counters: NodeCounters;
  readonly log: Log;
  readonly names: Pick<NameResolver, "of">;
  readonly store: Pick<NodeStore, "committed">;
  readonly emit: Emit;
}

/** The reports of one node. */
export class PeerAnnouncer {
  readonly #options: PeerAnnouncerOptions;

  constructor(options: PeerAnnouncerOptions) {
    this.#options = options;
  }

  /** A session is introduced: the peer is up, or may have another path. */
  introduced(session: PeerSession, peer: Peer): void {
    if (peer.up) return this.pathChanged(peer);
    const { counters, emit, log, store } = this.#options;
    counters.peersUp++;
    const announced = this.#upEvent(session, peer);
    const { id, address, direction, trust, via } = announced;
    log.info("peer up", {
      peer: id,
      address,
      direction,
      trust,
      ...(via !== undefined && { via }),
    });
    peer.announce(announced);
    // It is on disk before it is reported, so that a crash does not lose it.
    emit(announced, store.committed());
  }

  /** Which session of a peer is used may have changed. */
  pathChanged(peer: Peer): void {
    const { announced, primary } = peer;
    if (announced === undefined || primary === undefined) return;
    if (announced.via === primary.via) return;
    const { emit, log, names } = this.#options;
    const { id } = peer;
    const { hops, via } = primary;
    peer.announce(this.#upEvent(primary, peer));
    log.info("path changed", {
      peer: id,
      ...(via !== undefined && { via }),
      hops,
    });
    emit({
      type: "path",
      id,
      ...names.of(id),
      ...namedRelay(via, names),
      hops,
    });
  }

  /** The last session has ended; `via` was its relay. */
  down(peer: Peer, via: PeerId | undefined, reason: string): void {
    const { counters, emit, log, names } = this.#options;
    const { id, left } = peer;
    const relay = via !== undefined && { via };
    counters.peersDown++;
    if (!left) counters.peersLost++;
    log.info("peer down", { peer: id, reason, ...relay });
    emit({
      type: "peer:down",
      id,
      ...names.of(id),
      ...relay,
      reason,
      left,
    });
  }

  #upEvent(session: PeerSession, peer: Peer): UpEvent {
    const { names } = this.#options;
    const { id, trust } = peer;
    const { direction, via } = session;
    const [told] = direction === "inbound" ? peer.addresses.forGossip() : [];
    return {
      type: "peer:up",
      id,
      ...names.of(id),
      address: formatAddress(session.dialed ?? session.remoteAddress),
      ...(told && { advertised: formatAddress(told) }),
      direction,
      ...namedRelay(via, names),
      trust,
    };
  }
}
