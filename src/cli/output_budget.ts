/**
 * How many lines peers may cause: each peer with standing has a budget of its own, and all
 * others share one besides, so that free identities neither fill a disk nor displace the lines
 * of known peers. What is left out is counted and reported.
 */
import type { Clock } from "../core/clock.ts";
import { escapeText } from "../core/escape.ts";
import { isPeerId, shortId } from "../identity/identity.ts";
import {
  ALL_STRANGERS_LINES,
  KNOWN_PEER_LINES,
  LEFT_OUT_TOLD_MS,
  type LineRate,
  MAX_COUNTED_PEERS,
  MAX_COUNTED_STRANGERS,
  STRANGER_LINES,
} from "./cli_limits.ts";
import { TokenBucket, TokenBuckets } from "../core/token_bucket.ts";

/** Options of {@linkcode OutputBudget}. */
export interface OutputBudgetOptions {
  readonly clock: Clock;
  /** What the lines are, such as `pings`, for the report. */
  readonly what: string;
  /** Whether a cause has standing, see `mesh/peers/standing.ts`. */
  readonly hasStanding: (cause: string) => boolean;
  /** Called now and then with what was left out. */
  readonly tell: (leftOut: LeftOut) => void;
  /** Of a cause without standing. @default {STRANGER_LINES} */
  readonly each?: LineRate;
  /** Of all without standing together. @default {ALL_STRANGERS_LINES} */
  readonly all?: LineRate;
}

/** Lines that were left out. */
export interface LeftOut {
  readonly dropped: number;
  /** The kind of lines and the main source, escaped. */
  readonly reason: string;
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
      // A cause that has used up its own budget takes nothing of the shared one.
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
    this.#options.tell({ dropped, reason });
  }
}

function labelOf(cause: string): string {
  return isPeerId(cause) ? shortId(cause) : escapeText(cause);
}
