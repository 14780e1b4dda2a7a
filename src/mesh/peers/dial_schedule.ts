/**
 * When to dial a peer or a configured address, which are dialed for ever. For a peer, `peer.ts`
 * calls this schedule; the next dial is due
 *
 * | after                                          | in                                             |
 * | ---------------------------------------------- | ---------------------------------------------- |
 * | a dial failed, or a session ended early        | the backoff `RECONNECT`, one failure more      |
 * | a session of `STABLE_SESSION_MS` ended         | the backoff, from its beginning                |
 * | the same, at addresses it only advertised      | the same, at least `RECONNECT_CLAIMED_MS`      |
 * | it sent bye                                    | `RECONNECT_LEFT_MS`                            |
 * | all its targets were skipped by their budgets  | about `DIALS_PER_TARGET_REFILL_MS`             |
 * | it has not admitted this node                  | the backoff of `MAX_FAILURES_AT_THE_DOOR`      |
 * | it is reported live                            | at once, once in `DIAL_HINT_INTERVAL_MS`       |
 * | another dial found it at one of its addresses  | at once                                        |
 * | it was allowed                                 | at once, as if for the first time              |
 * | this node was suspended                        | `REVIVE_SPREAD_MS`, then the backoff anew      |
 */
import { backoffMs } from "../../core/backoff.ts";
import {
  MAX_FAILURES_AT_THE_DOOR,
  RECONNECT,
  RECONNECT_MIN_MS,
} from "../mesh_limits.ts";

/** Failures in a row, and when the next attempt is due. Times are monotonic. */
export class DialSchedule {
  #failures = 0;
  #dueAt = 0;

  /** Attempts in a row that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Not dialed before. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Dialed at once, as if for the first time. */
  reset(): void {
    this.#failures = this.#dueAt = 0;
  }

  /** Begins anew after a success, at `dueAt`. */
  succeeded(dueAt: number): void {
    this.#failures = 0;
    this.#dueAt = dueAt;
  }

  /** A session was lost: dialed again soon. */
  restart(now: number): void {
    this.#failures = 1;
    this.#dueAt = now + RECONNECT_MIN_MS;
  }

  /** One more failure; the next attempt is up to {@linkcode retry} or {@linkcode postpone}. */
  failed(): void {
    this.#failures++;
  }

  /** A failure after it had worked for a while: the first of a row. */
  failedAnew(): void {
    this.#failures = 1;
  }

  /** The next attempt is after the backoff, but not before `leastMs` have passed. */
  retry(now: number, chance: number, leastMs = 0): void {
    const delayMs = backoffMs(this.#failures, RECONNECT, chance);
    this.#dueAt = now + Math.max(delayMs, leastMs);
  }

  /** The next attempt is then. */
  postpone(dueAt: number): void {
    this.#dueAt = dueAt;
  }

  /** The next attempt is then at the latest. */
  hurry(dueAt: number): void {
    this.#dueAt = Math.min(this.#dueAt, dueAt);
  }

  /**
   * The peer has not admitted this node yet: dialed often, so that an admission takes effect
   * soon.
   */
  unadmitted(): void {
    this.#failures = Math.min(this.#failures, MAX_FAILURES_AT_THE_DOOR);
  }

  /** This node was suspended: a dial that hangs is followed by another one soon. */
  resumed(): void {
    this.#failures = Math.min(this.#failures, 1);
  }
}
