/** Shares a bounded amount among peers, so that one that comes later finds some of it free. */
import type { PeerId } from "../core/peer_id.ts";
import { STRANGERS_REQUEST_SHARE } from "./streams_limits.ts";

/** Settings of a {@linkcode FairShare}. */
export interface FairShareOptions {
  /** The most that all peers have together. */
  readonly total: number;
  /** The most that one peer has. */
  readonly perPeer: number;
  /** Peers without standing have a part of the total only. */
  readonly hasStanding: (peer: PeerId) => boolean;
}

/** What was taken; to be released once. */
export interface Share {
  release(): void;
}

/** A wait for a share. */
export interface ShareWait {
  readonly taken: Promise<Share>;
  /** Ends the wait; `taken` is never settled then. */
  cancel(): void;
}

interface Waiter {
  readonly peer: PeerId;
  readonly amount: number;
  readonly resolve: (share: Share) => void;
}

/**
 * A peer may have as much as is free, as with the dynamic thresholds of switches (A. Choudhury and
 * E. Hahne, 1998): one busy peer has half of the total at most, two a third each.
 */
export class FairShare {
  readonly #options: FairShareOptions;
  readonly #byPeer = new Map<PeerId, number>();
  /** Longest wait first. */
  readonly #waiting = new Set<Waiter>();
  #used = 0;
  #usedByStrangers = 0;

  constructor(options: FairShareOptions) {
    this.#options = options;
  }

  /** What all peers have. */
  get used(): number {
    return this.#used;
  }

  /** Takes `amount` for a peer, unless that is more than it may have now. */
  take(peer: PeerId, amount: number): Share | undefined {
    const { total, perPeer, hasStanding } = this.#options;
    const isStranger = !hasStanding(peer);
    const free = isStranger
      ? Math.min(
        total - this.#used,
        total * STRANGERS_REQUEST_SHARE - this.#usedByStrangers,
      )
      : total - this.#used;
    const own = (this.#byPeer.get(peer) ?? 0) + amount;
    if (own > Math.min(perPeer, free)) return undefined;
    this.#add(peer, amount, isStranger);
    return {
      release: () => {
        this.#add(peer, -amount, isStranger);
        if (this.#waiting.size > 0) this.#offer();
      },
    };
  }

  /** Takes it as soon as that is possible. */
  wait(peer: PeerId, amount: number): ShareWait {
    const { promise: taken, resolve } = Promise.withResolvers<Share>();
    const waiter = { peer, amount, resolve };
    this.#waiting.add(waiter);
    this.#offer();
    return { taken, cancel: () => this.#waiting.delete(waiter) };
  }

  #add(peer: PeerId, amount: number, isStranger: boolean): void {
    this.#used += amount;
    if (isStranger) this.#usedByStrangers += amount;
    const own = (this.#byPeer.get(peer) ?? 0) + amount;
    if (own === 0) this.#byPeer.delete(peer);
    else this.#byPeer.set(peer, own);
  }

  /** Serves all that wait and may have theirs, as one peer must not keep others waiting. */
  #offer(): void {
    for (const waiter of this.#waiting) {
      const share = this.take(waiter.peer, waiter.amount);
      if (share === undefined) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(share);
    }
  }
}
