/**
 * What a node remembers of the relays to one peer: when the next attempt is due, which relays
 * have failed or refused, and how long their round trips were. Pure; `relay_dialer.ts` calls it.
 */
import { backoffMs } from "../../core/backoff.ts";
import { BoundedMap } from "../../core/bounded_map.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { STABLE_SESSION_MS } from "../mesh_limits.ts";
import {
  MAX_RELAYS_REMEMBERED,
  RELAY_FAILED_MS,
  RELAY_NEWS_MS,
  RELAY_ORPHAN_MS,
  RELAY_REFUSED_MS,
  RELAY_RETRY,
} from "./relay_dialing_limits.ts";

/** What is remembered of one relay. */
interface RelayRecord {
  readonly failedAt: number;
  readonly refusedAt: number;
  readonly measuredMs: number | undefined;
}

const NOTHING: RelayRecord = {
  failedAt: -Infinity,
  refusedAt: -Infinity,
  measuredMs: undefined,
};

/** The relays to one peer. Times are of the monotonic clock, milliseconds. */
export class RelayPath {
  readonly #relays = new BoundedMap<PeerId, RelayRecord>(MAX_RELAYS_REMEMBERED);
  #failures = 0;
  #dueAt = -Infinity;
  /** When a relayed session was lost, for which another one is looked for at once. */
  #lostAt: number | undefined;
  #endedAt = -Infinity;
  /** Relays that were asked in the last attempt that failed. */
  #asked: ReadonlySet<PeerId> = new Set();
  #reason: string | undefined;

  /** Why the last attempt failed; absent if there was none, or it succeeded. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Attempts that failed in a row, and relayed sessions that ended soon. */
  get failures(): number {
    return this.#failures;
  }

  /** The next attempt is not before this. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** When a relayed session was lost; absent if another path was found, or looked for in vain. */
  lostAt(now: number): number | undefined {
    const lostAt = this.#lostAt;
    return lostAt !== undefined && now - lostAt < RELAY_ORPHAN_MS
      ? lostAt
      : undefined;
  }

  /** When a relay last failed for this peer; absent: not lately. */
  failedAt(relay: PeerId, now: number): number | undefined {
    const { failedAt } = this.#of(relay);
    return now - failedAt < RELAY_FAILED_MS ? failedAt : undefined;
  }

  /** When it last refused or failed; absent: not lately. */
  avoidedAt(relay: PeerId, now: number): number | undefined {
    const { refusedAt } = this.#of(relay);
    return this.failedAt(relay, now) ??
      (now - refusedAt < RELAY_REFUSED_MS ? refusedAt : undefined);
  }

  /** The shortest round trip of the last session through a relay. */
  measuredMs(relay: PeerId): number | undefined {
    return this.#of(relay).measuredMs;
  }

  /** A relay has not answered, broke a rule, or dropped what it had accepted. */
  relayFailed(relay: PeerId, now: number): void {
    this.#relays.set(relay, { ...this.#of(relay), failedAt: now });
  }

  /** A relay has refused, which says nothing against it. */
  relayRefused(relay: PeerId, now: number): void {
    this.#relays.set(relay, { ...this.#of(relay), refusedAt: now });
  }

  /** An attempt has asked these, and failed: the next one is after the backoff. */
  attemptFailed(
    { asked, reason, chance, now }: {
      readonly asked: ReadonlySet<PeerId>;
      readonly reason: string;
      readonly chance: number;
      readonly now: number;
    },
  ): void {
    this.#asked = asked;
    this.#reason = reason;
    this.#endedAt = now;
    this.#lostAt = undefined;
    this.#failures++;
    this.#dueAt = now + backoffMs(this.#failures, RELAY_RETRY, chance);
  }

  /** An attempt ended for a reason that says nothing about the relays. */
  attemptDropped(now: number): void {
    this.#endedAt = now;
    this.#lostAt = undefined;
    this.#dueAt = now + RELAY_RETRY.minMs;
  }

  /** There is a session with the peer. */
  connected(): void {
    this.#lostAt = undefined;
    this.#reason = undefined;
    this.#asked = new Set();
  }

  /**
   * A relayed session has ended, and there is no other: due at once, but after the backoff from
   * the second one that was short.
   */
  sessionLost(
    { livedMs, measuredMs, relay, chance, now }: {
      readonly livedMs: number;
      readonly measuredMs: number | undefined;
      readonly relay: PeerId;
      readonly chance: number;
      readonly now: number;
    },
  ): void {
    if (measuredMs !== undefined) {
      this.#relays.set(relay, { ...this.#of(relay), measuredMs });
    }
    this.#failures = livedMs >= STABLE_SESSION_MS ? 0 : this.#failures + 1;
    this.#dueAt = now + backoffMs(this.#failures - 1, RELAY_RETRY, chance);
    this.#lostAt = now;
  }

  /** The peer has sent bye: no other path is looked for until it is reported live. */
  left(): void {
    this.#lostAt = undefined;
  }

  /** The session with a relay has ended: it may be asked again once there is another one. */
  relayLost(relay: PeerId): void {
    if (!this.#asked.has(relay)) return;
    this.#asked = new Set([...this.#asked].filter((it) => it !== relay));
  }

  /** Due now if one of these was not asked in the last attempt, but not each time. */
  hurryBy(reporters: Iterable<PeerId>, now: number): void {
    if (this.#dueAt <= now || now - this.#endedAt < RELAY_NEWS_MS) return;
    for (const relay of reporters) {
      if (!this.#asked.has(relay)) this.#dueAt = now;
    }
  }

  /** This node was suspended, or its network has changed: the backoff starts anew. */
  resumed(): void {
    this.#failures = 0;
    this.#dueAt = -Infinity;
  }

  #of(relay: PeerId): RelayRecord {
    return this.#relays.get(relay) ?? NOTHING;
  }
}
