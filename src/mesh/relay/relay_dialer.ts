/**
 * Dials peers through members that relay, when this node has no session with a peer that others
 * report as live: which peer and when, and one attempt after the other. Direct dials go on
 * beside it (`dialing/dialer.ts`), and a direct session replaces a relayed one
 * (`sessions/collisions.ts`).
 */
import type { Clock, Random } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { TaskSet } from "../../core/task_set.ts";
import { COMMAND } from "../../wire/commands.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { LivenessReports } from "../peers/liveness_reports.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import { RelayAttempt, type RelayAttemptParts } from "./relay_attempt.ts";
import type { RelayCandidate } from "./relay_choice.ts";
import {
  MAX_RELAY_ATTEMPTS,
  MAX_RELAY_ATTEMPTS_PER_SOURCE,
  MAX_STRANGER_RELAY_ATTEMPTS,
  RELAY_AFTER_MS,
  RELAY_CROWD_MS,
} from "./relay_dialing_limits.ts";
import { isRelayFault } from "./relay_fault.ts";
import { RelayPath } from "./relay_path.ts";

/** Dependencies of {@linkcode RelayDialer}. */
export interface RelayDialerOptions
  extends Omit<RelayAttemptParts, "candidates"> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** This node. */
  readonly own: PeerId;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "isDenied">;
  readonly standing: Standing;
  readonly reports: Pick<LivenessReports, "open">;
  readonly events: PeerEvents;
  /** Inbound connections with a peer that is not verified yet. */
  readonly arriving: { readonly size: number };
}

/** An attempt that goes on. */
interface Running {
  readonly share: AttemptShare;
  readonly abort: AbortController;
}

/** Whose attempts it is counted among. */
interface AttemptShare {
  readonly hasStanding: boolean;
  /** What gossiped the peer; empty if it has been verified. */
  readonly source: string;
}

/** The relayed dials of one node. */
export class RelayDialer {
  readonly #options: RelayDialerOptions;
  readonly #paths = new Map<PeerId, RelayPath>();
  readonly #running = new Map<PeerId, Running>();
  /** Peers of which a relayed session was lost, reported live or not. */
  readonly #lost = new Set<Peer>();
  readonly #tasks = new TaskSet();
  #cancelKick: (() => void) | undefined;

