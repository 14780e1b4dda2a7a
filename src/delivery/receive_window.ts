/**
 * The credit of one session: granted, used, and released as messages are settled. The
 * window of a busy sender grows within the node's budget.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  MAX_WINDOW_BYTES,
  MAX_WINDOW_RTT_MS,
  MIN_WINDOW_BYTES,
  WINDOW_BUDGET_BYTES,
  WINDOW_GROWTH_MS,
  WINDOW_GROWTH_SHARE,
  WINDOW_IDLE_MS,
} from "./delivery_limits.ts";
import type { FrameSink } from "./frame_sink.ts";

/** Bytes that windows share beyond the least size of each; half for peers without standing. */
export class WindowBudget {
  #standing = WINDOW_BUDGET_BYTES / 2;
  #strangers = WINDOW_BUDGET_BYTES / 2;

  /** Takes bytes, or gives them back if negative; false if there are not as many. */
  take(bytes: number, hasStanding: boolean): boolean {
    if (bytes > (hasStanding ? this.#standing : this.#strangers)) return false;
    if (hasStanding) this.#standing -= bytes;
    else this.#strangers -= bytes;
    return true;
  }
}

/** The credit of one session. */
export class ReceiveWindow {
  readonly #clock: Clock;
  readonly #budget: WindowBudget;
  readonly #session: Pick<FrameSink, "rttMs">;
  readonly #hasStanding: boolean;
  #size = MIN_WINDOW_BYTES;
  /** Bytes taken from the budget. */
  #promised = 0;
  #limit = MIN_WINDOW_BYTES;
  #used = 0;
  #released = 0;
  #grownAt: number;
  #releasedAtGrowth = 0;

  constructor(
    clock: Clock,
    budget: WindowBudget,
    session: Pick<FrameSink, "rttMs">,
    hasStanding: boolean,
  ) {
    this.#clock = clock;
    this.#budget = budget;
    this.#session = session;
    this.#hasStanding = hasStanding;
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
    if (needed < this.#promised) this.#promise(needed);
    return idle;
  }

  /** The session has ended. */
  close(): void {
    this.#promise(0);
  }

  #roundTripMs(): number {
    return Math.min(this.#session.rttMs ?? 0, MAX_WINDOW_RTT_MS);
  }

  /** Takes so much from the budget in all; false if there is not as much. */
  #promise(bytes: number): boolean {
    const more = bytes - this.#promised;
    if (!this.#budget.take(more, this.#hasStanding)) return false;
    this.#promised = bytes;
    return true;
  }

  /** Doubles the window if much of it was settled within a round trip. */
  #grow(): void {
    const now = this.#clock.monotonic();
    const fast = now - this.#grownAt <=
      WINDOW_GROWTH_MS + this.#roundTripMs();
    this.#grownAt = now;
    this.#releasedAtGrowth = this.#released;
    const size = Math.min(2 * this.#size, MAX_WINDOW_BYTES);
    const needed = Math.max(size - MIN_WINDOW_BYTES, this.#promised);
    if (fast && this.#promise(needed)) this.#size = size;
  }
}
