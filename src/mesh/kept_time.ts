/**
 * The time by which what is kept ages, across restarts and whatever the wall clock
 * is set to meanwhile: boards without a battery start years off, and a step must
 * neither give up a young message nor revive an expired invite.
 */
import type { Clock } from "../core/clock.ts";
import {
  KEPT_TIME_SAVE_MS,
  MAX_COUNTED_OFF_MS,
  MAX_PLAUSIBLE_OFF_MS,
} from "../limits.ts";
import type { NodeStore } from "./peers/node_store.ts";

/** Under which the store keeps it: three float64, wall clock, {@linkcode KeptTime.now}, {@linkcode KeptTime.latest}. */
const SETTING = "time";
const SETTING_BYTES = 24;

/** Kept time of one node. All moments are milliseconds since the Unix epoch, more or less. */
export class KeptTime {
  readonly #store: Pick<NodeStore, "setting" | "putSetting">;
  readonly #clock: Clock;
  /** Added to the monotonic clock. */
  readonly #offset: number;
  /** What the wall clock said when this was last saved by the process before. */
  readonly #savedWall: number;
  readonly #offMs: number;
  #latest: number;
  #latestAt: number;
  #savedAt = -Infinity;

  /** Goes on from what the store has; begins with the wall clock. */
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
   * For ages: begins as the wall clock and advances as the node runs; the time
   * between two runs counts as the wall clock says, but a day at most.
   */
  now(): number {
    return this.#offset + this.#clock.monotonic();
  }

  /** For what must not become valid again: the latest that the wall clock ever said, and on. */
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
   * How long before this run a moment of the wall clock was, as the run before
   * saw it. What the wall clock says of the time between is believed if it is
   * plausible.
   */
  ageAtStart(wall: number): number {
    return Math.max(0, this.#savedWall - wall) + this.#offMs;
  }

  /** Writes it down, now and then, and when the node ends. */
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
