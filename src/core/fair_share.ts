/** Shares a bounded amount among peers, so that one that comes later finds some of it free. */
import type { PeerId } from "./peer_id.ts";

/** Settings of a {@linkcode FairShare}. */
export interface FairShareOptions {
  /** The most that all peers have together. */
  readonly total: number;
  /** The most that one peer has. @default {Infinity} */
  readonly perPeer?: number;
  /** The most that all peers without standing have together. */
  readonly strangers: number;
  readonly hasStanding: (peer: PeerId) => boolean;
  /** Whether peers with standing have `perPeer` each, even if that leaves less. @default {false} */
  readonly trustsStanding?: boolean;
}

/** What was taken, until it is disposed of. */
export type Share = Disposable;

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

  /**
   * Takes `amount` for a peer, unless that is more than it may have now. What was taken without
   * standing counts as that until it is returned.
   */
  take(peer: PeerId, amount = 1): Share | undefined {
    const { total, perPeer = Infinity, strangers } = this.#options;
    const { hasStanding, trustsStanding = false } = this.#options;
    const isStranger = !hasStanding(peer);
    const free = Math.min(
      total - this.#used,
      isStranger ? strangers - this.#usedByStrangers : Infinity,
    );
    const own = (this.#byPeer.get(peer) ?? 0) + amount;
    const needed = trustsStanding && !isStranger ? amount : own;
    if (own > perPeer || needed > free) return undefined;
    this.#add(peer, amount, isStranger);
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
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
