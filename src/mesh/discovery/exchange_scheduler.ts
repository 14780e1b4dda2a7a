/**
 * When a node requests lists of peers: from each new peer, periodically from any, after a peer
 * was lost, when an unknown one requests to join, while a member is missing, and while one is
 * relayed and this node does not know its address; and when it announces a new peer to some
 * without a request. The exchange itself is in `peer_exchange.ts`.
 */
import type { Clock, Random } from "../../core/clock.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  ASKED_AFTER_LOSS,
  ASKED_IN_MEETING,
  JOINED_AFTER_MS,
  MAX_NEWS,
  MEETING_DIALS,
  MEETING_DIALS_MS,
  MEETING_PATIENCE_MS,
  MEETING_PAUSE_MS,
  NEWS_DELAY_MS,
  NEWS_TOLD_TO,
  NEWS_TOLD_TO_UNDIALED,
} from "./discovery_limits.ts";
import { PEER_EXCHANGE_MIN_MS } from "../mesh_limits.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { Peer } from "../peers/peer.ts";
import type { ExchangeStates } from "./exchange_state.ts";
import type { LivenessReports } from "../peers/liveness_reports.ts";
import type { Introduction, PeerEvents } from "../peers/peer_events.ts";
import type { PeerTable } from "../peers/peer_table.ts";

/** What is asked and told. */
export interface ExchangeActions {
  /** Asks one peer for its list. */
  ask(session: PeerSession): void;
  /** Tells these of a peer. */
  tell(peer: Peer, sessions: readonly PeerSession[]): void;
}

/** What {@linkcode ExchangeScheduler} is made of. */
export interface ExchangeSchedulerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** This node. */
  readonly own: PeerId;
  readonly peerExchangeMs: number;
  readonly deadAfterMs: number;
  readonly table: PeerTable;
  readonly reports: LivenessReports;
  readonly states: ExchangeStates;
  readonly events: PeerEvents;
  readonly actions: ExchangeActions;
}

/** The schedule of one node. */
export class ExchangeScheduler {
  readonly #options: ExchangeSchedulerOptions;
  // Times of the monotonic clock, milliseconds.
  readonly #startedAt: number;
  #nextAt: number;
  #recheckAt = 0;
  #seekAt = 0;
  /** A peer was lost without a bye: the lists of others show whether it is live. */
  #lost = false;
  /** An unknown peer wants to join: perhaps others have admitted it. */
  #joinRequested = false;
  #joinAskedAt = -Infinity;
  /** New peers without a request yet. */
  #unasked: PeerSession[] = [];
  /** Sessions with peers that others may not have a session with yet, oldest first. */
  #news: PeerSession[] = [];
  #metAt = -Infinity;
  /** When some of them were asked although more came. */
  #hurriedAt = -Infinity;

