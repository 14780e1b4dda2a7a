/**
 * Limits the lines that peers cause: each peer with standing has a budget of its own, and all
 * others share one besides, so that free identities neither fill a disk nor displace the lines
 * of peers with standing. Lines left out are counted and reported.
 */
import type { ResponderEvent } from "../bitcoin/respond.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { escapeText } from "../core/escape.ts";
import { TokenBucket, TokenBuckets } from "../core/token_bucket.ts";
import { isPeerId, shortId } from "../core/peer_id.ts";
import { parseAddress } from "../transport/address.ts";
import {
  ALL_HOSTS_LINES,
  ALL_STRANGERS_LINES,
  HOST_LINES,
  KNOWN_PEER_LINES,
  LEFT_OUT_TOLD_MS,
  type LineRate,
  MAX_COUNTED_PEERS,
  MAX_COUNTED_STRANGERS,
  STRANGER_LINES,
} from "./cli_limits.ts";
import type { LeftOutEvent, PrintedEvent } from "./event_lines.ts";

/** Options of {@linkcode OutputBudget}. */
export interface OutputBudgetOptions {
  readonly clock: Clock;
  /** What the lines are, such as `pings`, for the report. */
  readonly what: string;
  /** Whether a cause has standing, see `mesh/peers/standing.ts`. */
  readonly hasStanding: (cause: string) => boolean;
  /** Called at intervals with how much was left out, and the main source, escaped. */
  readonly tell: (event: Required<LeftOutEvent>) => void;
  /** Of a cause without standing. @default {STRANGER_LINES} */
  readonly each?: LineRate;
  /** Of all without standing together. @default {ALL_STRANGERS_LINES} */
  readonly all?: LineRate;
}

/** Budgets of lines by what causes them: an identity, or an address. */
export class OutputBudget implements Disposable {
  readonly #options: OutputBudgetOptions;
  readonly #known: TokenBuckets;
  readonly #strangers: TokenBuckets;
  readonly #all: TokenBucket;
  /** Lines left out since the last report, by cause. */
  readonly #leftOut = new Map<string, number>();
  #dropped = 0;
  #cancel: () => void = () => {};

  constructor(options: OutputBudgetOptions) {
    const { each = STRANGER_LINES, all = ALL_STRANGERS_LINES } = options;
    this.#options = options;
    this.#known = new TokenBuckets(KNOWN_PEER_LINES, MAX_COUNTED_PEERS);
    this.#strangers = new TokenBuckets(each, MAX_COUNTED_STRANGERS);
    this.#all = new TokenBucket(all);
  }

  /** Whether one more line of `cause` may be printed. If not, it is counted. */
  admits(cause: string): boolean {
    const { clock, hasStanding } = this.#options;
    const now = clock.monotonic();
    const admitted = hasStanding(cause)
      ? this.#known.of(cause).take(now)
      // A cause that has used up its own budget does not use the shared one.
      : this.#strangers.of(cause).has(now) && this.#all.take(now) &&
        this.#strangers.of(cause).take(now);
    if (!admitted) this.#leaveOut(cause);
    return admitted;
  }

  /** Reports what was left out since the last report. */
  [Symbol.dispose](): void {
    this.#tell();
  }

  #leaveOut(cause: string): void {
    if (this.#dropped === 0) {
      const { clock } = this.#options;
      this.#cancel = clock.after(LEFT_OUT_TOLD_MS, () => this.#tell());
    }
    this.#dropped++;
    const count = this.#leftOut.get(cause);
    if (count !== undefined || this.#leftOut.size < MAX_COUNTED_STRANGERS) {
      this.#leftOut.set(cause, (count ?? 0) + 1);
    }
  }

  #tell(): void {
    this.#cancel();
    const dropped = this.#dropped;
    if (dropped === 0) return;
    const [most, ...others] = [...this.#leftOut].sort(([, a], [, b]) => b - a)
      .map(([cause]) => labelOf(cause));
    const capped = this.#leftOut.size === MAX_COUNTED_STRANGERS;
    const count = `${others.length + 1}${capped ? " or more" : ""}`;
    const source = others.length === 0
      ? most
      : `${count} sources, most of them of ${most}`;
    this.#dropped = 0;
    this.#leftOut.clear();
    const reason = `too many ${this.#options.what} of ${source}`;
    this.#options.tell({ type: "overflow", dropped, reason });
  }
}

function labelOf(cause: string): string {
  return isPeerId(cause) ? shortId(cause) : escapeText(cause);
}

/** The budgets of one printer. */
export class EventBudget implements Disposable {
  readonly #pings: OutputBudget;
  readonly #others: OutputBudget;

  constructor(
    options: Pick<OutputBudgetOptions, "clock" | "hasStanding" | "tell">,
  ) {
    this.#pings = new OutputBudget({ ...options, what: "pings" });
    this.#others = new OutputBudget({ ...options, what: "events" });
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
    case "path":
    case "join-request":
      return event.id;
    case "undelivered":
      return event.to;
    case "dead-letter":
    case "file":
      return event.from;
    case "refused":
      // The expected peer is the one that the user has configured.
      return event.expected ?? event.actual ?? hostOf(event.address);
    case "name-conflict": // The node has budgets for them.
    case "found": // Likewise.
    case "listening":
    case "message":
    case "network": // Its own, and not often.
    case "mesh": // Its size, which the printer limits itself.
    case "replaced": // A configured address, each once.
    case "unreachable": // Configured addresses, each once.
    case "reach": // At most one a round of dial-backs.
    case "trouble":
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
  constructor(tell: OutputBudgetOptions["tell"]) {
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
