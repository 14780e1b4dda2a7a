/** Adds up what many simulations came to. */
import type { Outcome } from "./simulate.ts";

const HOUR_MS = 3_600_000;

/** Figures of many schedules. */
export class Tally {
  readonly #counts = new Map<string, number>();
  #schedules = 0;
  #virtualMs = 0;
  #sessions = 0;
  #maxHops = 0;
  #slowest: Outcome | undefined;

  /** Adds one schedule that held. */
  add(outcome: Outcome): void {
    this.#schedules++;
    this.#virtualMs += outcome.virtualMs;
    if (outcome.wholeAfterMs > (this.#slowest?.wholeAfterMs ?? -1)) {
      this.#slowest = outcome;
    }
    this.#sessions += outcome.sessions;
    this.#maxHops = Math.max(this.#maxHops, outcome.maxHops);
    for (const [what, count] of outcome.counts) this.count(what, count);
  }

  /** Adds to one figure. */
  count(what: string, by: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** Schedules added. */
  get schedules(): number {
    return this.#schedules;
  }

  /** How often something happened. */
  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** The figures, a few lines. */
  text(): string {
    const hours = (this.#virtualMs / HOUR_MS).toFixed(1);
    const things = [...this.#counts]
      .sort(([a], [b]) => a < b ? -1 : 1)
      .map(([what, count]) => `${count} ${what}`);
    return [
      `${this.#schedules} schedules, ${hours} hours of virtual time, ${this.#sessions} times a peer came up`,
      `what happened: ${things.join(", ")}`,
      `whole again after at most ${
        ((this.#slowest?.wholeAfterMs ?? 0) / 1_000).toFixed(0)
      } s (seed ${
        this.#slowest?.seed ?? "none"
      }), with sessions over at most ${this.#maxHops} others`,
    ].join("\n");
  }
}
