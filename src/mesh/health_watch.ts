/**
 * Looks every second for what is wrong with a node and causes no event: queues near their
 * bounds, a wrong clock, unreachable pairs, a disk with little room, and pauses of the process.
 */
import type { Log } from "../core/log.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import {
  type BoundedUseParts,
  boundedUses,
  NearlyFull,
  shareOf,
} from "./bounded_use.ts";
import type { UnreachablePairs } from "./discovery/unreachable_pairs.ts";
import type { MissingPair } from "./events.ts";
import type { HealthBoard, OwnFact, RaiseOptions } from "./health.ts";
import {
  CLOCK_RIGHT_MS,
  CLOCK_WRONG_MS,
  DISK_LOOK_MS,
  ENOUGH_DISK_BYTES,
  HEALTH_LOOK_MS,
  LOW_DISK_BYTES,
  MAX_PAIR_FACTS,
  PAUSE_SHOWN_MS,
} from "./mesh_limits.ts";
import type { Tick } from "./pause_detector.ts";
import type { PeerClocks } from "./peer_clocks.ts";
import type { NodeStore } from "./peers/node_store.ts";
import type { Peer } from "./peers/peer.ts";
import type { Standing } from "./peers/standing.ts";
import type { Relaying } from "./relay/relaying.ts";

/** Dependencies of {@linkcode HealthWatch}. */
export interface HealthWatchOptions extends BoundedUseParts {
  readonly log: Log;
  readonly health: HealthBoard;
  readonly clocks: Pick<PeerClocks, "offset">;
  readonly unreachable: Pick<UnreachablePairs, "pairs">;
  readonly store: Pick<NodeStore, "freeBytes">;
  readonly standing: Standing;
  readonly membership: {
    readonly credentials: { readonly closed: boolean };
  };
  /** This node. */
  readonly own: PeerId;
  readonly relaying: Pick<Relaying, "reasonFor" | "use">;
}

const PAIR = "unreachable-pair";

/** Watches one node. */
export class HealthWatch {
  readonly #options: HealthWatchOptions;
  readonly #nearlyFull = new Map<string, NearlyFull>();
  #lookedAt = -Infinity;
  #lookedAtDiskAt = -Infinity;

  constructor(options: HealthWatchOptions) {
    this.#options = options;
  }

  /** To be called at each tick. */
  tick({ now, awayMs, hasResumed }: Tick): void {
    if (hasResumed) {
      this.#raise("paused", {
        message: `This process did not run for ${
          seconds(awayMs)
        }: it was stopped, asleep or busy, or the clock was set`,
        quietMs: PAUSE_SHOWN_MS,
      });
    }
    if (now - this.#lookedAt < HEALTH_LOOK_MS) return;
    this.#lookedAt = now;
    this.#lookAtQueues(now);
    this.#lookAtClock();
    this.#lookAtPairs();
    this.#lookAtDisk(now);
  }

  #lookAtQueues(now: number): void {
    for (const { code, what, used, most, then } of boundedUses(this.#options)) {
      let state = this.#nearlyFull.get(code);
      if (state === undefined) {
        this.#nearlyFull.set(code, state = new NearlyFull());
      }
      if (!state.update(shareOf(used, most), now)) {
        this.#options.health.end(code);
      } else {
        const message = `There are ${used} of at most ${most} ${what}; ${then}`;
        this.#raise(code, { message });
      }
    }
  }

  #lookAtClock(): void {
    const { clocks, health } = this.#options;
    const code = "wrong-clock";
    const offset = clocks.offset();
    const byMs = Math.abs(offset?.aheadMs ?? 0);
    const isWrong =
      byMs >= (health.has(code) ? CLOCK_RIGHT_MS : CLOCK_WRONG_MS);
    if (offset === undefined || !isWrong) return health.end(code);
    const { aheadMs, peers } = offset;
    this.#raise(code, {
      message: `This node's clock is ${seconds(byMs)} ${
        aheadMs > 0 ? "behind" : "ahead of"
      } those of most of ${peers} peers; it should be set, by NTP for example`,
    });
  }

  #lookAtPairs(): void {
    const { health, unreachable } = this.#options;
    const keys = new Set<string>();
    const pairs = unreachable.pairs.filter((pair) => this.#isAlarming(pair));
    for (const [a, b] of pairs.slice(0, MAX_PAIR_FACTS)) {
      const key = `${PAIR} ${a} ${b}`;
      keys.add(key);
      health.raise(key, {
        code: PAIR,
        message: `${shortId(a)} and ${
          shortId(b)
        } cannot reach each other, though others reach both${
          this.#whyNotRelayed(a, b)
        }`,
        // `mesh` events report pairs.
        alarm: false,
        byPeers: true,
      });
    }
    health.keep(`${PAIR} `, keys);
  }

  /**
   * Whether a pair is a fault, rather than a stranger that is hard to reach, as anything may be
   * that joins an open mesh: one that says so itself, has not proven its key here, or is reported
   * by another one. A closed mesh has no strangers: its members were admitted by one another.
   */
  #isAlarming([a, b]: MissingPair): boolean {
    const { membership, own, standing, table } = this.#options;
    if (membership.credentials.closed) return true;
    const peers = [a, b].filter((id) => id !== own).map((id) => table.get(id));
    const isHardToReach = (peer: Peer | undefined) =>
      peer !== undefined && !standing.has(peer) &&
      (peer.isUnreachable || !peer.isVerified);
    return !peers.some(isHardToReach) &&
      (peers.length < 2 || peers.some((peer) => standing.has(peer)));
  }

  /** Of a pair with this node: why no member relays it. */
  #whyNotRelayed(a: PeerId, b: PeerId): string {
    const { own, relaying } = this.#options;
    const other = a === own ? b : b === own ? a : undefined;
    const reason = other && relaying.reasonFor(other);
    return reason === undefined ? "" : `, and none relays: ${reason}`;
  }

  #lookAtDisk(now: number): void {
    if (now - this.#lookedAtDiskAt < DISK_LOOK_MS) return;
    this.#lookedAtDiskAt = now;
    const { health, store } = this.#options;
    const code = "low-disk";
    const free = store.freeBytes?.();
    const least = health.has(code) ? ENOUGH_DISK_BYTES : LOW_DISK_BYTES;
    if (free === undefined || free >= least) return health.end(code);
    this.#raise(code, {
      message:
        `The disk of the database has ${free} bytes left, fewer than ${LOW_DISK_BYTES}; when it is full, nothing can be kept`,
    });
  }

  /** Raises a fact under its code, and reports its beginning. */
  #raise(code: OwnFact, options: Omit<RaiseOptions, "code">): void {
    const isNew = this.#options.health.raise(code, {
      code,
      isReported: true,
      ...options,
    });
    if (!isNew) return;
    this.#options.log.warn("trouble", { code, reason: options.message });
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
