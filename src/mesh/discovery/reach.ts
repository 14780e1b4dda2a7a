/**
 * Whether other nodes can dial this one, as AutoNAT of libp2p finds it out: a few peers are asked
 * to dial the addresses that it advertises, and any session that a peer has dialed is proof. What
 * the answers come to is in `reach_verdict.ts`. A node that none reaches says so in its own entry,
 * and is dialed seldom.
 */
import type { Clock, Random } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import type { Address } from "../../transport/address.ts";
import { classifyIp, type Scope } from "../../transport/scope.ts";
import { COMMAND } from "../../wire/commands.ts";
import { canTell } from "../../wire/messages/peers.ts";
import { decodeReached, encodeReach } from "../../wire/messages/reach.ts";
import { MAX_ADDRESSES_PER_ENTRY } from "../../wire/wire_limits.ts";
import type { Emit } from "../events.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import {
  REACH_ASKED,
  REACH_DELAY_MS,
  REACH_PAUSE_MS,
  REACH_PERIOD_MS,
  REACH_PROOF_MS,
  REACH_RETRY_MS,
  REACH_TIMEOUT_MS,
  REACH_VOTE_MS,
} from "./discovery_limits.ts";
import { reachVerdict, type ReachVote } from "./reach_verdict.ts";

/** Whether other nodes can dial a node. */
export interface ReachInfo {
  /** Whether it accepts connections. */
  readonly listening: boolean;
  /** Whether others can dial it; absent while that is not known. */
  readonly reachable?: boolean;
  /** Since when that is so. */
  readonly since?: Date;
  /** The peers that say so, or something else. */
  readonly peers: readonly {
    readonly id: PeerId;
    /** Whether it reached this node. */
    readonly reached: boolean;
    readonly at: Date;
  }[];
}

interface KnownVote extends ReachVote {
  /** Monotonic clock, milliseconds, and wall clock. */
  readonly at: number;
  readonly wall: number;
}

interface Question {
  readonly nonce: bigint;
  readonly askedAt: number;
}

/** Dependencies of {@linkcode Reach}. */
export interface ReachOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The addresses that this node advertises to a peer in that scope; none if it does not listen. */
  readonly addresses: (scope: Scope) => readonly Address[];
  /** Whether they were configured, so that a session at another one proves nothing. */
  readonly isConfigured: boolean;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** How far away a peer is; one of a link alone is in the network of this machine. */
const DISTANCE: Readonly<Record<Scope, number>> = {
  loopback: 0,
  never: 1,
  private: 1,
  public: 2,
};

/** Finds out whether others can dial one node. */
export class Reach {
  readonly #options: ReachOptions;
  readonly #votes = new Map<PeerId, KnownVote>();
  /** Requests that are not answered yet. */
  readonly #asked = new Map<PeerSession, Question>();
  /** The last session that a peer has dialed. */
  #proof: { readonly id: PeerId; at: number; wall: number } | undefined;
  #nextAt = -Infinity;
  #askedAt = -Infinity;
  /** Whether a round is under way. */
  #isAsking = false;
  /** Rounds in a row after which it was not known. */
  #vainRounds = 0;
  #reachable: boolean | undefined;
  #since: number | undefined;
  #advertised: string | undefined;

