/**
 * Counts failed dials to one IP address and port: pure bookkeeping. Any number of identities
 * can advertise one address, so dials are counted by address, over all peers. An address at
 * which a peer has answered before is counted apart for that peer. Once an address has shown an
 * identity, no other is dialed there for a while. {@linkcode UnverifiedDials} decides which dials
 * count, and which use the budget of gossip.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { TokenBucket } from "../../core/token_bucket.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  DIALS_PER_TARGET,
  DIALS_PER_TARGET_REFILL_MS,
} from "../mesh_limits.ts";
import { MAX_DIAL_TARGETS } from "./dialing_limits.ts";
import { ADVERTISED, type DialBudget } from "./dial_budget.ts";
import { WrongIdentityError } from "./dial_failure.ts";
import type { DialShare, Peer } from "../peers/peer.ts";
import { isVerified, type PeerAddress } from "../peers/peer_addresses.ts";
import type { Standing } from "../peers/standing.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { innermostIp } from "../../transport/scope.ts";

/** Which peer is dialed, where, and whether it has answered there before. */
export interface CountedDial {
  readonly id: PeerId;
  /** IP address and port. */
  readonly endpoint: Address;
  readonly verified: boolean;
}

interface Target {
  readonly credit: TokenBucket;
  /** The identity it has shown, and until when that counts. */
  shown: PeerId | undefined;
  shownUntil: number;
}

/** The targets of one node. */
export class DialTargets {
  /** Those dialed last at the end. */
  readonly #targets = new BoundedMap<string, Target>(MAX_DIAL_TARGETS);

  /** How many there are. */
  get size(): number {
    return this.#targets.size;
  }

  /** Another identity than the peer's, if the target has shown one lately. */
  otherAt(dial: CountedDial, now: number): PeerId | undefined {
    const shown = this.#shownBy(this.#targets.get(keyOf(dial)), now);
    return shown === dial.id ? undefined : shown;
  }

  /**
   * Counts a dial; false if the target has had its share. A target that has shown the
   * identity of the peer is not dialed in vain.
   */
  begin(dial: CountedDial, now: number): boolean {
    const target = this.#target(dial);
    return this.#shownBy(target, now) === dial.id ||
      target.credit.take(now);
  }

  /** The peer was there: the dial is not counted. */
  answered(dial: CountedDial): void {
    this.#targets.get(keyOf(dial))?.credit.give();
  }

  /** A target has shown another identity than the dialed one. */
  shows(endpoint: Address, id: PeerId, now: number): void {
    const target = this.#target({ endpoint, verified: false });
    target.shown = id;
    // Until the next dial is granted, which checks it again.
    target.shownUntil = now + DIALS_PER_TARGET_REFILL_MS;
  }

  #shownBy(target: Target | undefined, now: number): PeerId | undefined {
    return target !== undefined && now < target.shownUntil
      ? target.shown
      : undefined;
  }

  #target(dial: Omit<CountedDial, "id">): Target {
    return this.#targets.ensure(keyOf(dial), () => ({
      credit: new TokenBucket({
        burst: DIALS_PER_TARGET,
        refillMs: DIALS_PER_TARGET_REFILL_MS,
      }),
      shown: undefined,
      shownUntil: 0,
    }));
  }
}

function keyOf({ endpoint, verified }: Omit<CountedDial, "id">): string {
  const { host, port } = endpoint;
  const target = formatAddress({ host: innermostIp(host), port });
  return verified ? `verified ${target}` : target;
}

/** The target of a dial. */
export interface UnverifiedDial {
  readonly peer: Peer;
  readonly entry: PeerAddress;
  /** An IP address that it leads to. */
  readonly endpoint: Address;
  /** The budget that pays for the round. */
  readonly share: DialShare;
}

/** A dial that was granted. */
export interface GrantedDial {
  /** To be called when TLS has verified the peer. */
  readonly answered: () => void;
  /** To be called once it is over. */
  readonly end: () => void;
}

const FREE: GrantedDial = { answered: () => {}, end: () => {} };

/** Such dials of one node. */
export class UnverifiedDials {
  readonly #clock: Clock;
  readonly #standing: Standing;
  readonly #budget: DialBudget;
  readonly #targets = new DialTargets();

  constructor(clock: Clock, standing: Standing, budget: DialBudget) {
    this.#clock = clock;
    this.#standing = standing;
    this.#budget = budget;
  }

  /** The dial, or why it must not be made now. */
  begin(wanted: UnverifiedDial): GrantedDial | VerackError {
    if (!this.#isCounted(wanted)) return FREE;
    const now = this.#clock.monotonic();
    const { entry, endpoint, share } = wanted;
    const { id } = wanted.peer;
    const dial = { id, endpoint, verified: isVerified(entry) };
    const other = this.#targets.otherAt(dial, now);
    if (other !== undefined) {
      return new WrongIdentityError(endpoint, id, other);
    }
    // A round in the budget of verified addresses must not dial advertised ones.
    const isExtra = share === "verified" && !dial.verified;
    if (isExtra && !this.#budget.begin(ADVERTISED, now)) {
      return leftAlone(endpoint);
    }
    if (!this.#targets.begin(dial, now)) {
      if (isExtra) this.#budget.end(ADVERTISED, false);
      return leftAlone(endpoint);
    }
    let isWasted = true;
    return {
      answered: () => {
        isWasted = false;
        this.#targets.answered(dial);
      },
      end: () => {
        if (isExtra) this.#budget.end(ADVERTISED, isWasted);
      },
    };
  }

  /** Another identity was found at an endpoint than the one dialed. */
  shows(endpoint: Address, id: PeerId): void {
    this.#targets.shows(endpoint, id, this.#clock.monotonic());
  }

  /** All but configured addresses and those that a peer with standing advertises. */
  #isCounted({ peer, entry: { rank, configured } }: UnverifiedDial): boolean {
    return !configured &&
      (rank === "gossiped" || !this.#standing.isTrusted(peer));
  }
}

/** Why an address that a peer only advertises is not dialed now. */
export function leftAlone(endpoint: Address): VerackError {
  return new VerackError(
    "unreachable",
    `Cannot dial ${
      formatAddress(endpoint)
    }: too many dials in vain to what is only advertised; not dialed for a while`,
  );
}
