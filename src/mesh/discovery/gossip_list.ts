/**
 * Makes the entries about peers that a node sends, only of peers that it has verified itself,
 * and the digest of the members it has direct sessions with. They are sent by `peer_exchange.ts`.
 */
import { hash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  GOSSIP_FRESH_MS,
  GOSSIP_LIST_MS,
  TOLD_DIALS_MS,
} from "./discovery_limits.ts";
import { MAX_ADDRESSES_PER_ENTRY } from "../../wire/wire_limits.ts";
import type { Address } from "../../transport/address.ts";
import type { ExchangeStates } from "./exchange_state.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import { FINGERPRINT_BYTES } from "../../wire/messages/peer_request.ts";
import {
  canTell,
  encodePeerEntry,
  PEER_FLAG,
  type PeerEntry,
} from "../../wire/messages/peers.ts";

/** Dependencies of {@linkcode GossipList}. */
export interface GossipListOptions {
  readonly clock: Clock;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "isDenied">;
  readonly membership: {
    /** The attestation by which this node admits a peer; empty in an open mesh. */
    attestationFor(peer: Peer): Uint8Array<ArrayBuffer>;
  };
  readonly states: ExchangeStates;
  readonly events: PeerEvents;
}

/** The entries of one node. */
export class GossipList {
  readonly #options: GossipListOptions;
  /** Peers that may be gossiped, and since when, monotonic clock: one walk serves many requests. */
  #list: { readonly at: number; readonly peers: Peer[] } | undefined;
  /** Their encoded entries, made on first use: for peers that they dial, and for all others. */
  readonly #dialing = new Map<Peer, Uint8Array>();
  readonly #encoded = new Map<Peer, Uint8Array>();
  #encodedAt = -Infinity;

  constructor(options: GossipListOptions) {
    this.#options = options;
    const { events } = options;
    events.on("introduced", ({ peer }) => this.#changed(peer));
    events.on("updated", (peer) => this.#changed(peer));
    events.on("down", (peer) => this.#changed(peer));
    events.on("forgotten", (peer) => this.#changed(peer));
  }

  /** A peer came up, has another entry, went down or is forgotten. */
  #changed(peer: Peer): void {
    this.#list = undefined;
    this.#dialing.delete(peer);
    this.#encoded.delete(peer);
  }

  /** Peers that the other end lacks. */
  newsTo(session: PeerSession, known: ReadonlySet<string>): Peer[] {
    const { rules } = this.#options;
    return this.#gossipable().filter(({ id }) =>
      id !== session.remote.id && !rules.isDenied(id) &&
      !known.has(fingerprint(id))
    );
  }

  /** {@linkcode entryOf}, encoded for the other end of a session. */
  encodedEntryFor(session: PeerSession, peer: Peer): Uint8Array {
    const dials = this.#knowsOf(peer, session);
    const cache = dials ? this.#dialing : this.#encoded;
    return cache.getOrInsertComputed(
      peer,
      () => encodePeerEntry(this.entryOf(peer, dials)),
    );
  }

  /**
   * The entry about a peer, with addresses that are verified or that it advertises. `dials`: it
   * knows of the receiver, and is about to dial it.
   */
  entryOf(peer: Peer, dials: boolean): PeerEntry {
    const [seen, others] = seenFirst(peer);
    const addresses = [...seen, ...others].slice(0, MAX_ADDRESSES_PER_ENTRY);
    return {
      id: peer.id,
      certificate: peer.certificate?.der ?? new Uint8Array(0),
      addresses,
      lastSeen: unixTime(peer.lastSeen),
      flags: (peer.up ? PEER_FLAG.live : 0) |
        (peer.ephemeral ? PEER_FLAG.ephemeral : 0) |
        (peer.isUnreachable || addresses.length === 0
          ? PEER_FLAG.unreachable
          : 0) |
        (dials ? PEER_FLAG.dials : 0) |
        (seen.length > 0 ? PEER_FLAG.seen : 0),
      name: peer.name,
      attestation: this.#options.membership.attestationFor(peer),
    };
  }

  /** Whether a peer was just sent a list with the other end of a session in it. */
  #knowsOf({ primary }: Peer, session: PeerSession): boolean {
    if (primary === undefined) return false;
    const { clock, states } = this.#options;
    const { listed, listedAt } = states.of(primary);
    return listed >= states.of(session).introduction &&
      clock.monotonic() - listedAt < TOLD_DIALS_MS;
  }

  /** Peers that this node has verified lately, and that others may reach. */
  #gossipable(): readonly Peer[] {
    const { clock, table } = this.#options;
    const at = clock.monotonic();
    if (at - this.#encodedAt >= GOSSIP_LIST_MS) {
      this.#encodedAt = at;
      this.#dialing.clear();
      this.#encoded.clear();
    }
    if (this.#list !== undefined && at - this.#list.at < GOSSIP_LIST_MS) {
      return this.#list.peers;
    }
    const fresh = clock.now() - GOSSIP_FRESH_MS;
    const peers = [...table.values()].filter((peer) =>
      peer.certificate !== undefined &&
      (peer.up ||
        // A key that lived in memory is most likely gone with the session.
        (peer.isVerified && peer.lastSeen > fresh && !peer.left &&
          !peer.ephemeral && peer.addresses.size > 0))
    );
    this.#list = { at, peers };
    return peers;
  }
}

