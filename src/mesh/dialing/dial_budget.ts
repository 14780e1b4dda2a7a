/**
 * How many dials may be under way, and how many may fail: pure bookkeeping. Peers with
 * standing, peers without that have answered somewhere, and gossip have a budget each, so that
 * none waits for another. Gossip is dialed by turns among the sources: the one with the fewest
 * dials under way is next, and a dial that takes long is ended for a source with fewer. A dial
 * takes from the credit of its source, and returns it only if the peer was there, so that false
 * gossip causes few dials and does not delay others. Addresses that peers without standing
 * advertise are gossip, too, and all these peers are one source, as identities cost nothing.
 */
import {
  CONTESTED_DIAL_MS,
  GOSSIP_CREDIT,
  GOSSIP_CREDIT_PER_SOURCE,
  GOSSIP_CREDIT_PER_SOURCE_REFILL_MS,
  GOSSIP_CREDIT_REFILL_MS,
  MAX_CONCURRENT_DIALS,
  MAX_GOSSIP_DIALS,
  MAX_GOSSIP_DIALS_PER_SOURCE,
  STARVED_CONTESTED_DIAL_MS,
} from "./dialing_limits.ts";
import { MAX_SESSIONS } from "../../session/session_limits.ts";
import { BoundedMap } from "../../core/bounded_map.ts";
import type { DialShare, Peer } from "../peers/peer.ts";
import { type Introducer, LAN } from "../peers/peer_record.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import type { DialWindow } from "./dial_window.ts";

interface Source {
  readonly credit: TokenBucket;
  active: number;
  /** Number of its last dial, of all. */
  lastDial: number;
}

/** The source of all addresses that peers without standing advertise. */
export const ADVERTISED = "advertised";

/** What a dial to a peer that is known from gossip is charged to. */
export type DialSource = Introducer | typeof ADVERTISED;

/** The sources for which a peer may be dialed at a gossiped address. */
export function sourcesOf(
  { introducedBy, reporters }: Pick<Peer, "introducedBy" | "reporters">,
): readonly DialSource[] {
  return [introducedBy ?? ADVERTISED, ...reporters];
}

/** Whether a source is one of these. */
export function isFrom(
  peer: Pick<Peer, "introducedBy" | "reporters">,
  source: DialSource,
): boolean {
  return source === (peer.introducedBy ?? ADVERTISED) ||
    (source !== ADVERTISED && source !== LAN && peer.reporters.has(source));
}

/** A dial to a peer from a source of gossip. */
export interface GossipDial {
  readonly source: DialSource;
  /** Monotonic clock, milliseconds, of its last progress. */
  progressAt: number;
  /** Ends it. */
  readonly giveWay: () => void;
}

/** Kinds with a budget of their own and no sources. */
export type KnownShare = Exclude<DialShare, "gossip">;

/** What the budget of dials takes from a {@linkcode DialWindow}. */
type Window = Pick<DialWindow, "limit" | "isStarved">;

