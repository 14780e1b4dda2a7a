/** What peer exchange keeps of each session, for as long as the session lives. */
import { TokenBucket } from "../../core/token_bucket.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  OWN_ENTRY_BURST,
  OWN_ENTRY_REFILL_MS,
  PEER_REQUEST_BURST,
  PEER_REQUEST_REFILL_MS,
} from "./discovery_limits.ts";
import { verificationBudget } from "../peers/gossip_quota.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** Peer exchange on one session. */
export class ExchangeState {
  /** Monotonic clock, milliseconds, when the peer was last asked for its peers. */
  askedAt = -Infinity;
  /** Which introduction of this node it was, counted from 1. */
  introduction = 0;
  /** How many introductions there had been when it was last sent a list, and when that was. */
  listed = 0;
  listedAt = -Infinity;
  /** Peers that it has reported live in an unfinished answer. */
  told = new Set<PeerId>();
  /** Whether a part of that answer was left out for want of room. */
  hasGap = false;
  /** Whether a warning about its entries was logged. */
  wasWarnedOf = false;
  /** Members that it reports as unreachable. */
  missing: readonly PeerId[] = [];
  /** Budget of its requests for peers. */
  readonly requests = new TokenBucket({
    burst: PEER_REQUEST_BURST,
    refillMs: PEER_REQUEST_REFILL_MS,
  });
  /** Budget of its own entry, sent again. */
  readonly updates = new TokenBucket({
    burst: OWN_ENTRY_BURST,
    refillMs: OWN_ENTRY_REFILL_MS,
  });
  /** Budget of its entries about others. */
  readonly verifications = verificationBudget();
}

/** Those of one node. */
export class ExchangeStates {
  readonly #states = new WeakMap<PeerSession, ExchangeState>();

  of(session: PeerSession): ExchangeState {
    const known = this.#states.get(session);
    if (known !== undefined) return known;
    const state = new ExchangeState();
    this.#states.set(session, state);
    return state;
  }
}