  constructor(options: RelayDialerOptions) {
    this.#options = options;
    const { events } = options;
    events.on("introduced", ({ session, peer }) => {
      this.#paths.get(peer.id)?.connected();
      this.#lost.delete(peer);
      // A direct session is better than any that is being looked for.
      if (session.via === undefined) this.#stop(peer.id);
    });
    events.on("sessionClosed", (session, error, peer) => {
      if (peer !== undefined) this.#closed(session, error, peer);
    });
    events.on("down", ({ id }) => {
      for (const path of this.#paths.values()) path.relayLost(id);
    });
    events.on("networkChanged", () => this.resumed());
    events.on("expelled", ({ id }) => this.#stop(id));
    events.on("forgotten", (peer) => {
      this.#stop(peer.id);
      this.#paths.delete(peer.id);
      this.#lost.delete(peer);
    });
  }

  /** Why the last attempt to reach a peer through a relay failed; absent if none has. */
  reasonFor(id: PeerId): string | undefined {
    return this.#paths.get(id)?.reason;
  }

  /** Attempts that go on. */
  get size(): number {
    return this.#running.size;
  }

  /** Begins the attempts that are due, as far as there is room. */
  tick(): void {
    const { clock, relayed, reports, signal } = this.#options;
    if (signal.aborted || !relayed.isPossible) return;
    const now = clock.monotonic();
    const due: Peer[] = [];
    for (const peer of new Set([...this.#lost, ...reports.open()])) {
      if (this.#isDue(peer, now)) due.push(peer);
    }
    for (;;) {
      const next = this.#next(due);
      if (next === undefined) return;
      due.splice(due.indexOf(next), 1);
      this.#begin(next);
    }
  }

  /** This node was suspended, or its network has changed: backoff restarts. */
  resumed(): void {
    for (const path of this.#paths.values()) path.resumed();
    this.tick();
  }

  /** Resolves when no attempt goes on any more; the node's signal ends them. */
  async close(): Promise<void> {
    this.#cancelKick?.();
    await this.#tasks.settled();
  }

  #isDue(peer: Peer, now: number): boolean {
    const { rules } = this.#options;
    const path = this.#paths.get(peer.id);
    const isLost = path?.lostAt(now) !== undefined;
    if (!isLost) this.#lost.delete(peer);
    if (!isLost && !peer.reportedLive) return false;
    if (peer.sessions.length > 0 || peer.left) return false;
    if (peer.certificate === undefined || rules.isDenied(peer.id)) return false;
    if (this.#running.has(peer.id)) return false;
    path?.hurryBy(peer.reporters, now);
    if (!isLost && this.#meetsSoon(peer, now)) return false;
    return now >= Math.max(this.#wantedAt(peer, path, now), path?.dueAt ?? 0);
  }

  /**
   * While others arrive, one of them may be the peer, and dials are slow: relays would be more
   * load still. Not for long, as connections that say nothing may be made to.
   */
  #meetsSoon(peer: Peer, now: number): boolean {
    const { reportedAt = now } = peer;
    return this.#options.arriving.size > 0 && now - reportedAt < RELAY_CROWD_MS;
  }

  /**
   * When it is first dialed so. The smaller identity begins, unless the peer cannot be dialed, so
   * that two sessions of one pair seldom collide.
   */
  #wantedAt(peer: Peer, path: RelayPath | undefined, now: number): number {
    const { deadAfterMs, heartbeatMs, own } = this.#options;
    const isFirst = own < peer.id;
    const lostAt = path?.lostAt(now);
    if (lostAt !== undefined) return lostAt + (isFirst ? 0 : RELAY_AFTER_MS);
    const isUndialable = peer.addresses.size === 0 || peer.isUnreachable;
    const hasFailed = isUndialable || peer.failures > 0;
    const afterMs = hasFailed ? RELAY_AFTER_MS : deadAfterMs + heartbeatMs;
    const turns = isFirst || isUndialable ? 1 : 2;
    return (peer.reportedAt ?? now) + turns * afterMs;
  }

  /** Peers with standing first, then by turns among the sources that gossiped the others. */
  #next(due: readonly Peer[]): Peer | undefined {
    if (this.#running.size >= MAX_RELAY_ATTEMPTS) return undefined;
    const shares = [...this.#running.values()].map(({ share }) => share);
    const strangers = shares.filter(({ hasStanding }) => !hasStanding);
    const hasRoom = strangers.length < MAX_STRANGER_RELAY_ATTEMPTS;
    let found: Peer | undefined;
    let fewest = MAX_RELAY_ATTEMPTS_PER_SOURCE;
    for (const peer of due) {
      const { hasStanding, source } = this.#shareOf(peer);
      if (hasStanding) return peer;
      if (!hasRoom) continue;
      const count = strangers.filter((it) => it.source === source).length;
      if (count >= fewest) continue;
      found = peer;
      fewest = count;
    }
    return found;
  }

  #shareOf(peer: Peer): AttemptShare {
    return {
      hasStanding: this.#options.standing.has(peer),
      source: peer.introducedBy ?? "",
    };
  }

  #begin(peer: Peer): void {
    const path = this.#paths.getOrInsertComputed(
      peer.id,
      () => new RelayPath(),
    );
    const abort = new AbortController();
    this.#running.set(peer.id, { share: this.#shareOf(peer), abort });
    const attempt = new RelayAttempt(
      {
        ...this.#options,
        signal: AbortSignal.any([this.#options.signal, abort.signal]),
        candidates: () => this.#candidates(peer, path),
      },
      peer,
      path,
    );
    this.#tasks.add(
      attempt.run().finally(() => {
        this.#running.delete(peer.id);
        this.#lost.delete(peer);
        // Another one may have waited for its turn.
        this.#kick();
      }),
    );
  }

  /** Connected members that relay. */
  #candidates(peer: Peer, path: RelayPath): RelayCandidate[] {
    const { clock, standing, table } = this.#options;
    const now = clock.monotonic();
    return table.connected().flatMap((it) => {
      const { primary } = it;
      const relays = primary?.channel.isOpen &&
        primary.channel.features.has(COMMAND.relay);
      if (!relays || it === peer) return [];
      return [{
        id: it.id,
        isReporter: peer.reporters.has(it.id),
        hasStanding: standing.has(it),
        rttMs: primary.channel.minRttMs,
        hops: primary.hops,
        failedAt: path.avoidedAt(it.id, now),
      }];
    });
  }

  /** A session has ended; if it was relayed and the last one, another relay is taken at once. */
  #closed(session: PeerSession, error: VerackError, peer: Peer): void {
    const { via, channel, introduced, openedAt } = session;
    const { clock, random, signal, table } = this.#options;
    if (via === undefined || signal.aborted || peer.sessions.length > 0) return;
    const path = this.#paths.getOrInsertComputed(
      peer.id,
      () => new RelayPath(),
    );
    if (!isRelayFault(error)) return path.left();
    const now = clock.monotonic();
    // A relay that is gone is asked again once it is back.
    const isThere = table.get(via)?.primary?.channel.isOpen ?? false;
    if (isThere) path.relayFailed(via, now);
    path.sessionLost({
      livedMs: introduced ? now - openedAt : 0,
      measuredMs: channel.minRttMs,
      relay: via,
      chance: random.float(),
      now,
    });
    this.#lost.add(peer);
    this.#kick();
  }

  /** Looks again after this turn of the event loop. */
  #kick(): void {
    const { clock, signal } = this.#options;
    if (signal.aborted || this.#cancelKick !== undefined) return;
    this.#cancelKick = clock.after(0, () => {
      this.#cancelKick = undefined;
      this.tick();
    });
  }

  #stop(id: PeerId): void {
    const reason = new VerackError("aborted", "No relay is needed any more");
    this.#running.get(id)?.abort.abort(reason);
  }
}
