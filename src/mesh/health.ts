/**
 * What is wrong with a node at present, as facts that begin and end: each is reported once when
 * it begins and once when it is over, however often it is noticed. Facts are defined where they
 * are noticed.
 */
import {
  ALARM_QUIET_MS,
  HEALTH_PROBE_MS,
  MAX_HEALTH_FACTS,
  MAX_STRANGER_FACTS,
} from "./mesh_limits.ts";
import type { ErrorCode } from "../core/error_code.ts";
import { messageOf } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Emit, Severity } from "./events.ts";
import type { NodeStore } from "./peers/node_store.ts";

/**
 * Codes of facts about the node itself, and how bad each is. Facts about a configured address
 * have the code of the error with which dialing it failed, and are warnings.
 */
export const OWN_FACTS = {
  "cannot-write": "failing",
  // That of a peer is a warning.
  "key-in-use": "failing",
  "no-descriptors": "failing",
  "paused": "warning",
  "wrong-clock": "warning",
  "no-multicast": "warning",
  "unreachable-pair": "warning",
  "low-disk": "warning",
  "outbox-nearly-full": "warning",
  "inbox-nearly-full": "warning",
  "kept-topics-nearly-full": "warning",
  "dead-letters-nearly-full": "warning",
  "write-queues-nearly-full": "warning",
  "relay-nearly-full": "warning",
  "sessions-nearly-full": "warning",
  "peers-nearly-full": "warning",
} as const satisfies Readonly<Record<string, Severity>>;

/** The code of a fact about the node itself. */
export type OwnFact = keyof typeof OWN_FACTS;

/** Something that is wrong with a node at present. */
export interface HealthFact {
  /** An error code, such as `key-in-use`, `cannot-write`, `wrong-identity`. */
  readonly code: string;
  /** How bad it is. */
  readonly severity: Severity;
  /** A description; not escaped. */
  readonly message: string;
  /** When it began. */
  readonly since: Date;
}

/** Whether the health check succeeds in spite of these facts. */
export function isHealthy(
  facts: readonly Pick<HealthFact, "severity">[],
): boolean {
  return facts.every(({ severity }) => severity !== "failing");
}

/** Options of a fact. */
export interface RaiseOptions {
  readonly code: OwnFact | ErrorCode;
  readonly message: string;
  /** @default that of the code */
  readonly severity?: Severity;
  /** Over when it was not noticed for this time. @default until it is ended */
  readonly quietMs?: number;
  /** Whether its beginning is reported by a `trouble` event, as no other event does. */
  readonly isReported?: boolean;
  /** Whether its end is reported by a `resolved` event. @default {true} */
  readonly alarm?: boolean;
  /** Whether peers can cause any number of such facts, of which not all are taken. */
  readonly byPeers?: boolean;
  /** Whether peers without standing can: of these fewer are taken. */
  readonly byStrangers?: boolean;
}

interface Fact extends HealthFact {
  readonly quietMs: number;
  readonly alarm: boolean;
  readonly byStrangers: boolean;
  readonly beganAt: number;
  /** Monotonic clock, milliseconds. */
  noticedAt: number;
}

/** The key of the fact about the store. */
const STORE = "cannot-write";

/** Dependencies of {@linkcode HealthBoard}. */
export interface HealthBoardOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: NodeStore;
  readonly emit: Emit;
}

/** The facts of one node. */
export class HealthBoard {
  readonly #options: HealthBoardOptions;
  readonly #facts = new Map<string, Fact>();
  #probedAt = -Infinity;

  constructor(options: HealthBoardOptions) {
    this.#options = options;
  }

