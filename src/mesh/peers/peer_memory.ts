/**
 * Keeps the peer table and the store in step: records are in the table before the first dial,
 * and verified peers are put on record. Gossip is never stored: only a verified peer is, with
 * the addresses that it advertises, that answered, or that were configured. Records are defined
 * in `node_store.ts`.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { verifyCertificate } from "../../identity/certificate.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import {
  EPHEMERAL_KEPT_MS,
  LAST_SEEN_SAVE_MS,
  MAX_PEERS,
  MAX_STRANGER_PEERS,
} from "../mesh_limits.ts";
import type { Log } from "../../core/log.ts";
import { sourceOf } from "../../transport/scope.ts";
import type { KeptTime } from "../kept_time.ts";
import {
  type NodeStore,
  ReportedWrites,
  type StoredPeer,
} from "./node_store.ts";
import type { PeerEvents } from "./peer_events.ts";
import type { PeerTable } from "./peer_table.ts";
import type { Peer } from "./peer.ts";
import { isUpForLong, type Standing, UpShare } from "./standing.ts";

/** Dependencies of {@linkcode PeerMemory}. */
export interface PeerMemoryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** This node. */
  readonly own: PeerId;
  readonly store: NodeStore;
  readonly keptTime: KeptTime;
  /** See `UpShare`. */
  readonly maxPeers: number;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly events: PeerEvents;
}

/** The stored peers of one node. */
export class PeerMemory {
  readonly #options: PeerMemoryOptions;
  #nextTouchAt: number;
  readonly #writes: ReportedWrites;

  /** Loads the records into the table. */
  constructor(options: PeerMemoryOptions) {
    this.#options = options;
    this.#writes = new ReportedWrites(options.log, "cannot remember peers");
    const { clock, events, keptTime } = options;
    this.#nextTouchAt = clock.monotonic() + LAST_SEEN_SAVE_MS;
    events.on("forgotten", (peer) => this.#delete(peer));
    events.on("updated", (peer) => this.save(peer));
    this.#load();
    this.#writes.run(() => keptTime.save());
  }

  /** The peer proved its key, or a stored fact about it has changed. */
  save(peer: Peer): void {
    const { stored } = peer;
    // A dial that was under way may still report a forgotten peer.
    const isOnRecord = this.#options.table.get(peer.id) === peer;
    if (stored === undefined || !isOnRecord) return;
    this.#writes.run(() => this.#options.store.putPeer(stored));
  }

  /**
   * Updates when connected peers were last seen, so that also after a crash they are dialed
   * before those that left long ago.
   */
  tick(now: number): void {
    if (now < this.#nextTouchAt) return;
    this.#nextTouchAt = now + LAST_SEEN_SAVE_MS;
    this.#touch();
    this.#writes.run(() => this.#options.keptTime.save());
  }

  /** Called when the node closes: a connected peer was seen now. */
  close(): void {
    this.#touch();
    const { keptTime, store } = this.#options;
    this.#writes.run(() => {
      keptTime.save(true);
      store.commit();
    });
  }

  #touch(): void {
    const { clock, maxPeers, standing, table } = this.#options;
    const now = clock.monotonic();
    const share = new UpShare(table.values(), maxPeers);
    for (const peer of table.connected()) {
      peer.heard(clock.now());
      const isLong = isUpForLong(peer.primary?.openedAt ?? now, now);
      if (isLong && !standing.has(peer)) share.give(peer);
      this.save(peer);
    }
  }

  #load(): void {
    const { store, log } = this.#options;
    const awaited = new Set(store.messages.awaited());
    this.#writes.run(() => this.#trim(awaited));
    let room = MAX_PEERS;
    for (const stored of store.peers()) {
      // A store that could not be trimmed still has too many.
      if (room-- === 0) return;
      try {
        this.#recall(stored, awaited);
      } catch (error) {
        if (!(error instanceof VerackError)) throw error;
        log.warn("peer on record refused", {
          peer: shortId(stored.id),
          reason: error.message,
        });
        this.#writes.run(() => store.deletePeer(stored.id));
      }
    }
  }

  /**
   * Drops records of an older version that exceed the bounds: peers with standing are kept
   * first, then those that a message waits for, then those seen last.
   */
  #trim(awaited: ReadonlySet<PeerId>): void {
    const { store, standing } = this.#options;
    // Each is bounded, however many the store has.
    const friends: PeerId[] = [];
    const awaitedStrangers: PeerId[] = [];
    const strangers: PeerId[] = [];
    let count = 0;
    for (const head of store.peerHeads()) {
      count++;
      const kind = standing.ofStored(head)
        ? friends
        : awaited.has(head.id)
        ? awaitedStrangers
        : strangers;
      if (kind.length < MAX_PEERS) kind.push(head.id);
    }
    const room = Math.min(MAX_STRANGER_PEERS, MAX_PEERS - friends.length);
    const kept = [
      ...friends,
      ...[...awaitedStrangers, ...strangers].slice(0, room),
    ];
    if (count > kept.length) store.trimPeers(kept);
  }

  /** Throws when the certificate is not the peer's. */
  #recall(stored: StoredPeer, awaited: ReadonlySet<PeerId>): void {
    const { table, own, store, keptTime, standing } = this.#options;
    const configured = stored.addresses.some((it) => it.configured);
    // The key is most likely gone with its process; configured addresses stay, for the peer
    // that is there now. Messages for it are given up in a minute.
    const stale = stored.ephemeral && !configured &&
      !awaited.has(stored.id) &&
      keptTime.ageAtStart(stored.lastSeen) > EPHEMERAL_KEPT_MS;
    if (stale || stored.id === own) {
      this.#writes.run(() => store.deletePeer(stored.id));
      return;
    }
    const certificate = verifyCertificate(stored.certificate, stored.id);
    const answered = stored.addresses.find(({ rank }) => rank === "verified");
    const peer = table.ensure(stored.id, {
      hasStanding: standing.ofStored({ ...stored, isConfigured: configured }),
      source: stored.source !== "" || answered === undefined
        ? stored.source
        : sourceOf(answered.address.host),
    });
    if (peer === undefined) return;
    peer.restored(stored, certificate);
  }

  #delete(peer: Peer): void {
    if (!peer.isVerified) return;
    this.#writes.run(() => this.#options.store.deletePeer(peer.id));
  }
}
