/**
 * What one session may have waiting at its receiver: granted, used, and given back
 * as messages are settled. A busy sender is granted more, as long as the node has
 * some to give.
 */
import type { Clock } from "../core/clock.ts";
import {
  MAX_WINDOW_BYTES,
  MAX_WINDOW_RTT_MS,
  MIN_WINDOW_BYTES,
  WINDOW_GROWTH_MS,
  WINDOW_GROWTH_SHARE,
  WINDOW_IDLE_MS,
} from "../delivery_limits.ts";
import { VerackError } from "../core/errors.ts";
import type { Budget } from "./receive_budget.ts";

/** The credit of one session. */
export class Window {
  readonly #clock: Clock;
  /** What windows may have beyond the least. */
  readonly #budget: Budget;
  readonly #rttMs: () => number | undefined;
  #size = MIN_WINDOW_BYTES;
  /** What of it was taken from the budget. */
  #promised = 0;
  #limit = MIN_WINDOW_BYTES;
  #used = 0;
  #released = 0;
  #grownAt: number;
  #releasedAtGrowth = 0;

  /** @param rttMs The round trip, milliseconds, if it is known. */
  constructor(clock: Clock, budget: Budget, rttMs: () => number | undefined) {
    this.#clock = clock;
    this.#rttMs = rttMs;
    this.#budget = budget;
    this.#grownAt = clock.monotonic();
  }

  /** How much may wait, bytes. */
  get size(): number {
    return this.#size;
  }

  /** What was settled since the session began, bytes. */
  get released(): number {
    return this.#released;
  }

  /** What all messages of the session may count in all, as the sender is told now. */
  grant(): number {
    return this.#limit = Math.max(this.#limit, this.#released + this.#size);
  }

  /**
   * A message came that counts so much.
   *
   * @throws {VerackError} `flood` when that is more than was granted.
   */
  use(credit: number): void {
    this.#used += credit;
    if (this.#used <= this.#limit) return;
    throw new VerackError(
      "flood",
      `Cannot accept message: ${this.#used} bytes were sent, must be at most ${this.#limit} as granted`,
    );
  }

  /** A message is settled; `room` is what its body had besides. */
  release(credit: number, bodyCredit: number): void {
    this.#released += credit;
    const taken = this.#released - this.#releasedAtGrowth + bodyCredit;
    if (
      taken >= WINDOW_GROWTH_SHARE * this.#size &&
      this.#size < MAX_WINDOW_BYTES
    ) this.#grow();
  }

  /** Makes it small again if nothing is settled; true if it did. */
  tick(now: number): boolean {
    const idle = this.#released === this.#releasedAtGrowth;
    if (now - this.#grownAt > WINDOW_IDLE_MS + this.#roundTripMs()) {
      if (idle) this.#size = MIN_WINDOW_BYTES;
      this.#grownAt = now;
      this.#releasedAtGrowth = this.#released;
    }
    // What was granted cannot be taken back, but need not be granted again.
    const needed = this.grant() - this.#released - MIN_WINDOW_BYTES;
    if (needed < this.#promised) {
      this.#budget.give(this.#promised - needed);
      this.#promised = needed;
    }
    return idle;
  }

  /** The session has ended. */
  close(): void {
    this.#budget.give(this.#promised);
    this.#promised = 0;
  }

  #roundTripMs(): number {
    return Math.min(this.#rttMs() ?? 0, MAX_WINDOW_RTT_MS);
  }

  /** Much of the window was taken: doubles it if that went as fast as an answer comes. */
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