/** The addresses for others, those at which this node sees the peer now apart. */
function seenFirst({ addresses, primary }: Peer): [Address[], Address[]] {
  const host = primary !== undefined && primary.via === undefined
    ? primary.remoteAddress.host
    : undefined;
  const all = addresses.forGossip().filter(canTell);
  return [
    all.filter((it) => it.host === host),
    all.filter((it) => it.host !== host),
  ];
}

/** Whole seconds; a clock before 1970 becomes "never". */
function unixTime(ms: number): number {
  return Math.max(0, Math.floor(ms / 1_000));
}

/** One node's view, which is cached until a peer comes up or goes down. */
export class MemberDigest {
  readonly #own: PeerId;
  readonly #table: PeerTable;
  #fingerprints: readonly string[] | undefined;
  #all: readonly string[] = [];
  #digest = "";

  constructor(own: PeerId, table: PeerTable, events: PeerEvents) {
    this.#own = own;
    this.#table = table;
    for (const event of ["introduced", "sessionClosed", "down"] as const) {
      events.on(event, () => this.#fingerprints = undefined);
    }
  }

  /** SHA-256 of the 32 bytes each of those members, in ascending order; hex. */
  get digest(): string {
    this.#look();
    return this.#digest;
  }

  /**
   * The fingerprints of members with a direct session, and of this node, in ascending order. Those
   * with relayed sessions only are left out, so that their entries come again and again, with the
   * addresses at which others see them.
   */
  get fingerprints(): readonly string[] {
    return this.#look();
  }

  /** The fingerprints of all members with a session, and of this node. */
  get all(): readonly string[] {
    this.#look();
    return this.#all;
  }

  #look(): readonly string[] {
    if (this.#fingerprints !== undefined) return this.#fingerprints;
    const connected = this.#table.connected();
    const members = connected.filter(({ hasDirect }) => hasDirect)
      .map(({ id }) => id);
    members.push(this.#own);
    members.sort();
    const bytes = Uint8Array.fromHex(members.join(""));
    this.#digest = hash("sha256", bytes, "hex");
    this.#fingerprints = members.map(fingerprint);
    const relayed = connected.filter(({ hasDirect }) => !hasDirect)
      .map(({ id }) => fingerprint(id));
    this.#all = relayed.length === 0
      ? this.#fingerprints
      : [...this.#fingerprints, ...relayed].sort();
    return this.#fingerprints;
  }
}

/** The first 8 bytes of an identity; hex. */
export function fingerprint(id: PeerId): string {
  return id.slice(0, 2 * FINGERPRINT_BYTES);
}
