/**
 * Whether a peer may be dialed at an address now, and what that costs: dials in vain are
 * counted by target (`dial_targets.ts`), and what a peer claims besides the address where
 * it has answered takes from the budget of gossip (`dial_budget.ts`).
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../identity/identity.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { Standing } from "../peers/standing.ts";
import { type DialBudget, OWN_CLAIMS } from "./dial_budget.ts";
import { WrongIdentityError } from "./dial_failure.ts";
import { DialTargets } from "./dial_targets.ts";
import { isVerified, type PeerAddress } from "../peers/peer_addresses.ts";
import type { DialShare, Peer } from "../peers/peer.ts";

/** Where a peer is to be dialed. */
export interface ClaimedDial {
  readonly record: Peer;
  readonly entry: PeerAddress;
  /** An IP address that it leads to. */
  readonly endpoint: Address;
  /** The budget that pays for the round. */
  readonly share: DialShare;
}

/** A dial that was granted. */
export interface GrantedDial {
  /** To be called when the peer has proven to be there. */
  readonly answered: () => void;
  /** To be called once it is over. */
  readonly end: () => void;
}

const FREE: GrantedDial = { answered: () => {}, end: () => {} };

/** Such dials of one node. */
export class ClaimedDials {
  readonly #clock: Clock;
  readonly #standing: Standing;
  readonly #budget: DialBudget;
  readonly #targets = new DialTargets();

  constructor(clock: Clock, standing: Standing, budget: DialBudget) {
    this.#clock = clock;
    this.#standing = standing;
    this.#budget = budget;
  }

  /** The dial, or why it is not to be made now. */
  begin(claim: ClaimedDial): GrantedDial | VerackError {
    if (!this.#isCounted(claim)) return FREE;
    const now = this.#clock.monotonic();
    const { entry, endpoint, share } = claim;
    const { id } = claim.record;
    const dial = { id, endpoint, verified: isVerified(entry) };
    const other = this.#targets.otherAt(dial, now);
    if (other !== undefined) {
      return new WrongIdentityError(endpoint, id, other);
    }
    // A round that is paid for by what answered before does not pay for claims.
    const isExtra = share === "verified" && !dial.verified;
    if (isExtra && !this.#budget.begin(OWN_CLAIMS, now)) {
      return leftAlone(endpoint);
    }
    if (!this.#targets.begin(dial, now)) {
      if (isExtra) this.#budget.end(OWN_CLAIMS, false);
      return leftAlone(endpoint);
    }
    let isWasted = true;
    return {
      answered: () => {
        isWasted = false;
        this.#targets.answered(dial);
      },
      end: () => {
        if (isExtra) this.#budget.end(OWN_CLAIMS, isWasted);
      },
    };
  }

  /** Another identity was found at an endpoint than the one dialed. */
  shows(endpoint: Address, id: PeerId): void {
    this.#targets.shows(endpoint, id, this.#clock.monotonic());
  }

  /** All but what a person gave, and what a peer with standing says itself. */
  #isCounted({ record, entry: { rank, configured } }: ClaimedDial): boolean {
    return !configured &&
      (rank === "gossiped" || !this.#standing.isTrusted(record));
  }
}

function leftAlone(endpoint: Address): VerackError {
  return new VerackError(
    "unreachable",
    `Cannot dial ${
      formatAddress(endpoint)
    }: too many dials in vain to what is only claimed; left alone for a while`,
  );
}
