/**
 * Standing: the peers for which bounded resources are kept. A key costs nothing, so peers
 * without standing together get a share, and peers with standing never wait or give way for
 * them. The shares are in `docs/limits.md`.
 */
import type { PeerId } from "../../core/peer_id.ts";
import {
  MAX_UP_STANDING_PER_SOURCE,
  MAX_UP_STANDING_SHARE,
  STANDING_AFTER_UP_MS,
} from "../mesh_limits.ts";
import { type AccessRules, keepsOut } from "./access_rules.ts";
import type { PeerHead } from "./node_store.ts";
import type { Peer } from "./peer.ts";

/** The facts that may give a peer standing. */
export interface StandingFacts {
  /** It or its address was configured: `--connect`, a pin. */
  readonly configured: boolean;
  /** Whether it was allowed. */
  readonly allowed: boolean;
  /** See {@linkcode Peer.earnedStanding}. */
  readonly earned: boolean;
  /** See {@linkcode Peer.upForLong}. */
  readonly upForLong: boolean;
}

/**
 * Whether a peer has standing. Attestations give none, since one malicious member can attest
 * any number of keys.
 */
export function hasStanding(facts: StandingFacts): boolean {
  return facts.upForLong || isTrusted(facts);
}

/**
 * The same without standing by being up for long, which neither keeps a peer when a mesh is
 * closed nor makes its advertised addresses more than gossip.
 */
export function isTrusted(facts: Omit<StandingFacts, "upForLong">): boolean {
  return facts.configured || facts.allowed || facts.earned;
}

/** Standing of the peers of one node. */
export class Standing {
  readonly #rules: Pick<AccessRules, "of">;

  constructor(rules: Pick<AccessRules, "of">) {
    this.#rules = rules;
  }

  /** Whether a peer has standing; a peer without a record has none. */
  has(peer: Peer | undefined): boolean {
    return peer !== undefined && this.of(peer.id, peer);
  }

  /** The same for a peer that need not be on record, as it may be allowed. */
  of(id: PeerId, peer: Peer | undefined): boolean {
    return this.#judge(id, {
      configured: peer !== undefined &&
        (peer.trust === "pinned" || peer.addresses.hasConfigured),
      earned: peer?.earnedStanding ?? false,
      upForLong: peer?.upForLong ?? false,
    });
  }

  /** Whether it has standing by more than having been up for long. */
  isTrusted(peer: Peer): boolean {
    const { upForLong } = peer;
    return this.has(peer) && (!upForLong ||
      isTrusted({
        configured: peer.trust === "pinned" || peer.addresses.hasConfigured,
        allowed: this.#rules.of(peer.id) === "allowed",
        earned: peer.earnedStanding,
      }));
  }

  /** The same for a peer of which only the store has a record. */
  ofStored(head: PeerHead): boolean {
    const { id, trust, isConfigured, earnedStanding, upForLong } = head;
    return this.#judge(id, {
      configured: trust === "pinned" || isConfigured,
      earned: earnedStanding,
      upForLong,
    });
  }

  #judge(id: PeerId, facts: Omit<StandingFacts, "allowed">): boolean {
    const rule = this.#rules.of(id);
    if (keepsOut(rule)) return false;
    return hasStanding({ ...facts, allowed: rule === "allowed" });
  }
}

/** Whether a peer that came up at `upSince` has been up for long, monotonic clock. */
export function isUpForLong(upSince: number, now: number): boolean {
  return now - upSince >= STANDING_AFTER_UP_MS;
}

/** The peers that have standing as they were up for long: few, and few of each source. */
export class UpShare {
  readonly #most: number;
  readonly #bySource = new Map<string, number>();
  #count = 0;

  /** Of all peers on record of a node that has at most `maxPeers` sessions. */
  constructor(peers: Iterable<Peer>, maxPeers: number) {
    this.#most = Math.floor(maxPeers * MAX_UP_STANDING_SHARE);
    for (const peer of peers) if (peer.upForLong) this.#add(peer);
  }

  /** Gives it standing if there is room. */
  give(peer: Peer): void {
    const ofSource = this.#bySource.get(peer.source) ?? 0;
    if (this.#count >= this.#most || ofSource >= MAX_UP_STANDING_PER_SOURCE) {
      return;
    }
    peer.grantStandingForUptime();
    this.#add(peer);
  }

  #add({ source }: Peer): void {
    this.#count++;
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1);
  }
}
