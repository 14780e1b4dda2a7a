/**
 * Which conflicts of names are reported, and when. Keys cost nothing, so the events have a
 * budget for each source, and conflicts with a holder that the user named or that has standing
 * have budgets of their own. Conflicts beyond them wait.
 */
import type { Clock } from "../../core/clock.ts";
import { TokenBucket, TokenBuckets } from "../../core/token_bucket.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  MAX_NAME_CONFLICT_SOURCES,
  NAME_CONFLICTS_OF_ALL,
  NAME_CONFLICTS_OF_SOURCE,
} from "../mesh_limits.ts";
import type { Peer } from "./peer.ts";

/** A peer that uses a name of another. */
export interface NameConflict {
  readonly peer: Peer;
  /** As `foldName` has it. */
  readonly name: string;
  readonly holder: PeerId;
  /** Whether the user gave the name to the holder, or the holder has standing. */
  readonly isStrong: boolean;
}

/** Conflicts of one node. */
export class NameConflicts {
  readonly #clock: Clock;
  readonly #strong = new ConflictBudget();
  readonly #weak = new ConflictBudget();
  /** Name of each peer whose conflict was reported. */
  readonly #told = new Map<Peer, string>();
  /** Peers whose conflict is not reported yet, by holder; holders take turns. */
  readonly #waiting = new Map<PeerId, Set<Peer>>();
  readonly #waitsFor = new Map<Peer, PeerId>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is reported now; if it was not reported before and is not now, it waits. */
  admits(conflict: NameConflict): boolean {
    const { peer, name, holder, isStrong } = conflict;
    if (this.#told.get(peer) === name) return false;
    const budget = isStrong ? this.#strong : this.#weak;
    if (!budget.take(peer.source, this.#clock.monotonic())) {
      this.#wait(peer, holder);
      return false;
    }
    this.over(peer);
    this.#told.set(peer, name);
    return true;
  }

  /** It is not reported now. Others with its holder wait after all other holders. */
  over(peer: Peer): void {
    const holder = this.#waitsFor.get(peer);
    if (holder === undefined) return;
    this.#waitsFor.delete(peer);
    const others = this.#waiting.get(holder);
    this.#waiting.delete(holder);
    others?.delete(peer);
    if (others !== undefined && others.size > 0) {
      this.#waiting.set(holder, others);
    }
  }

  /** The peer is off the record. */
  forget(peer: Peer): void {
    this.#told.delete(peer);
    this.over(peer);
  }

  /**
   * Of each holder one peer whose conflict waits. Each must be passed to {@linkcode admits}
   * again, or to {@linkcode over}.
   */
  retries(): Peer[] {
    return [...this.#waiting.values()].flatMap(([first]) => first ?? []);
  }

  /** It waits after the others with its holder, which keeps its turn. */
  #wait(peer: Peer, holder: PeerId): void {
    if (this.#waitsFor.get(peer) !== holder) this.over(peer);
    this.#waitsFor.set(peer, holder);
    const others = this.#waiting.getOrInsertComputed(holder, () => new Set());
    others.delete(peer);
    others.add(peer);
  }
}

/** The budget of conflicts. */
class ConflictBudget {
  readonly #all = new TokenBucket(NAME_CONFLICTS_OF_ALL);
  readonly #bySource = new TokenBuckets(
    NAME_CONFLICTS_OF_SOURCE,
    MAX_NAME_CONFLICT_SOURCES,
  );

  take(source: string, now: number): boolean {
    const own = this.#bySource.of(source);
    return own.has(now) && this.#all.take(now) && own.take(now);
  }
}
