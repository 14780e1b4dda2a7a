/**
 * How many dials may be under way, and how many may be wasted: pure bookkeeping.
 *
 * Peers that nobody has proven to us are dialed in a budget of their own, which no
 * single source can use up. And whoever sends us where nobody is, pays: a dial to
 * a peer it told of takes from its credit, and gives back only if the peer was
 * there. So lies have us dial at a trickle, and cost no truth its dial.
 */
import type { IdentityId } from "../identity/identity.ts";
import {
  MAX_CONCURRENT_DIALS,
  MAX_RUMOUR_DIALS,
  MAX_RUMOUR_DIALS_PER_SOURCE,
  MAX_SESSIONS,
  RUMOUR_CREDIT,
  RUMOUR_CREDIT_PER_SOURCE,
  RUMOUR_CREDIT_PER_SOURCE_REFILL_MS,
  RUMOUR_CREDIT_REFILL_MS,
} from "../limits.ts";
import { TokenBucket } from "./token_bucket.ts";

interface Source {
  readonly credit: TokenBucket;
  active: number;
}

/** Dials of one node. `source` is who told of a peer; absent for peers we know. */
export class DialBudget {
  #known = 0;
  #rumours = 0;
  readonly #credit: TokenBucket;
  /** Sources of rumours, those used last at the end. */
  readonly #sources = new Map<IdentityId, Source>();

  /** @param now Monotonic clock, milliseconds. */
  constructor(now: number) {
    this.#credit = new TokenBucket(RUMOUR_CREDIT, RUMOUR_CREDIT_REFILL_MS, now);
  }

  /**
   * Takes what one dial needs; false if there is none now.
   *
   * @param now Monotonic clock, milliseconds.
   */
  begin(source: IdentityId | undefined, now: number): boolean {
    if (source === undefined) {
      if (this.#known >= MAX_CONCURRENT_DIALS) return false;
      this.#known++;
      return true;
    }
    if (this.#rumours >= MAX_RUMOUR_DIALS) return false;
    const state = this.#source(source, now);
    if (state.active >= MAX_RUMOUR_DIALS_PER_SOURCE) return false;
    if (!state.credit.take(now)) return false;
    if (!this.#credit.take(now)) {
      state.credit.give();
      return false;
    }
    state.active++;
    this.#rumours++;
    return true;
  }

  /** A dial is over; `wasted`: nobody was there. */
  end(source: IdentityId | undefined, wasted: boolean): void {
    if (source === undefined) {
      this.#known--;
      return;
    }
    this.#rumours--;
    const state = this.#sources.get(source);
    if (state === undefined) return;
    state.active--;
    if (wasted) return;
    state.credit.give();
    this.#credit.give();
  }

  #source(source: IdentityId, now: number): Source {
    const state = this.#sources.get(source) ?? {
      credit: new TokenBucket(
        RUMOUR_CREDIT_PER_SOURCE,
        RUMOUR_CREDIT_PER_SOURCE_REFILL_MS,
        now,
      ),
      active: 0,
    };
    this.#sources.delete(source);
    this.#sources.set(source, state);
    if (this.#sources.size > MAX_SESSIONS) {
      // A new name buys new credit, but only within that of all.
      for (const [other, { active }] of this.#sources) {
        if (active > 0) continue;
        this.#sources.delete(other);
        break;
      }
    }
    return state;
  }
}
