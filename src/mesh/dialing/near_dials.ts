/**
 * Dials to addresses of this machine's links that relayed peers tell of themselves, see
 * `near_addresses.ts`: when they are tried, and how many.
 */
import type { Clock } from "../../core/clock.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import { formatAddress } from "../../transport/address.ts";
import { DIAL_HINT_INTERVAL_MS } from "../mesh_limits.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerAddress } from "../peers/peer_addresses.ts";
import type { SeenPlaces } from "../peers/seen_places.ts";
import type { Standing } from "../peers/standing.ts";
import type { Site } from "./address_order.ts";
import { MAX_NEAR_DIALS, NEAR_DIAL_CREDIT } from "./dialing_limits.ts";
import { nearAddresses } from "./near_addresses.ts";

/** Dependencies of {@linkcode NearDials}. */
export interface NearDialsOptions {
  readonly clock: Clock;
  readonly standing: Pick<Standing, "isChosen">;
  readonly site: Site;
  readonly places: Pick<SeenPlaces, "behind">;
}

/** One such dial. */
export interface NearDial {
  /** TLS has verified the peer: the dial is not counted. */
  answered(): void;
  /** It is over. */
  end(): void;
}

const FREE: NearDial = { answered: () => {}, end: () => {} };

/** Such dials of one node. */
export class NearDials {
  readonly #options: NearDialsOptions;
  /** The addresses for which a peer was dialed early, and when. */
  readonly #hinted = new WeakMap<Peer, { readonly key: string; at: number }>();
  readonly #credit = new TokenBucket(NEAR_DIAL_CREDIT);
  #underway = 0;

  constructor(options: NearDialsOptions) {
    this.#options = options;
  }

  /** The near addresses of a peer; none without a relayed session, by which it tells of them. */
  of(peer: Peer): readonly PeerAddress[] {
    const { places, site, standing } = this.#options;
    const session = peer.primary;
    if (session?.via === undefined) return [];
    const seenAt = places.behind(peer, session);
    const isChosen = standing.isChosen(peer);
    return nearAddresses(peer.addresses.list(), { isChosen, seenAt }, site);
  }

  /** A peer may have other near addresses: it is due now if so, but not each time. */
  hurry(peer: Peer): void {
    const key = this.of(peer).map(({ address }) => formatAddress(address))
      .sort().join();
    const now = this.#options.clock.monotonic();
    const last = this.#hinted.get(peer);
    if (key === "" || last?.key === key) return;
    if (now - (last?.at ?? -Infinity) < DIAL_HINT_INTERVAL_MS) return;
    this.#hinted.set(peer, { key, at: now });
    peer.hurry(now);
  }

  /** A dial to a peer; `undefined` if there may be none now. */
  begin(peer: Peer): NearDial | undefined {
    const { clock, standing } = this.#options;
    if (standing.isChosen(peer)) return FREE;
    if (this.#underway >= MAX_NEAR_DIALS) return undefined;
    if (!this.#credit.take(clock.monotonic())) return undefined;
    this.#underway++;
    return {
      answered: () => this.#credit.give(),
      end: () => {
        this.#underway--;
      },
    };
  }
}
