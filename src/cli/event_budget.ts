/**
 * Which events of a node or a responder are printed when peers cause too many, by the budgets
 * of `output_budget.ts`. Pings have budgets of their own, so that they cannot displace sessions
 * that open and close. Messages are always printed: their reader slows their senders down.
 */
import type { ResponderEvent } from "../bitcoin/respond.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { parseAddress } from "../transport/address.ts";
import type { LeftOutEvent, PrintedEvent } from "./event_lines.ts";
import { ALL_HOSTS_LINES, HOST_LINES } from "./cli_limits.ts";
import { type LeftOut, OutputBudget } from "./output_budget.ts";

/** Options of {@linkcode EventBudget}. */
export interface EventBudgetOptions {
  readonly clock: Clock;
  /** Whether a peer has standing, see `mesh/peers/standing.ts`. */
  readonly hasStanding: (id: string) => boolean;
  /** Called when events were left out. */
  readonly tell: (event: LeftOutEvent) => void;
}

/** The budgets of one printer. */
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

  /** Reports what was left out since the last report. */
  [Symbol.dispose](): void {
    this.#pings[Symbol.dispose]();
    this.#others[Symbol.dispose]();
  }
}

/** The peer or host that caused an event; none if the node itself or its owner did. */
function causeOf(event: PrintedEvent): string | undefined {
  switch (event.type) {
    case "ping":
    case "peer:up":
    case "peer:down":
    case "join-request":
      return event.id;
    case "undelivered":
      return event.to;
    case "dead-letter":
      return event.from;
    case "refused":
      // The expected peer is the one that the owner wanted to reach.
      return event.expected ?? event.actual ?? hostOf(event.address);
    case "name-conflict": // The node has budgets for them.
    case "listening":
    case "message":
    case "mesh": // Its size, which the printer limits itself.
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

/** Without the port, which the dialing end can choose. */
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
    peer(id: string): { readonly standing: boolean } | undefined;
  },
): (id: string) => boolean {
  return (id) => node.peer(id)?.standing ?? false;
}

/**
 * The budget of what a responder prints: by host, and all hosts together. No host has standing,
 * and each has a large budget, since a responder is run to watch what hosts do.
 */
export class ResponderBudget implements Disposable {
  readonly #budget: OutputBudget;
  /** Hosts of the connections that are open. */
  readonly #hosts = new Map<number, string>();

  /** `tell` is called when events were left out. */
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

  /** Reports what was left out since the last report. */
  [Symbol.dispose](): void {
    this.#budget[Symbol.dispose]();
  }
}