/** Dials of one node. */
export class DialBudget {
  readonly #window: Window;
  readonly #known: Record<KnownShare, number> = { standing: 0, verified: 0 };
  #gossipDials = 0;
  #dials = 0;
  /** Under way, oldest first. */
  readonly #underway = new Set<GossipDial>();
  /** The dial that was aborted for another and has not ended yet. */
  #leaving: GossipDial | undefined;
  readonly #credit = new TokenBucket({
    burst: GOSSIP_CREDIT,
    refillMs: GOSSIP_CREDIT_REFILL_MS,
  });
  /** Sources of gossip, those used last at the end. */
  readonly #sources = new BoundedMap<DialSource, Source>(
    MAX_SESSIONS,
    ({ active }) => active === 0,
  );

  /** `window` limits dials to peers without standing further. */
  constructor(window: Window = { limit: Infinity, isStarved: false }) {
    this.#window = window;
  }

  /** Dials under way. */
  get size(): number {
    return this.#known.standing + this.#known.verified + this.#gossipDials;
  }

  /** Begins a dial to a known peer or a configured address; false if there are too many. */
  beginKnown(share: KnownShare): boolean {
    const window = share === "standing" ? Infinity : this.#window.limit;
    const most = Math.min(MAX_CONCURRENT_DIALS, window);
    if (this.#known[share] >= most) return false;
    this.#known[share]++;
    return true;
  }

  /** Such a dial is over. */
  endKnown(share: KnownShare): void {
    this.#known[share]--;
  }

  /** Takes the credit of one dial for a source; false if there is none now. */
  begin(source: DialSource, now: number): boolean {
    if (this.isFull) return false;
    const state = this.#source(source);
    if (state.active >= this.#mostOfSource) return false;
    if (!state.credit.take(now)) return false;
    if (!this.#credit.take(now)) {
      state.credit.give();
      return false;
    }
    state.active++;
    state.lastDial = ++this.#dials;
    this.#gossipDials++;
    return true;
  }

  /** Whether as many dials of sources are under way as may be. */
  get isFull(): boolean {
    return this.#gossipDials >= this.#most;
  }

  /** Of all sources together. */
  get #most(): number {
    return Math.min(MAX_GOSSIP_DIALS, this.#window.limit);
  }

  /** Of one source: the same share of a small window. */
  get #mostOfSource(): number {
    const share = MAX_GOSSIP_DIALS_PER_SOURCE / MAX_GOSSIP_DIALS;
    return Math.floor(this.#most * share);
  }

  /** Whether no source may begin another dial now. */
  isExhausted(now: number): boolean {
    return this.isFull || !this.#credit.has(now);
  }

  /** The next of the sources that wait. */
  next(sources: Iterable<DialSource>): DialSource | undefined {
    let first: DialSource | undefined;
    for (const source of sources) {
      if (first === undefined || this.#isBefore(source, first)) first = source;
    }
    return first;
  }

  /** Adds a dial that has begun, so that it can be ended for another. */
  track(dial: GossipDial): void {
    this.#underway.add(dial);
  }

  /** It is over. */
  untrack(dial: GossipDial): void {
    this.#underway.delete(dial);
    if (this.#leaving === dial) this.#leaving = undefined;
  }

  /** This process was starved for so long, which does not count as the time of dials. */
  compensate(starvedMs: number): void {
    for (const dial of this.#underway) dial.progressAt += starvedMs;
  }

  /**
   * Called when a source waits and too many dials are under way: ends the longest dial of the
   * source with the most, if that has more and the dial has had its time. Returns the delay
   * until that is so, if a dial can be ended then.
   */
  makeRoom(source: DialSource, now: number): number {
    if (!this.isFull || this.#leaving !== undefined) return Infinity;
    const own = this.#active(source);
    // A source with about as many as this one keeps its dials.
    const least = own === 0 ? 1 : own + 2;
    let busiest: GossipDial | undefined;
    for (const dial of this.#underway) {
      if (this.#active(dial.source) < least) continue;
      if (busiest === undefined || this.#isBusier(dial, busiest)) {
        busiest = dial;
      }
    }
    if (busiest === undefined) return Infinity;
    const due = busiest.progressAt +
      (this.#window.isStarved ? STARVED_CONTESTED_DIAL_MS : CONTESTED_DIAL_MS);
    if (due > now) return due;
    this.#leaving = busiest;
    busiest.giveWay();
    return Infinity;
  }

  #isBefore(a: DialSource, b: DialSource): boolean {
    const byActive = this.#active(a) - this.#active(b);
    const last = (source: DialSource) =>
      this.#sources.get(source)?.lastDial ?? 0;
    return byActive < 0 || (byActive === 0 && last(a) < last(b));
  }

  #isBusier(a: GossipDial, b: GossipDial): boolean {
    const byActive = this.#active(a.source) - this.#active(b.source);
    return byActive > 0 || (byActive === 0 && a.progressAt < b.progressAt);
  }

  #active(source: DialSource): number {
    return this.#sources.get(source)?.active ?? 0;
  }

  /** A dial on its account is over; `wasted`: the peer was not there. */
  end(source: DialSource, wasted: boolean): void {
    this.#gossipDials--;
    const state = this.#sources.get(source);
    if (state === undefined) return;
    state.active--;
    if (wasted) return;
    state.credit.give();
    this.#credit.give();
  }

  #source(source: DialSource): Source {
    // A new source gets new credit, but within that of all sources.
    return this.#sources.ensure(source, () => ({
      credit: new TokenBucket({
        burst: GOSSIP_CREDIT_PER_SOURCE,
        refillMs: GOSSIP_CREDIT_PER_SOURCE_REFILL_MS,
      }),
      active: 0,
      lastDial: 0,
    }));
  }
}
