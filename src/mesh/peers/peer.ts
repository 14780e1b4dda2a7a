/**
 * One other node: the only owner of a peer's state. Its methods are named by what happened, and
 * decide its trust, its standing and when it is dialed next.
 */
import type { Clock, Random } from "../../core/clock.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  COLLISION_GRACE_MAX_MS,
  DIAL_HINT_INTERVAL_MS,
  DIALS_PER_TARGET_REFILL_MS,
  EPHEMERAL_KEPT_MS,
  GOSSIP_KEPT_MS,
  MAX_REPORTERS_PER_PEER,
  RECONNECT_CLAIMED_MS,
  RECONNECT_LEFT_MS,
  RECONNECT_UNREACHABLE_MS,
  STABLE_SESSION_MS,
} from "../mesh_limits.ts";
import type { Address } from "../../transport/address.ts";
import type { NodeEvent } from "../events.ts";
import { DialSchedule } from "./dial_schedule.ts";
import { type OwnStatement, PeerRecord } from "./peer_record.ts";
import type { PeerSession } from "./peer_session.ts";

/** Dependencies of a peer. */
export interface PeerEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** See `standing.ts`. */
  readonly standing: {
    has(peer: Peer): boolean;
    isTrusted(peer: Peer): boolean;
  };
}

/** The budget of dials to a peer, see `dial_budget.ts`. */
export type DialShare = "standing" | "verified" | "gossip";

/** The fields of `peer:up`. */
export type UpEvent = Extract<NodeEvent, { type: "peer:up" }>;

/** One peer. Times are of the monotonic clock unless said otherwise, milliseconds. */
export class Peer extends PeerRecord {
  readonly #environment: PeerEnvironment;
  readonly #schedule = new DialSchedule();
  readonly #reporters = new Set<PeerId>();
  #sessions: readonly PeerSession[] = [];
  #announced: UpEvent | undefined;
  #left = false;
  #reportedAt: number | undefined;
  #confirmedAt = 0;
  #hintedAt = -Infinity;
  #dialing: AbortController | undefined;
  #downSince: number | undefined;
  #yieldsUntil = 0;

  constructor(id: PeerId, environment: PeerEnvironment) {
    super(id);
    this.#environment = environment;
  }

  // --- State -----------------------------------------------------------------

  /** Whether it sent bye. */
  get left(): boolean {
    return this.#left;
  }

  /**
   * Its sessions, oldest first; more than one only while a collision is settled, or a direct one
   * replaces a relayed one.
   */
  get sessions(): readonly PeerSession[] {
    return this.#sessions;
  }

  /** Whether one of them is direct: else it is dialed, if another member relays it or not. */
  get hasDirect(): boolean {
    return this.#sessions.some(isDirect);
  }

  /**
   * The session to send on: the newest that is introduced and not being settled, a direct one
   * before a relayed one.
   */
  get primary(): PeerSession | undefined {
    return this.#sessions.findLast((it) => isUsable(it) && isDirect(it)) ??
      this.#sessions.findLast(isUsable);
  }

  /** The fields of its `peer:up`, until its `peer:down`. */
  get announced(): UpEvent | undefined {
    return this.#announced;
  }

  /** Whether it has an established session. */
  get up(): boolean {
    return this.#announced !== undefined;
  }

  /** When it was lost or first not reached; absent while it is up. */
  get downSince(): number | undefined {
    return this.#downSince;
  }

  /**
   * Connected peers that reported a session with it while this node had none, or has a relayed
   * one: then they may relay it, too.
   */
  get reporters(): ReadonlySet<PeerId> {
    return this.#reporters;
  }

  /** Whether another peer reports it as live. */
  get reportedLive(): boolean {
    return this.#reporters.size > 0;
  }

  /** When that was first reported. */
  get reportedAt(): number | undefined {
    return this.#reportedAt;
  }

  /** When that was reported last. */
  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  // --- Rules and records -----------------------------------------------------

  /** A rule allows it now: it is dialed at once, as if for the first time. */
  allowed(): void {
    this.#schedule.reset();
    this.keptOnDisk();
  }

  // --- Gossip ----------------------------------------------------------------

