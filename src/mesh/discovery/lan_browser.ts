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
  /** When it is asked for new nodes, and when it was asked last; monotonic clock. */
  nextAt: number;
  askedAt: number;
  /** By chance, so that nodes that learned of one together do not ask for it together. */
  spread: number;
  cancel: () => void;
}

/** Shares of its time after which a node is asked for again until it answers (RFC 6762 §5.2). */
const REFRESHES = [0.8, 0.85, 0.9, 0.95] as const;

/** Of its time, by which the moment varies (RFC 6762 §5.2). */
const REFRESH_SPREAD = 0.02;

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
    const schedule: Schedule = {
      intervalMs: QUERY_INTERVAL_MS / QUERY_GROWTH,
      nextAt: clock.monotonic() + delayMs,
      askedAt: -Infinity,
      spread: random.float(),
      cancel: () => {},
    };
    this.#links.set(link, schedule);
    this.#plan(link, schedule);
  }

  /** A node was found on a link, or found again. */
  found(link: LanLink): void {
    const schedule = this.#links.get(link);
    if (schedule !== undefined) this.#plan(link, schedule);
  }

  /** A link is left. */
  leaving(link: LanLink): void {
    this.#links.get(link)?.cancel();
    this.#links.delete(link);
  }

  #plan(link: LanLink, schedule: Schedule): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const refreshAt = Math.max(
      this.#refreshAt(link, schedule, now),
      schedule.askedAt + REFRESH_PAUSE_MS,
    );
    const dueAt = Math.min(schedule.nextAt, refreshAt);
    schedule.cancel();
    schedule.cancel = clock.after(
      Math.max(0, dueAt - now),
      () => this.#ask(link, schedule),
    );
  }

  #ask(link: LanLink, schedule: Schedule): void {
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
    schedule.askedAt = now;
    schedule.spread = random.float();
    if (now >= schedule.nextAt) {
      schedule.intervalMs = Math.min(
        schedule.intervalMs * QUERY_GROWTH,
        MAX_QUERY_INTERVAL_MS,
      );
      // So that nodes that started together do not ask together.
      const delayMs = schedule.intervalMs * (1 + random.float() / 10);
      schedule.nextAt = now + delayMs;
    }
    this.#plan(link, schedule);
  }

  /** When the first node must be queried again; a query is for all at once. */
  #refreshAt(link: LanLink, { spread }: Schedule, now: number): number {
    let firstAt = Infinity;
    for (const { ttlMs, expiresAt } of this.#options.known(link)) {
      for (const share of REFRESHES) {
        const left = 1 - share - spread * REFRESH_SPREAD;
        const dueAt = expiresAt - left * ttlMs;
        if (dueAt <= now) continue;
        firstAt = Math.min(firstAt, dueAt);
        break;
      }
    }
    return firstAt;
  }
}
