/**
 * The credit of one session: granted, used, and released as messages are settled. The
 * window of a busy sender grows within the node's budget.
 */
import type { Clock } from "../core/clock.ts";
import {
  MAX_WINDOW_BYTES,
  MAX_WINDOW_RTT_MS,
  MIN_WINDOW_BYTES,
  WINDOW_GROWTH_MS,
  WINDOW_GROWTH_SHARE,
  WINDOW_IDLE_MS,
} from "./delivery_limits.ts";
import { VerackError } from "../core/errors.ts";

/** Bytes that the windows of a node share beyond the least size of each. */
export class WindowBudget {
  #free: number;

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** Takes bytes if there are as many. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  release(bytes: number): void {
    this.#free += bytes;
  }
}

/** The credit of one session. */
export class ReceiveWindow {
  readonly #clock: Clock;
  readonly #budget: WindowBudget;
  readonly #rttMs: () => number | undefined;
  #size = MIN_WINDOW_BYTES;
  /** Bytes taken from the budget. */
  #promised = 0;
  #limit = MIN_WINDOW_BYTES;
  #used = 0;
  #released = 0;
  #grownAt: number;
  #releasedAtGrowth = 0;

  /** @param rttMs The round trip, milliseconds, if it is known. */
  constructor(
    clock: Clock,
    budget: WindowBudget,
    rttMs: () => number | undefined,
  ) {
    this.#clock = clock;
    this.#rttMs = rttMs;
    this.#budget = budget;
    this.#grownAt = clock.monotonic();
  }

  /** Unsettled credit that the session may use, bytes. */
  get size(): number {
    return this.#size;
  }

  /** Credit settled since the session began, bytes. */
  get released(): number {
    return this.#released;
  }

  /** Raises and returns the limit that the next `ack` grants. */
  grant(): number {
    return this.#limit = Math.max(this.#limit, this.#released + this.#size);
  }

  /** Uses the credit of a message; `flood` if that is more than was granted. */
  use(credit: number): void {
    this.#used += credit;
    if (this.#used <= this.#limit) return;
    throw new VerackError(
      "flood",
      `Cannot accept message: ${this.#used} bytes were sent, must be at most ${this.#limit} as granted`,
    );
  }

  /** Releases the credit of a settled message; that of its body counts for growth only. */
  release(credit: number, bodyCredit: number): void {
    this.#released += credit;
    const settled = this.#released - this.#releasedAtGrowth + bodyCredit;
    if (
      settled >= WINDOW_GROWTH_SHARE * this.#size &&
      this.#size < MAX_WINDOW_BYTES
    ) this.#grow();
  }

  /** Shrinks an idle window; true if nothing was settled for a while. */
  tick(now: number): boolean {
    const idle = this.#released === this.#releasedAtGrowth;
    if (now - this.#grownAt > WINDOW_IDLE_MS + this.#roundTripMs()) {
      if (idle) this.#size = MIN_WINDOW_BYTES;
      this.#grownAt = now;
      this.#releasedAtGrowth = this.#released;
    }
    // Granted credit cannot be revoked, but need not be granted again.
    const needed = this.grant() - this.#released - MIN_WINDOW_BYTES;
    if (needed < this.#promised) {
      this.#budget.release(this.#promised - needed);
      this.#promised = needed;
    }
    return idle;
  }

  /** The session has ended. */
  close(): void {
    this.#budget.release(this.#promised);
    this.#promised = 0;
  }

  #roundTripMs(): number {
    return Math.min(this.#rttMs() ?? 0, MAX_WINDOW_RTT_MS);
  }

  /** Doubles the window if much of it was settled within a round trip. */
  #grow(): void {
    const now = this.#clock.monotonic();
    const fast = now - this.#grownAt <=
      WINDOW_GROWTH_MS + this.#roundTripMs();
    this.#grownAt = now;
    this.#releasedAtGrowth = this.#released;
    const size = Math.min(2 * this.#size, MAX_WINDOW_BYTES);
    const more = Math.max(0, size - MIN_WINDOW_BYTES - this.#promised);
    if (!fast || !this.#budget.take(more)) return;
    this.#promised += more;
    this.#size = size;
  }
}
