/**
 * How often one IP address and port is dialed in vain: pure bookkeeping. Any number of
 * identities can say that they are at one address, so that what they may cause there is
 * counted by address, over all peers.
 *
 * An address at which a peer has answered before is counted apart: what others claim
 * takes nothing from the peer that is there. And once an address has shown which identity
 * is there, no other is looked for there for a while. Which dials count is up to
 * `claimed_dials.ts`.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import type { PeerId } from "../../identity/identity.ts";
import {
  DIALS_PER_TARGET,
  DIALS_PER_TARGET_REFILL_MS,
  MAX_DIAL_TARGETS,
} from "../../limits.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import { innermostIp } from "../../transport/scope.ts";
import { TokenBucket } from "../../core/token_bucket.ts";

/** Which peer is dialed, where, and whether it has answered there before. */
export interface CountedDial {
  readonly id: PeerId;
  /** IP address and port. */
  readonly endpoint: Address;
  readonly verified: boolean;
}

interface Target {
  readonly credit: TokenBucket;
  /** Which identity it has shown, and until when that is believed. */
  shown: PeerId | undefined;
  shownUntil: number;
}

/** Targets that one node has dialed. */
export class DialTargets {
  /** Those dialed last at the end. */
  readonly #targets = new BoundedMap<string, Target>(MAX_DIAL_TARGETS);

  /** How many are remembered. */
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
   *
   * @param now Monotonic clock, milliseconds.
   */
  begin(dial: CountedDial, now: number): boolean {
    const target = this.#target(dial);
    return this.#shownBy(target, now) === dial.id ||
      target.credit.take(now);
  }

  /** The peer was there: the dial was not in vain. */
  answered(dial: CountedDial): void {
    this.#targets.get(keyOf(dial))?.credit.give();
  }

  /** A target has shown another identity than one that is said to be there. */
  shows(endpoint: Address, id: PeerId, now: number): void {
    const target = this.#target({ endpoint, verified: false });
    target.shown = id;
    // Until the next dial is granted: then it is seen whether it still is there.
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
