/**
 * Which events of a responder are printed when hosts cause too many: by host, and all
 * hosts together. No host has standing here, and each may do a lot, since a responder
 * is run to watch what they do.
 */
import type { ResponderEvent } from "../bitcoin/respond_options.ts";
import { systemClock } from "../core/clock.ts";
import { ALL_HOSTS_LINES, HOST_LINES } from "../limits.ts";
import { type LeftOut, OutputBudget } from "./output_budget.ts";

/** The budget of what one responder prints. */
export class ResponderBudget implements Disposable {
  readonly #budget: OutputBudget;
  /** Hosts of the connections that are open. */
  readonly #hosts = new Map<number, string>();

  /** @param tell Prints what was left out. */
  constructor(tell: (leftOut: LeftOut) => void) {
    this.#budget = new OutputBudget({
      clock: systemClock,
      what: "events",
      hasStanding: () => false,
      each: HOST_LINES,
      all: ALL_HOSTS_LINES,
      tell,
    });
  }

  /** Whether an event is to be printed. If not, it is counted. */
  admits(event: ResponderEvent): boolean {
    if (event.type === "full") return this.#budget.admits(event.remote.host);
    const { id } = event;
    if (event.type === "connect") this.#hosts.set(id, event.remote.host);
    const host = this.#hosts.get(id) ?? "";
    if (event.type === "close") this.#hosts.delete(id);
    return this.#budget.admits(host);
  }

  /** Tells what was left out and not told yet. */
  [Symbol.dispose](): void {
    this.#budget[Symbol.dispose]();
  }
}
