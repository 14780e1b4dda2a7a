/**
 * Peer exchange: sends entries about members, and handles those of peers. A list is requested
 * by digest: equal digests end the exchange. Else the answer has the fingerprints of the other
 * end's members, and only missing entries are sent whole. Entries are read by
 * `gossip_reader.ts`; answers and entries are processed by turns (`work_queue.ts`).
 */
import { messageOf, VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { Throttle } from "../../core/throttle.ts";
import {
  LEARNED_PAUSE_MS,
  MAX_INLINE_FINGERPRINTS,
  PEER_REQUEST_BURST,
  PEER_REQUEST_REFILL_MS,
  WORK_OVERHEAD_BYTES,
} from "./discovery_limits.ts";
import { MAX_PEERS_PER_MESSAGE } from "../../wire/wire_limits.ts";
import {
  ExchangeScheduler,
  type ExchangeSchedulerOptions,
} from "./exchange_scheduler.ts";
import {
  GossipList,
  type GossipListOptions,
  MemberDigest,
} from "./gossip_list.ts";
import { GossipReader, type GossipReaderOptions } from "./gossip_reader.ts";
import { type Step, WorkQueue } from "./work_queue.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { Peer } from "../peers/peer.ts";
import type { Introduction } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import { COMMAND } from "../../wire/commands.ts";
import { SharedFrame } from "../../wire/frame.ts";
import {
  decodeGetPeers,
  decodePeerIds,
  encodeGetPeers,
  encodePeerIds,
  type GetPeersMessage,
} from "../../wire/messages/peer_request.ts";
import {
  decodePeers,
  encodePeers,
  joinPeers,
} from "../../wire/messages/peers.ts";

/** A position in a list. */
const REFERENCE_BYTES = 8;

/** Dependencies of {@linkcode PeerExchange}. */
export interface PeerExchangeOptions
  extends Omit<ExchangeSchedulerOptions, "actions">, GossipReaderOptions {
  readonly magic: Uint8Array;
  readonly counters: NodeCounters;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly rules: AccessRules;
  readonly membership:
    & GossipListOptions["membership"]
    & GossipReaderOptions["membership"];
}

/** Peer exchange of one node. */
export class PeerExchange {
  readonly #options: PeerExchangeOptions;
  readonly #scheduler: ExchangeScheduler;
  readonly #view: MemberDigest;
  readonly #gossip: GossipReader;
  readonly #list: GossipList;
  readonly #work: WorkQueue;
  readonly #news: Throttle;
  /** Sessions that were introduced. */
  #introductions = 0;
  /** A peer has sent a complete list. */
  #isAnswered = false;

  constructor(options: PeerExchangeOptions) {
    this.#options = options;
    const { clock, events, own, signal, standing, table } = options;
    this.#view = new MemberDigest(own, table, events);
    this.#list = new GossipList(options);
    this.#gossip = new GossipReader(options);
    this.#work = new WorkQueue({
      clock,
      signal,
      hasStanding: ({ remote }) => standing.has(table.get(remote.id)),
      onError: (session, error) => this.#end(session, error),
    });
    this.#news = new Throttle(clock, LEARNED_PAUSE_MS, () => this.#tellNews());
    signal.addEventListener("abort", () => this.#news.cancel(), { once: true });
    this.#scheduler = new ExchangeScheduler({
      ...options,
      actions: {
        ask: (session) => this.#ask(session),
        tell: (peer, sessions) => this.#tell(peer, sessions, false),
      },
    });
    events.on("introduced", (introduction) => this.#onIntroduced(introduction));
    events.on("sessionClosed", (session) => this.#work.drop(session));
  }

  /** Requests entries that this node lacks from a peer. */
  #ask(session: PeerSession): void {
    this.#options.states.of(session).askedAt = this.#options.clock.monotonic();
    const { digest, fingerprints } = this.#view;
    const isShort = fingerprints.length <= MAX_INLINE_FINGERPRINTS;
    this.#put(
      session,
      COMMAND.getpeers,
      encodeGetPeers({ digest, fingerprints: isShort ? fingerprints : [] }),
    );
  }

  #onIntroduced(introduction: Introduction): void {
    const { session, peer, isAdmitted } = introduction;
    const state = this.#options.states.of(session);
    state.introduction = ++this.#introductions;
    const { channel } = session;
    channel.handle(COMMAND.getpeers, (it) => this.#onGetPeers(session, it));
    channel.handle(COMMAND.peerids, (it) => this.#onPeerIds(session, it));
    channel.handle(COMMAND.peers, (it) => this.#onPeers(session, it));
    // A guest of an invite has no other member on record.
    if (session.remote.invite !== undefined) this.#tellAll(session);
    if (isAdmitted) this.#spread(peer);
    this.#scheduler.met(introduction);
  }

  /** Sends the requests that are due. */
  tick(now: number): void {
    this.#scheduler.tick(now);
  }

  /** Sends a peer all known members, without a request. */
  #tellAll(session: PeerSession): void {
    const step = this.#answer(session, new Set());
    const bytes = WORK_OVERHEAD_BYTES + this.#sizeOfAnswer();
    this.#work.add(session, bytes, step);
  }

  /** Sends all peers the entry of one that this node has admitted, which requests theirs now. */
  #spread(peer: Peer): void {
    const peers = this.#options.table.connected();
    this.#tell(peer, peers.flatMap(({ primary }) => primary ?? []), true);
  }

  /** Announces one peer to these, as a part of an incomplete answer; see `GossipList.entryOf`. */
  #tell(peer: Peer, sessions: readonly PeerSession[], dials: boolean): void {
    const entries = [this.#list.entryOf(peer, dials)];
    const payload = encodePeers({ more: true, entries });
    const frame = new SharedFrame(this.#options.magic, COMMAND.peers, payload);
    for (const { remote: { id }, channel } of sessions) {
      if (id === peer.id) continue;
      this.#options.counters.gossipSent++;
      channel.sendShared(frame);
    }
  }

  #onGetPeers(session: PeerSession, payload: Uint8Array): void {
    this.#options.counters.gossipReceived++;
    this.#spendRequest(session, COMMAND.getpeers);
    const request = decodeGetPeers(payload);
    let answer: Step | undefined;
    const bytes = sizeOfRequest(payload) + this.#sizeOfAnswer();
    this.#work.add(session, bytes, () => {
      answer ??= this.#answerTo(session, request);
      return answer();
    });
  }

  #answerTo(session: PeerSession, request: GetPeersMessage): Step {
    const { all: fingerprints, digest } = this.#view;
    const equal = digest === request.digest;
    if (!equal && request.fingerprints.length === 0) {
      return () => {
        this.#put(session, COMMAND.peerids, encodePeerIds({ fingerprints }));
        return false;
      };
    }
    this.#shown(
      session,
      !equal && hasOthers(request.fingerprints, fingerprints),
    );
    return equal
      ? this.#send(session, [])
      : this.#answer(session, new Set(request.fingerprints));
  }

  /** A request shows the view of its sender: whether there are members in it to ask for. */
  #shown(session: PeerSession, hasNews: boolean): void {
    this.#scheduler.shown(session, hasNews);
    if (hasNews || this.#isAnswered) return;
    // As good as a list without entries.
    this.#isAnswered = true;
    this.#news.request();
  }

  #put(session: PeerSession, command: string, payload: Uint8Array): void {
    this.#options.counters.gossipSent++;
    session.channel.send(command, payload);
  }

  /** Bytes that an answer holds until its last message is sent. */
  #sizeOfAnswer(): number {
    return REFERENCE_BYTES * this.#options.table.size;
  }

  /** Sends the entries that a peer lacks, which it is about to dial. */
  #answer(session: PeerSession, known: ReadonlySet<string>): Step {
    const state = this.#options.states.of(session);
    state.listed = this.#introductions;
    state.listedAt = this.#options.clock.monotonic();
    return this.#send(session, this.#list.newsTo(session, known));
  }

  /** Sends one message of an answer at each step. */
  #send(session: PeerSession, news: readonly Peer[]): Step {
    // An empty answer is sent, too: it withdraws former entries.
    let at = 0;
    return () => {
      const end = at + MAX_PEERS_PER_MESSAGE;
      const entries = news.slice(at, end).map((peer) =>
        this.#list.encodedEntryFor(session, peer)
      );
      const more = end < news.length;
      this.#put(session, COMMAND.peers, joinPeers({ more, entries }));
      at = end;
      return more;
    };
  }

  /** The other end's members: requests entries if one of them is not connected to this node. */
  #onPeerIds(session: PeerSession, payload: Uint8Array): void {
    this.#options.counters.gossipReceived++;
    // It makes us send something, so it counts like a request.
    this.#spendRequest(session, COMMAND.peerids);
    const { fingerprints } = decodePeerIds(payload);
    this.#work.add(session, sizeOfRequest(payload), () => {
      const { digest, fingerprints: own } = this.#view;
      if (!hasOthers(fingerprints, own)) {
        this.#complete(session, new Set());
      } else {
        const question = encodeGetPeers({ digest, fingerprints: own });
        this.#put(session, COMMAND.getpeers, question);
      }
      return false;
    });
  }

  #onPeers(session: PeerSession, payload: Uint8Array): void {
    this.#options.counters.gossipReceived++;
    const { entries, more, fault } = decodePeers(payload);
    if (fault !== undefined) this.#warn(session, fault);
    const state = this.#options.states.of(session);
    const [first] = entries;
    const isUpdate = more && entries.length === 1 &&
      first?.id === session.remote.id;
    let at = 0;
    const bytes = payload.length + WORK_OVERHEAD_BYTES * (1 + entries.length);
    const isTaken = this.#work.add(session, bytes, () => {
      const entry = entries[at++];
      const isNews = entry !== undefined &&
        (isUpdate
          ? this.#gossip.update(session, entry)
          : this.#gossip.learn(session, entry));
      if (isNews) this.#news.request();
      if (at < entries.length) return true;
      if (!more) this.#complete(session, state.told);
      return false;
    });
    // A list with a gap withdraws no report of a peer as live.
    if (!isTaken) state.hasGap = true;
  }

  /** A peer has sent a complete list: it reports these as live. */
  #complete(session: PeerSession, told: ReadonlySet<PeerId>): void {
    const { reports, states } = this.#options;
    const state = states.of(session);
    const changed = !state.hasGap && reports.complete(session.remote.id, told);
    state.told = new Set();
    state.hasGap = false;
    if (!changed && this.#isAnswered) return;
    this.#isAnswered = true;
    this.#news.request();
  }

  #tellNews(): void {
    const { events } = this.#options;
    events.emit("changed");
    if (this.#isAnswered) events.emit("answered");
  }

  /** A peer has broken a rule, which was noticed when its entry was processed. */
  #end(session: PeerSession, error: unknown): void {
    const fault = error instanceof VerackError
      ? error
      : new VerackError("closed", `Session failed: ${messageOf(error)}`);
    this.#warn(session, fault);
    session.channel.closeWith(fault);
  }

  /** Logs a fault in a peer's entries, once a session. */
  #warn(session: PeerSession, { message: reason }: VerackError): void {
    const state = this.#options.states.of(session);
    if (state.wasWarnedOf) return;
    state.wasWarnedOf = true;
    const from = session.remote.id;
    this.#options.log.warn("peer entry refused", { from, reason });
  }

  #spendRequest(session: PeerSession, command: string): void {
    const { clock, states } = this.#options;
    if (states.of(session).requests.take(clock.monotonic())) return;
    throw new VerackError(
      "protocol",
      `Cannot answer ${command}: more than ${PEER_REQUEST_BURST} requests, and one more each ${PEER_REQUEST_REFILL_MS} ms`,
    );
  }
}

/** Whether one of `fingerprints` is not in `view`. */
function hasOthers(
  fingerprints: readonly string[],
  view: readonly string[],
): boolean {
  const known = new Set(view);
  return fingerprints.some((other) => !known.has(other));
}

/** Fingerprints of 8 bytes are kept as text of 16 digits, in a list and in a set. */
function sizeOfRequest(payload: Uint8Array): number {
  return WORK_OVERHEAD_BYTES + 8 * payload.length;
}