  constructor(options: ReachOptions) {
    this.#options = options;
    const { events } = options;
    events.on("introduced", ({ session }) => this.#onIntroduced(session));
    events.on("sessionClosed", (session) => this.#asked.delete(session));
  }

  /** Whether none of its addresses answers, as far as is known. */
  get isUnreachable(): boolean {
    return this.#reachable === false;
  }

  /** What is known. */
  get info(): ReachInfo {
    const proof = this.#proof;
    const peers = [...this.#votes.values()]
      .filter(({ id }) => id !== proof?.id)
      .map(({ id, reached, wall }) => ({ id, reached, at: new Date(wall) }));
    if (this.#all().length === 0) {
      return { listening: false, reachable: false, peers: [] };
    }
    return {
      listening: true,
      ...(this.#reachable !== undefined && { reachable: this.#reachable }),
      ...(this.#since !== undefined && { since: new Date(this.#since) }),
      peers: [
        ...(proof === undefined
          ? []
          : [{ id: proof.id, reached: true, at: new Date(proof.wall) }]),
        ...peers,
      ],
    };
  }

  /** Asks when it is time. */
  tick(now: number): void {
    const addresses = this.#all();
    const advertised = JSON.stringify(addresses);
    if (advertised !== this.#advertised) this.#moved(now, advertised);
    if (addresses.length === 0) return;
    this.#expire(now);
    if (this.#isAsking && this.#asked.size === 0) {
      this.#isAsking = false;
      this.#judge();
    }
    if (now >= this.#nextAt && this.#proof === undefined) this.#ask(now);
  }

  /** All addresses that it advertises to any peer. */
  #all(): readonly Address[] {
    return this.#options.addresses("loopback");
  }

  /** What was found out about other addresses says nothing of these. */
  #moved(now: number, advertised: string): void {
    const isFirst = this.#advertised === undefined;
    this.#advertised = advertised;
    this.#nextAt = now + REACH_DELAY_MS;
    if (isFirst) return;
    this.#votes.clear();
    this.#asked.clear();
    this.#proof = undefined;
    this.#judge();
  }

  #expire(now: number): void {
    for (const [session, { askedAt }] of this.#asked) {
      if (now - askedAt >= REACH_TIMEOUT_MS) this.#asked.delete(session);
    }
    if (this.#proof && now - this.#proof.at >= REACH_PROOF_MS) {
      this.#proof = undefined;
    }
  }

  #ask(now: number): void {
    const { clock, random } = this.#options;
    const nonce = new DataView(random.bytes(8).buffer).getBigUint64(0);
    const sessions = this.#candidates();
    const isKnown = this.#reachable !== undefined;
    this.#vainRounds = isKnown || sessions.length === 0
      ? 0
      : this.#vainRounds + 1;
    const pauseMs = this.#reachable === true
      ? REACH_PERIOD_MS
      : Math.min(REACH_RETRY_MS * 2 ** this.#vainRounds, REACH_PERIOD_MS);
    // Spread, so that nodes that started together do not ask together.
    this.#nextAt = now + pauseMs * (0.5 + random.float());
    if (sessions.length === 0) return;
    this.#isAsking = true;
    this.#askedAt = now;
    for (const [id, { at }] of this.#votes) {
      if (now - at >= REACH_VOTE_MS) this.#votes.delete(id);
    }
    for (const session of sessions) {
      this.#asked.set(session, { nonce, askedAt: clock.monotonic() });
      const scope = classifyIp(session.remoteAddress.host);
      const addresses = this.#options.addresses(scope).filter(canTell)
        .slice(0, MAX_ADDRESSES_PER_ENTRY);
      session.channel.send(COMMAND.reach, encodeReach({ nonce, addresses }));
    }
  }

  /** Peers to ask: by direct sessions, those with standing first, of different sources. */
  #candidates(): PeerSession[] {
    const { random, standing, table } = this.#options;
    const ranked = table.connected().flatMap((peer) => {
      const session = peer.primary;
      if (session === undefined || session.via !== undefined) return [];
      return {
        session,
        rank: standing.isTrusted(peer) ? 0 : 1,
        at: random.float(),
      };
    }).sort((a, b) => a.rank - b.rank || a.at - b.at)
      .map(({ session }) => session);
    const sources = new Set<string>();
    const first = ranked.filter(({ source }) => {
      const isNew = !sources.has(source);
      sources.add(source);
      return isNew;
    });
    const others = ranked.filter((session) => !first.includes(session));
    return [...first, ...others].slice(0, REACH_ASKED);
  }

  #onIntroduced(session: PeerSession): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    session.channel.handle(
      COMMAND.reached,
      (payload) => this.#onReached(session, payload),
    );
    if (this.#isProof(session)) {
      const { id } = session.remote;
      this.#proof = { id, at: now, wall: clock.now() };
      this.#votes.clear();
      this.#judge();
    } else if (this.#votes.size < REACH_ASKED) {
      // One more that can answer.
      this.#vainRounds = 0;
      const soon = Math.max(
        now + REACH_DELAY_MS,
        this.#askedAt + REACH_PAUSE_MS,
      );
      this.#nextAt = Math.min(this.#nextAt, soon);
    }
  }

  /** Whether a session shows that others can dial this node where it says that it is. */
  #isProof({ direction, remoteAddress, via }: PeerSession): boolean {
    const { isConfigured, table } = this.#options;
    if (direction !== "inbound" || via !== undefined || isConfigured) {
      return false;
    }
    // That it is reached from this machine or its network proves little to those farther away.
    const distance = distanceOf(remoteAddress);
    return table.connected().every(({ primary }) =>
      primary === undefined || distanceOf(primary.remoteAddress) <= distance
    );
  }

  #onReached(session: PeerSession, payload: Uint8Array): void {
    const { clock, standing, table } = this.#options;
    const { nonce, results } = decodeReached(payload);
    // Any other answer was not asked for.
    if (this.#asked.get(session)?.nonce !== nonce) return;
    this.#asked.delete(session);
    const reached = results.includes("reached");
    if (!reached && !results.includes("failed")) return;
    const { id } = session.remote;
    const peer = table.get(id);
    this.#votes.delete(id);
    this.#votes.set(id, {
      id,
      source: session.source,
      hasStanding: peer !== undefined && standing.isTrusted(peer),
      reached,
      at: clock.monotonic(),
      wall: clock.now(),
    });
  }

  #judge(): void {
    const verdict = this.#proof !== undefined
      ? true
      : reachVerdict([...this.#votes.values()]);
    const before = this.#reachable;
    if (verdict === before) return;
    const { clock, emit, events, log, random } = this.#options;
    this.#reachable = verdict;
    this.#since = verdict === undefined ? undefined : clock.now();
    if (verdict === false) {
      this.#nextAt = Math.min(
        this.#nextAt,
        clock.monotonic() + REACH_RETRY_MS * (0.5 + random.float()),
      );
    }
    if (before !== false && verdict !== false) return;
    const by = this.info.peers.filter(({ reached }) => reached === verdict)
      .map(({ id }) => id);
    log.info(verdict === false ? "unreachable" : "not unreachable any more", {
      by: by.map((id) => shortId(id)).join(", "),
    });
    events.emit("reach");
    emit({
      type: "reach",
      ...(verdict !== undefined && { reachable: verdict }),
      by,
    });
  }
}

function distanceOf({ host }: Address): number {
  return DISTANCE[classifyIp(host)];
}