  constructor(options: ExchangeSchedulerOptions) {
    this.#options = options;
    const { clock, events } = options;
    events.on("down", ({ left }) => this.#lost ||= !left);
    events.on("joinRequested", () => this.#joinRequested = true);
    this.#startedAt = clock.monotonic();
    this.#nextAt = this.#later(this.#startedAt);
  }

  /**
   * A session is established. The dialer sends a request at once, unless others have told it of
   * this peer, or of more that it is about to meet: each would send it the entries of all. The
   * other end learns from that request whether it has to send one, see {@linkcode shown}.
   */
  met({ session, wasReported }: Introduction): void {
    const { clock, reports, actions } = this.#options;
    this.#metAt = clock.monotonic();
    const isInbound = session.direction === "inbound";
    const isKnown = wasReported || reports.size > 0;
    if (isInbound || isKnown) this.#unasked.push(session);
    else actions.ask(session);
    // Peers that this node dials while it joins are new to this node only.
    const joined = this.#metAt - this.#startedAt >= JOINED_AFTER_MS;
    if (isInbound || joined) this.#news.push(session);
  }

  /**
   * A peer has shown its view in a request. If there are members in it with which this node has
   * no session, its list is requested, else it need not be.
   */
  shown(session: PeerSession, hasNews: boolean): void {
    const at = this.#unasked.indexOf(session);
    const { reports, actions } = this.#options;
    // What is new in it are most likely those that this node is about to meet.
    if (at < 0 || (hasNews && reports.size > 0)) return;
    this.#unasked.splice(at, 1);
    if (hasNews) actions.ask(session);
  }

  /** Asks the peers whose time it is. */
  tick(now: number): void {
    if (this.#unasked.length > 0) this.#askUnasked(now);
    if (this.#news.length > 0) this.#tellNews(now);
    if (now >= this.#nextAt) {
      this.#nextAt = this.#later(now);
      this.#askAny(1, now);
    }
    // As soon as a peer can be asked.
    if (this.#lost) this.#lost = this.#askAny(ASKED_AFTER_LOSS, now) === 0;
    // Strangers must not set the rate.
    if (
      this.#joinRequested && now - this.#joinAskedAt >= PEER_EXCHANGE_MIN_MS
    ) {
      this.#joinAskedAt = now;
      this.#joinRequested = this.#askAny(ASKED_AFTER_LOSS, now) === 0;
    }
    if (now >= this.#recheckAt) this.#recheck(now);
    if (now >= this.#seekAt) this.#seekAddresses(now);
  }

  /**
   * Asks those we have met when no more of them come; and a few, by chance, each time one of
   * them has waited long, as the answers are long while a mesh forms.
   */
  #askUnasked(now: number): void {
    // Sessions that have ended are dropped.
    const sessions = this.#unasked.filter(({ channel }) => channel.isOpen);
    const waitedMs = now - (sessions[0]?.openedAt ?? now);
    const { actions, reports } = this.#options;
    const pauseMs = reports.size > 0
      ? MEETING_DIALS_MS * Math.max(1, reports.size / MEETING_DIALS)
      : MEETING_PAUSE_MS;
    const isQuiet = now - this.#metAt >= Math.max(pauseMs, waitedMs / 4);
    const isLate = now - this.#hurriedAt >= MEETING_PATIENCE_MS &&
      waitedMs >= MEETING_PATIENCE_MS;
    const asked = isQuiet
      ? sessions
      : isLate
      ? this.#some(sessions, ASKED_IN_MEETING)
      : [];
    if (isLate) this.#hurriedAt = now;
    this.#unasked = isQuiet
      ? []
      : sessions.filter((session) => !asked.includes(session));
    for (const session of asked) actions.ask(session);
  }

  /** Announces a few of the peers that have come; many at once learn of each other anyway. */
  #tellNews(now: number): void {
    const waitedMs = now - (this.#news[0]?.openedAt ?? now);
    const isQuiet = now - this.#metAt >= NEWS_DELAY_MS;
    if (!isQuiet && waitedMs < 2 * NEWS_DELAY_MS) return;
    const due = this.#news;
    this.#news = [];
    if (due.length > MAX_NEWS) return;
    const { table } = this.#options;
    for (const session of due) {
      const peer = table.get(session.remote.id);
      if (peer === undefined || !peer.sessions.includes(session)) continue;
      const others = this.#sessions().filter((it) => it.remote.id !== peer.id);
      const next = this.#nextInOrder(others);
      const rest = others.filter((it) => it !== next);
      const chosen = this.#some(rest, NEWS_TOLD_TO - 1);
      const told = new Set([...next ? [next] : [], ...chosen]);
      // Those that others cannot dial meet it only by dialing it themselves.
      const undialed = rest.filter((it) =>
        table.get(it.remote.id)?.isUnreachable
      );
      for (const it of this.#some(undialed, NEWS_TOLD_TO_UNDIALED)) {
        told.add(it);
      }
      this.#options.actions.tell(peer, [...told]);
    }
  }

  /**
   * The session with the next greater identity, after the greatest the smallest: as each member
   * announces to its next, none is left out.
   */
  #nextInOrder(sessions: readonly PeerSession[]): PeerSession | undefined {
    const { own } = this.#options;
    const before = (a: PeerSession, b: PeerSession) =>
      a.remote.id < b.remote.id;
    const first = (some: readonly PeerSession[]) =>
      some.reduce<PeerSession | undefined>(
        (least, it) => least === undefined || before(it, least) ? it : least,
        undefined,
      );
    return first(sessions.filter(({ remote }) => remote.id > own)) ??
      first(sessions);
  }

  /** Asks a few of those we are connected to, chosen by chance; how many it were. */
  #askAny(count: number, now: number): number {
    const rested = this.#sessions().filter((session) =>
      this.#isRested(session, now)
    );
    const asked = this.#some(rested, count);
    for (const session of asked) this.#options.actions.ask(session);
    return asked.length;
  }

  #sessions(): PeerSession[] {
    const { table } = this.#options;
    return table.connected().flatMap((peer) => peer.primary ?? []);
  }

  /** At most `count` of these, chosen by chance. */
  #some(sessions: readonly PeerSession[], count: number): PeerSession[] {
    const { random } = this.#options;
    const left = [...sessions];
    const chosen: PeerSession[] = [];
    while (chosen.length < count && left.length > 0) {
      const at = Math.floor(random.float() * left.length);
      chosen.push(...left.splice(at, 1));
    }
    return chosen;
  }

  /**
   * While a peer is missing, those that see it are asked, one after another. Not
   * at once: a peer that we have just heard of we are most likely about to meet.
   */
  #recheck(now: number): void {
    const { table, deadAfterMs, reports } = this.#options;
    const reporters = new Set(
      reports.open()
        .filter(({ reportedAt = now }) => now - reportedAt >= deadAfterMs)
        .flatMap(({ reporters }) => [...reporters]),
    );
    const sessions = [...reporters].flatMap((id) =>
      table.get(id)?.primary ?? []
    )
      .filter((session) => this.#isRested(session, now));
    const [first, ...rest] = sessions;
    if (first === undefined) return;
    this.#recheckAt = now + PEER_EXCHANGE_MIN_MS;
    this.#options.actions.ask(
      rest.reduce((a, b) => this.#askedAt(b) < this.#askedAt(a) ? b : a, first),
    );
  }

  /**
   * While a peer has a relayed session only, and this node does not know where it is, the others
   * are asked, one after another: those with a direct session see its address.
   */
  #seekAddresses(now: number): void {
    this.#seekAt = now + PEER_EXCHANGE_MIN_MS;
    const { peerExchangeMs, table } = this.#options;
    const sought = table.connected().filter((peer) =>
      !peer.hasDirect && peer.addresses.size === 0 && !peer.isUnreachable
    );
    if (sought.length === 0) return;
    const sessions = this.#sessions().filter((session) =>
      now - this.#askedAt(session) >= peerExchangeMs &&
      (sought.length > 1 || session.remote.id !== sought[0]!.id)
    );
    const [session] = this.#some(sessions, 1);
    if (session !== undefined) this.#options.actions.ask(session);
  }

  /** Spread over half to one and a half periods, so that nodes do not send at the same time. */
  #later(now: number): number {
    const { peerExchangeMs, random } = this.#options;
    return now + peerExchangeMs * (0.5 + random.float());
  }

  /**
   * Whether a peer is sure to accept another request; else a peer that reconnects often could
   * make this node exceed the limit of others.
   */
  #isRested(session: PeerSession, now: number): boolean {
    return now - this.#askedAt(session) >= PEER_EXCHANGE_MIN_MS;
  }

  #askedAt(session: PeerSession): number {
    return this.#options.states.of(session).askedAt;
  }
}
