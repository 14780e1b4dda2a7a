/**
 * The time by which stored records age, across restarts and changes of the wall clock: boards
 * without a battery start years off, and a step must neither give up a young message nor revive
 * an expired invite.
 */
import type { Clock } from "../core/clock.ts";
import {
  KEPT_TIME_SAVE_MS,
  MAX_COUNTED_OFF_MS,
  MAX_PLAUSIBLE_OFF_MS,
} from "./mesh_limits.ts";
import type { NodeStore } from "./peers/node_store.ts";

/**
 * Its name in the store: three float64, wall clock, {@linkcode KeptTime.now}, {@linkcode
 * KeptTime.latest}.
 */
const SETTING = "time";
const SETTING_BYTES = 24;

/** Kept time of one node, in milliseconds since the Unix epoch, approximately. */
export class KeptTime {
  readonly #store: Pick<NodeStore, "setting" | "putSetting">;
  readonly #clock: Clock;
  /** Added to the monotonic clock. */
  readonly #offset: number;
  /** The wall clock when the process before saved this last. */
  readonly #savedWall: number;
  readonly #offMs: number;
  #latest: number;
  #latestAt: number;
  #savedAt = -Infinity;

  /** Continues the stored time; begins with the wall clock. */
  constructor(
    store: Pick<NodeStore, "setting" | "putSetting">,
    clock: Clock,
  ) {
    this.#store = store;
    this.#clock = clock;
    const wall = clock.now();
    const saved = decode(store.setting(SETTING)) ??
      { wall, now: wall, latest: wall };
    const offMs = Math.max(0, wall - saved.wall);
    this.#savedWall = saved.wall;
    this.#offMs = offMs <= MAX_PLAUSIBLE_OFF_MS ? offMs : 0;
    const counted = Math.min(offMs, MAX_COUNTED_OFF_MS);
    this.#latestAt = clock.monotonic();
    this.#offset = saved.now + counted - this.#latestAt;
    this.#latest = Math.max(saved.latest, wall);
  }

  /**
   * For ages: begins as the wall clock and advances as the node runs; the time between two runs
   * counts by the wall clock, but a day at most.
   */
  now(): number {
    return this.#offset + this.#clock.monotonic();
  }

  /** For expiry: the latest time of the wall clock so far, so that nothing becomes valid again. */
  latest(): number {
    const monotonic = this.#clock.monotonic();
    this.#latest = Math.max(
      this.#latest + monotonic - this.#latestAt,
      this.#clock.now(),
    );
    this.#latestAt = monotonic;
    return this.#latest;
  }

  /**
   * How long before this run a time of the wall clock was, as the run before had it. The time
   * between, by the wall clock, counts if it is plausible.
   */
  ageAtStart(wall: number): number {
    return Math.max(0, this.#savedWall - wall) + this.#offMs;
  }

  /** Stores it, periodically and when the node ends. */
  save(isLast = false): void {
    const monotonic = this.#clock.monotonic();
    if (!isLast && monotonic - this.#savedAt < KEPT_TIME_SAVE_MS) return;
    const bytes = new Uint8Array(SETTING_BYTES);
    const view = new DataView(bytes.buffer);
    const moments = [this.#clock.now(), this.now(), this.latest()];
    for (const [at, moment] of moments.entries()) {
      view.setFloat64(8 * at, moment);
    }
    this.#store.putSetting(SETTING, bytes);
    this.#savedAt = monotonic;
  }
}

function decode(bytes: Uint8Array | undefined) {
  if (bytes?.length !== SETTING_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [wall = NaN, now = NaN, latest = NaN] = [0, 8, 16].map((at) =>
    view.getFloat64(at)
  );
  return [wall, now, latest].every(Number.isFinite)
    ? { wall, now, latest }
    : undefined;
}
