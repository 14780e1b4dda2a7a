/**
 * Tells that connections are turned away for want of room: the first at once, and
 * how many have followed it once a period, however many come.
 */
import { FULL_REPORT_MS } from "../mesh_limits.ts";
import type { Clock } from "../../core/clock.ts";
import type { Emit } from "../events.ts";

/** One that was turned away. */
interface TurnedAway {
  readonly address: string;
  readonly reason: string;
}

/** The reports of one node. */
export class FullReports {
  readonly #clock: Clock;
  readonly #emit: Emit;
  #count = 0;
  #last: TurnedAway | undefined;
  /** Set while a period goes on. */
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, emit: Emit) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** A connection was turned away. */
  add(one: TurnedAway): void {
    if (this.#cancel === undefined) return this.#tell(one);
    this.#count++;
    this.#last = one;
  }

  /** Tells no more. */
  close(): void {
    this.#cancel?.();
  }

  #tell(one: TurnedAway): void {
    this.#emit({ type: "refused", ...one });
    this.#cancel = this.#clock.after(FULL_REPORT_MS, () => this.#onPeriod());
  }

  #onPeriod(): void {
    const count = this.#count;
    const last = this.#last;
    this.#cancel = this.#last = undefined;
    this.#count = 0;
    if (last === undefined) return;
    const { address, reason } = last;
    this.#tell({
      address,
      reason: `${reason} (the last of ${count} in ${FULL_REPORT_MS / 1_000} s)`,
    });
  }
}
