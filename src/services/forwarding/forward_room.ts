/**
 * How many of something peers may have at one node. Peers without standing have a share, which
 * is never taken from the others, and of which each may have as much as it leaves free. Pure.
 */
import type { PeerId } from "../../core/peer_id.ts";

/** The most of something. */
export interface ShareLimits {
  readonly all: number;
  readonly perPeer: number;
  /** Of all peers without standing together. */
  readonly strangers: number;
}

/** Places that are shared out among peers. */
export class ForwardRoom {
  readonly #limits: ShareLimits;
  readonly #byPeer = new Map<PeerId, number>();
  #taken = 0;
  #byStrangers = 0;

  constructor(limits: ShareLimits) {
    this.#limits = limits;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes a place for a peer, if there is one for it; dispose of it to give it back. A place
   * that was taken without standing stays one of that share.
   */
  take(peer: PeerId, hasStanding: boolean): Disposable | undefined {
    const { all, perPeer, strangers } = this.#limits;
    const own = this.#byPeer.get(peer) ?? 0;
    if (this.#taken >= all || own >= perPeer) return undefined;
    if (!hasStanding) {
      if (own >= strangers - this.#byStrangers) return undefined;
      this.#byStrangers++;
    }
    this.#taken++;
    this.#byPeer.set(peer, own + 1);
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        this.#taken--;
        if (!hasStanding) this.#byStrangers--;
        const left = (this.#byPeer.get(peer) ?? 1) - 1;
        if (left > 0) this.#byPeer.set(peer, left);
        else this.#byPeer.delete(peer);
      },
    };
  }
}
