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
import type { Trust } from "../events.ts";
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
 * What the standing of a peer is worth. By being up for long alone, a peer is not kept when a
 * mesh is closed, and its advertised addresses are no more than gossip: it is not `trusted`.
 */
export type StandingGrade = "none" | "up-for-long" | "trusted";

/**
 * The standing that these facts give. Attestations give none, since one malicious member can
 * attest any number of keys.
 */
export function gradeOf(facts: StandingFacts): StandingGrade {
  if (facts.configured || facts.allowed || facts.earned) return "trusted";
  return facts.upForLong ? "up-for-long" : "none";
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
    return this.#grade(id, peer) !== "none";
  }

  /** Whether it has standing by more than having been up for long. */
  isTrusted(peer: Peer): boolean {
    return this.#grade(peer.id, peer) === "trusted";
  }

  /** Whether the operator of this node has configured or allowed it. */
  isChosen({ id, trust, addresses }: Peer): boolean {
    const rule = this.#rules.of(id);
    if (keepsOut(rule)) return false;
    return rule === "allowed" || trust === "pinned" || addresses.hasConfigured;
  }

  /** Whether a peer of which only the store has a record has standing. */
  ofStored(head: PeerHead): boolean {
    return this.#judge(head.id, head) !== "none";
  }

  #grade(id: PeerId, peer: Peer | undefined): StandingGrade {
    return this.#judge(id, {
      trust: peer?.trust,
      isConfigured: peer?.addresses.hasConfigured ?? false,
      earnedStanding: peer?.earnedStanding ?? false,
      upForLong: peer?.upForLong ?? false,
    });
  }

  #judge(
    id: PeerId,
    { trust, isConfigured, earnedStanding, upForLong }:
      & Pick<PeerHead, "isConfigured" | "earnedStanding" | "upForLong">
      & { readonly trust: Trust | undefined },
  ): StandingGrade {
    const rule = this.#rules.of(id);
    if (keepsOut(rule)) return "none";
    return gradeOf({
      configured: trust === "pinned" || isConfigured,
      allowed: rule === "allowed",
      earned: earnedStanding,
      upForLong,
    });
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
