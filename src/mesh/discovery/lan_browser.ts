/**
 * Asks for nodes on the local networks: at once, then less and less often (RFC 6762 §5.2), and
 * before what was found runs out. A query has the nodes that are known, which then do not answer
 * (§7.1).
 */
import type { Clock, Random } from "../../core/clock.ts";
import {
  ANSWER_DELAY_MAX_MS,
  ANSWER_DELAY_MIN_MS,
  MAX_KNOWN_ANSWERS,
  MAX_QUERY_INTERVAL_MS,
  QUERY_GROWTH,
  QUERY_INTERVAL_MS,
  REFRESH_PAUSE_MS,
} from "./lan_limits.ts";
import type { LanLink } from "./lan_links.ts";
import { queryFor } from "./lan_records.ts";

/** A node that was found. */
export interface KnownNode {
  readonly label: string;
  /** Its time at first, and when it is over, monotonic clock; milliseconds. */
  readonly ttlMs: number;
  readonly expiresAt: number;
}

/** Dependencies of {@linkcode LanBrowser}. */
export interface LanBrowserOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Nodes that were found on a link. */
  readonly known: (link: LanLink) => Iterable<KnownNode>;
}

interface Schedule {
  intervalMs: number;
  cancel: () => void;
}

/** The share of its time after which a node is asked for again (RFC 6762 §5.2). */
const REFRESH_AT = 0.8;

/** Asks for one node. */
export class LanBrowser {
  readonly #options: LanBrowserOptions;
  readonly #links = new Map<LanLink, Schedule>();

  constructor(options: LanBrowserOptions) {
    this.#options = options;
  }

  /** A link is joined. */
  joined(link: LanLink): void {
    const { clock, random } = this.#options;
    const spread = ANSWER_DELAY_MAX_MS - ANSWER_DELAY_MIN_MS;
    const delayMs = ANSWER_DELAY_MIN_MS + random.float() * spread;
    this.#links.set(link, {
      intervalMs: QUERY_INTERVAL_MS / QUERY_GROWTH,
      cancel: clock.after(delayMs, () => this.#ask(link)),
    });
  }

  /** A link is left. */
  leaving(link: LanLink): void {
    this.#links.get(link)?.cancel();
    this.#links.delete(link);
  }

  #ask(link: LanLink): void {
    const schedule = this.#links.get(link);
    if (schedule === undefined) return;
    const { clock, random } = this.#options;
    const now = clock.monotonic();
    // Others must answer for what has less than half of its time left.
    const known = [...this.#options.known(link)]
      .map(({ label, ttlMs, expiresAt }) => ({
        label,
        isFresh: 2 * (expiresAt - now) >= ttlMs,
        ttl: Math.floor((expiresAt - now) / 1_000),
      }))
      .filter(({ isFresh }) => isFresh)
      .slice(0, MAX_KNOWN_ANSWERS);
    link.send(queryFor(known));
    schedule.intervalMs = Math.min(
      schedule.intervalMs * QUERY_GROWTH,
      MAX_QUERY_INTERVAL_MS,
    );
    // So that nodes that started together do not ask together.
    const delayMs = schedule.intervalMs * (1 + random.float() / 10);
    schedule.cancel = clock.after(
      Math.min(delayMs, this.#untilRefresh(link, now)),
      () => this.#ask(link),
    );
  }

  /** The time until the first node must be asked for again; those after it are, too, with it. */
  #untilRefresh(link: LanLink, now: number): number {
    let firstMs = Infinity;
    for (const { ttlMs, expiresAt } of this.#options.known(link)) {
      const dueMs = expiresAt - (1 - REFRESH_AT) * ttlMs - now;
      if (dueMs > 0) firstMs = Math.min(firstMs, dueMs);
    }
    return Math.max(firstMs, REFRESH_PAUSE_MS);
  }
}