  /** `reporter` reports a session with it. False if the report is not kept. */
  addReporter(reporter: PeerId): boolean {
    if (this.up) return false;
    const now = this.#now();
    this.#reportedAt ??= now;
    this.#confirmedAt = now;
    // A few are enough to send requests to, and to relay it.
    if (this.#reporters.size >= MAX_REPORTERS_PER_PEER) return false;
    this.#reporters.add(reporter);
    return true;
  }

  /** `reporter` does not report it any more. True if it was the last. */
  removeReporter(reporter: PeerId): boolean {
    this.#reporters.delete(reporter);
    if (this.reportedLive) return false;
    this.#reportedAt = undefined;
    return true;
  }

  /**
   * It is reported live: due now, or after `yieldMs`, so that of two that join at the same time
   * one dials first. Never so long that the next report comes before: a peer that repeats it would
   * keep the two apart.
   */
  hurryByGossip(yieldMs?: number): void {
    this.#left = false;
    // That it is live says nothing of its addresses, at which it cannot be dialed.
    if (this.isUnreachable && this.failures > 0) return;
    const now = this.#now();
    // Not for each report, or a peer that repeats it sets the rate of dials.
    if (now - this.#hintedAt < DIAL_HINT_INTERVAL_MS) return;
    this.#hintedAt = now;
    this.#schedule.hurry(now);
    if (yieldMs === undefined || this.isVerified) return;
    this.#schedule.postpone(now + Math.min(yieldMs, COLLISION_GRACE_MAX_MS));
    this.#yieldsUntil = now + COLLISION_GRACE_MAX_MS;
  }

  // --- Sessions --------------------------------------------------------------

  /** A session has opened. */
  sessionOpened(session: PeerSession): void {
    this.#sessions = [...this.#sessions, session];
  }

  /** It has sent its own entry. True if it was lost before. */
  introduced(session: PeerSession, own: OwnStatement): boolean {
    this.verified(session, own, this.#environment.clock.now());
    const wasLost = this.#downSince !== undefined;
    this.#left = false;
    this.#downSince = undefined;
    return wasLost;
  }

  /** It has sent its own entry again, with other addresses, flags or name. */
  updated(session: PeerSession, own: OwnStatement): void {
    const wasUnreachable = this.isUnreachable;
    this.restated(session, own);
    if (wasUnreachable && !this.isUnreachable) this.#schedule.reset();
  }

  /** It is up, and `peer:up` was emitted. */
  announce(announced: UpEvent): void {
    this.#announced = announced;
  }

  /** A session has ended. */
  sessionClosed(session: PeerSession): void {
    this.#sessions = this.#sessions.filter((it) => it !== session);
    const isRelayed = this.#sessions.length > 0 && !this.hasDirect;
    if (isRelayed && session.via === undefined) this.#directLost(session);
  }

  /**
   * The last session has ended: due after the backoff, or later if it `left` with a bye. The end
   * of a relayed one says nothing about direct dials. True if it was up.
   */
  lost(session: PeerSession, left: boolean): boolean {
    const now = this.#now();
    if (session.via === undefined) this.#directLost(session);
    this.#left = left;
    if (left) this.#schedule.postpone(now + RECONNECT_LEFT_MS);
    if (!this.up) return false;
    this.#announced = undefined;
    this.#downSince = now;
    // Reports from before a relayed session are as new as that.
    this.#reportedAt = this.reportedLive ? now : undefined;
    this.#confirmedAt = now;
    this.heard(this.#environment.clock.now());
    return true;
  }

  // --- Dialing ---------------------------------------------------------------

  /** The budget of dials to it. */
  get dialShare(): DialShare {
    if (this.#environment.standing.isTrusted(this)) return "standing";
    return this.introducedBy === undefined && this.addresses.hasVerified
      ? "verified"
      : "gossip";
  }

  /** When it is due to be dialed. */
  get dueAt(): number {
    return this.#schedule.dueAt;
  }

  /** Dials in a row that failed, and short sessions. */
  get failures(): number {
    return this.#schedule.failures;
  }

  get isDialing(): boolean {
    return this.#dialing !== undefined;
  }

  /** Whether there is neither a session with it nor a dial. */
  get isAway(): boolean {
    return this.#sessions.length === 0 && !this.isDialing;
  }

  /** Whether there is neither a direct session with it nor a dial. */
  get lacksDirect(): boolean {
    return !this.hasDirect && !this.isDialing;
  }

  /** Whether it may dial this node first, while connections arrive. */
  yields(now: number): boolean {
    return this.#yieldsUntil > now;
  }

  /** The signal ends the dial. */
  dialStarted(): AbortSignal {
    this.#dialing = new AbortController();
    return this.#dialing.signal;
  }

  /** Ends the dial under way. */
  stopDialing(reason?: Error): void {
    this.#dialing?.abort(reason);
  }

  /** The dial is over, with any result. */
  dialEnded(): void {
    this.#dialing = undefined;
  }

  /** Nothing was reached: due after the backoff, or soon if no address `wasTried`. */
  dialFailed(wasTried: boolean): void {
    const { random } = this.#environment;
    const now = this.#now();
    this.#schedule.failed();
    if (this.#sessions.length === 0) this.#downSince ??= now;
    if (wasTried) return this.#retry(now);
    this.#schedule.postpone(
      now + DIALS_PER_TARGET_REFILL_MS * (0.5 + random.float() / 2),
    );
  }

  /** It has not admitted this node yet: the backoff stays short. */
  refusedUs(): void {
    this.#schedule.unadmitted();
  }

  /** Due now if this endpoint, at which a dial to another peer found it, is among its addresses. */
  hurryIfAt(endpoint: Address): void {
    if (this.addresses.get(endpoint) !== undefined) this.hurry(this.#now());
  }

  /** It is due then at the latest. */
  hurry(dueAt: number): void {
    this.#schedule.hurry(dueAt);
  }

  /** This node was suspended: the backoff starts anew. */
  resumed(): void {
    this.#schedule.resumed();
  }

  // --- Expiry ----------------------------------------------------------------

  /**
   * Drops addresses that a peer without standing advertised, or that were gossiped, when it has
   * not answered there for as long as gossip is kept. True if there was any.
   */
  expireClaims(now: number): boolean {
    if (now - (this.#downSince ?? now) < GOSSIP_KEPT_MS) return false;
    if (this.#isConfirmed(now)) return false;
    if (this.isKnown && this.#environment.standing.isTrusted(this)) {
      return false;
    }
    if (!this.dropClaims()) return false;
    // An address that is gossiped later has its own deadline.
    if (!this.isVerified) this.#downSince = undefined;
    return true;
  }

  /**
   * Whether it has been out of reach for so long that it goes off the record. Never while
   * members report it as live: failures alone, which may come fast, do not mean that it is
   * gone. Nor a peer with standing that has not connected yet, whose addresses all come from
   * gossip.
   */
  isForgettable(now: number): boolean {
    if (this.#sessions.length > 0 || this.#isConfirmed(now)) return false;
    if (this.trust === "pinned" || this.addresses.hasConfigured) return false;
    const downMs = now - (this.#downSince ?? now);
    // A key in memory ends with its process; if it is live, it dials this node or is gossiped.
    if (this.isVerified) return this.ephemeral && downMs >= EPHEMERAL_KEPT_MS;
    return (this.addresses.size === 0 || downMs >= GOSSIP_KEPT_MS) &&
      !this.#environment.standing.has(this);
  }

  /** Whether a member has reported it as live lately. */
  #isConfirmed(now: number): boolean {
    return this.reportedLive && now - this.#confirmedAt < GOSSIP_KEPT_MS;
  }

  /** A direct session has ended, and there is no other. */
  #directLost({ openedAt }: PeerSession): void {
    const now = this.#now();
    if (now - openedAt >= STABLE_SESSION_MS) this.#schedule.failedAnew();
    else this.#schedule.failed();
    this.#retry(now);
  }

  /** A peer is dialed seldom at an address that it only advertises, or where none reaches it. */
  #retry(now: number): void {
    const { random } = this.#environment;
    const chance = random.float();
    const isClaim = this.introducedBy === undefined &&
      this.dialShare === "gossip";
    // Where it has answered this node, its word that nothing reaches it does not count.
    const leastMs = this.isUnreachable && !this.addresses.hasVerified
      ? RECONNECT_UNREACHABLE_MS
      : isClaim
      ? RECONNECT_CLAIMED_MS
      : 0;
    const spread = leastMs === 0 ? 0 : 0.5 + random.float() / 2;
    this.#schedule.retry(now, chance, leastMs * spread);
  }

  #now(): number {
    return this.#environment.clock.monotonic();
  }
}

function isUsable({ introduced, pending }: PeerSession): boolean {
  return introduced && !pending;
}

function isDirect({ via }: PeerSession): boolean {
  return via === undefined;
}
