/**
 * Which events of a node are printed when peers cause too many, by the budgets of
 * `output_budget.ts`. Pings have budgets of their own, so that who comes and goes is
 * still told. Messages are always printed: their reader slows their senders down.
 */
import type { Clock } from "../core/clock.ts";
import { parseAddress } from "../transport/address.ts";
import type { LeftOutEvent, PrintedEvent } from "./event_lines.ts";
import { OutputBudget } from "./output_budget.ts";

/** Options of {@linkcode EventBudget}. */
export interface EventBudgetOptions {
  readonly clock: Clock;
  /** Whether a peer has standing, see `mesh/peers/standing.ts`. */
  readonly hasStanding: (identity: string) => boolean;
  /** Prints that events were left out. */
  readonly tell: (event: LeftOutEvent) => void;
}

/** The budgets of what one printer prints. */
export class EventBudget implements Disposable {
  readonly #pings: OutputBudget;
  readonly #others: OutputBudget;

  constructor({ clock, hasStanding, tell }: EventBudgetOptions) {
    const budget = (what: string) =>
      new OutputBudget({
        clock,
        what,
        hasStanding,
        tell: (leftOut) => tell({ type: "overflow", ...leftOut }),
      });
    this.#pings = budget("pings");
    this.#others = budget("events");
  }

  /** Whether an event is to be printed. If not, it is counted. */
  admits(event: PrintedEvent): boolean {
    const cause = causeOf(event);
    if (cause === undefined) return true;
    const budget = event.type === "ping" ? this.#pings : this.#others;
    return budget.admits(cause);
  }

  /** Tells what was left out and not told yet. */
  [Symbol.dispose](): void {
    this.#pings[Symbol.dispose]();
    this.#others[Symbol.dispose]();
  }
}

/** The peer, or the host, that causes an event; none if the node or its owner does. */
function causeOf(event: PrintedEvent): string | undefined {
  switch (event.type) {
    case "ping":
    case "peer:up":
    case "peer:down":
    case "pending":
    case "name-conflict": // A name that is refused does no harm untold.
    case "undelivered":
    case "set-aside":
      return event.identity;
    case "refused":
      // What was expected is what the owner wanted to reach.
      return event.expected ?? event.actual ?? hostOf(event.address);
    case "listening":
    case "message":
    case "mesh": // Its size, which the printer tells now and then.
    case "replaced": // An address that was given, each once.
    case "unreachable": // Addresses that were given, each once.
    case "resolved": // The node keeps few facts, each for minutes.
    case "overflow":
    case "stopped":
      return undefined;
    default:
      return event satisfies never;
  }
}

/** Ports are free to choose for whoever dials. */
export function hostOf(address: string): string {
  try {
    return parseAddress(address).host;
  } catch {
    return address;
  }
}

/** Whether a peer of a node has standing, for a budget. */
export function standingOf(
  node: {
    peer(identity: string): { readonly standing: boolean } | undefined;
  },
): (identity: string) => boolean {
  return (identity) => node.peer(identity)?.standing ?? false;
}
