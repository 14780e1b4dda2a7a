/** When to dial a peer or a configured address, which are dialed for ever. */
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