  /** Adds a fact, or extends it. True if it begins; false also if peers have caused too many. */
  raise(key: string, options: RaiseOptions): boolean {
    const { code, message, severity = severityOf(code) } = options;
    const { quietMs = Infinity, alarm = true, byStrangers = false } = options;
    const { clock } = this.#options;
    const noticedAt = clock.monotonic();
    const before = this.#facts.get(key);
    if (before === undefined && !this.#hasRoomFor(options)) return false;
    const isNew = before?.code !== code;
    const { since, beganAt } = isNew
      ? { since: new Date(clock.now()), beganAt: noticedAt }
      : before;
    this.#facts.set(key, {
      code,
      severity,
      message,
      since,
      beganAt,
      noticedAt,
      quietMs,
      alarm,
      byStrangers,
    });
    if (isNew && options.isReported) {
      this.#options.emit({ type: "trouble", code, severity, reason: message });
    }
    return isNew;
  }

  /**
   * Another process runs with a key: that of a peer, or this node's own. True if that is new.
   *
   * @param isCertain Whether that is proven, or reported by a peer that the operator has chosen: any
   * other peer may say so of this node, which must not fail its health check.
   * @param hasStanding Whether the peer with that key has standing.
   */
  keyInUse(
    id: PeerId | "own",
    message: string,
    isCertain = true,
    hasStanding = true,
  ): boolean {
    const key = `key-in-use ${id}`;
    const severity = id === "own" && isCertain ? "failing" : "warning";
    const before = this.#facts.get(key);
    // Nor may it keep a failing fact from being over.
    if (before?.severity === "failing" && !isCertain) return false;
    return this.raise(key, {
      code: "key-in-use",
      message,
      severity,
      quietMs: ALARM_QUIET_MS,
      byPeers: id !== "own",
      byStrangers: id !== "own" && !hasStanding,
    });
  }

  /** Whether a fact is present. */
  has(key: string): boolean {
    return this.#facts.has(key);
  }

  /** Ends the facts with keys that begin so, but for these. */
  keep(prefix: string, keys: ReadonlySet<string>): void {
    for (const key of [...this.#facts.keys()]) {
      if (key.startsWith(prefix) && !keys.has(key)) this.end(key);
    }
  }

  /** A fact is over. */
  end(key: string): void {
    const fact = this.#facts.get(key);
    if (fact === undefined) return;
    this.#facts.delete(key);
    const { code, message: reason, beganAt, alarm } = fact;
    if (!alarm) return;
    const { clock, emit, log } = this.#options;
    const lastedMs = Math.round(clock.monotonic() - beganAt);
    log.info("over", { code, reason, lastedMs });
    emit({ type: "resolved", code, reason, lastedMs });
  }

  /** Checks the store, and ends facts that are not noticed any more. */
  tick(now: number): void {
    if (this.#facts.has(STORE)) this.#probeStore(now);
    this.#lookAtStore();
    for (const [key, { noticedAt, quietMs }] of [...this.#facts]) {
      if (now - noticedAt > quietMs) this.end(key);
    }
  }

  /** What is wrong now, oldest first. */
  list(): HealthFact[] {
    this.#lookAtStore();
    return [...this.#facts.values()]
      .map(({ code, severity, message, since }) => ({
        code,
        severity,
        message,
        since,
      }))
      .sort((a, b) => a.since.getTime() - b.since.getTime());
  }

  #lookAtStore(): void {
    const message = this.#options.store.failure?.();
    if (message === undefined) this.end(STORE);
    else this.raise(STORE, { code: STORE, message, isReported: true });
  }

  /** An idle node would not notice otherwise that the disk works again. */
  #probeStore(now: number): void {
    if (now - this.#probedAt < HEALTH_PROBE_MS) return;
    this.#probedAt = now;
    try {
      const time = new TextEncoder().encode(`${this.#options.clock.now()}`);
      this.#options.store.putSetting("health.probe", time);
      this.#options.store.commit();
    } catch (error) {
      this.#options.log.debug("still not written", { error: messageOf(error) });
    }
  }

  /**
   * Peers can cause many facts. None gives way, or it would begin again at once, and be reported
   * each time.
   */
  #hasRoomFor({ byPeers = false, byStrangers = false }: RaiseOptions): boolean {
    if (byPeers && this.#facts.size >= MAX_HEALTH_FACTS) return false;
    if (!byStrangers) return true;
    const theirs = [...this.#facts.values()].filter((it) => it.byStrangers);
    return theirs.length < MAX_STRANGER_FACTS;
  }
}

function severityOf(code: OwnFact | ErrorCode): Severity {
  return Object.hasOwn(OWN_FACTS, code)
    ? OWN_FACTS[code as OwnFact]
    : "warning";
}
