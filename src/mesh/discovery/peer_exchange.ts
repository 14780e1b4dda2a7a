/**
 * Peer exchange: sends peers what this node knows of others, and learns from them.
 *
 * A list is asked for by digest: equal digests end it. Else the answer is the
 * short fingerprints of those the other end knows, and only entries that are
 * missing travel whole. What others say is read by `gossip_reader.ts`; answers and
 * entries are worked off by turns (`work_queue.ts`).
 */
import { messageOf, VerackError } from "../../core/errors.ts";
import { equalBytes } from "../../identity/der.ts";
import type { PeerId } from "../../identity/identity.ts";
import {
  LEARNED_PAUSE_MS,
  MAX_INLINE_FINGERPRINTS,
  MAX_PEERS_PER_MESSAGE,
  PEER_REQUEST_BURST,
  PEER_REQUEST_REFILL_MS,
  WORK_OVERHEAD_BYTES,
} from "../../limits.ts";
import { SharedFrame } from "../../wire/frame.ts";
import { COMMAND } from "../../wire/commands.ts";
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
  type PeerEntry,
} from "../../wire/messages/peers.ts";
import type { MeshContext } from "../context.ts";
import { GossipList } from "./gossip_list.ts";
import { GossipReader } from "./gossip_reader.ts";
import { ExchangeScheduler } from "./exchange_scheduler.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import { MemberDigest } from "./member_digest.ts";
import { UnreachablePairs } from "./unreachable_pairs.ts";
import type { Peer } from "../peers/peer.ts";
import { LivenessReports } from "./liveness_reports.ts";
import { Throttle } from "./throttle.ts";
import { type Step, WorkQueue } from "./work_queue.ts";

/** A place in a list. */
const REFERENCE_BYTES = 8;

/** What the exchange tells the node. */
export interface ExchangeListener {
  /** A list brought peers or news of peers. */
  learned(): void;
  /** A peer has told of all it knows. */
  answered(): void;
}

/** Peer exchange of one node. */
export class PeerExchange {
  readonly #context: MeshContext;
  readonly #listener: ExchangeListener;
  /** Which peers report which others as live. */
  readonly reports: LivenessReports;
  /** Pairs that cannot reach each other. */
  readonly missing: UnreachablePairs;
  readonly #inquiries: ExchangeScheduler;
  readonly #view: MemberDigest;
  readonly #gossip: GossipReader;
  readonly #list: GossipList;
  readonly #work: WorkQueue;
  readonly #news: Throttle;
  /** A peer has told of all it knows. */
  #isAnswered = false;

  constructor(context: MeshContext, listener: ExchangeListener) {
    const { clock, signal, standing, table } = context;
    this.#context = context;
    this.#listener = listener;
    this.#view = new MemberDigest(context.identity.id, context.table);
    this.reports = new LivenessReports(table);
    this.#list = new GossipList(context);
    this.#gossip = new GossipReader(context, this.reports);
    this.#work = new WorkQueue({
      clock,
      signal,
      hasStanding: ({ peer }) => standing.has(table.get(peer.id)),
      onError: (link, error) => this.#end(link, error),
    });
    this.#news = new Throttle(clock, LEARNED_PAUSE_MS, () => this.#tellNews());
    signal.addEventListener("abort", () => this.#news.cancel(), { once: true });
    this.missing = new UnreachablePairs(context, this.reports);
    this.#inquiries = new ExchangeScheduler(context, this.reports, {
      ask: (link) => this.#ask(link),
      tell: (record, links) => this.#tell(record, links),
    });
    context.membership.onJoinRequest = () => this.#inquiries.knocked();
  }

  /** The first message on a session. */
  ownEntry(): Uint8Array<ArrayBuffer> {
    return this.#list.ownEntry();
  }

  /**
   * What the peer's first message says of it.
   *
   * @throws {VerackError} `malformed`, `protocol` or `bad-certificate`, before
   * anything has changed.
   */
  readOwnEntry(
    link: PeerSession,
    payload: Uint8Array,
  ): PeerEntry {
    const { entries, skipped, more, fault } = decodePeers(payload);
    if (fault !== undefined) throw fault;
    const [own] = entries;
    if (
      own === undefined || own.id !== link.peer.id ||
      entries.length + skipped !== 1 || more
    ) {
      throw new VerackError(
        "protocol",
        "Cannot accept peers: the first entry of a session must be the sender's own, alone and with no more to follow",
      );
    }
    if (!equalBytes(own.certificate, link.peer.certificate.der)) {
      throw new VerackError(
        "bad-certificate",
        "Cannot accept peers: the certificate in the sender's own entry must be the one that it has shown in this session",
      );
    }
    return own;
  }

  /** Asks a peer for members that are unknown here. */
  #ask(link: PeerSession): void {
    link.askedAt = this.#context.clock.monotonic();
    const { digest, fingerprints } = this.#view;
    const isShort = fingerprints.length <= MAX_INLINE_FINGERPRINTS;
    link.session.send(
      COMMAND.getpeers,
      encodeGetPeers({ digest, fingerprints: isShort ? fingerprints : [] }),
    );
  }

  /** A session counts from now on; `isNew` if its peer was never proven before. */
  met(link: PeerSession, isNew: boolean): void {
    this.#view.changed();
    this.#list.changed();
    this.#inquiries.met(link, isNew);
  }

  /** A peer is down; `record.left` says whether it said bye. */
  lost(record: Peer): void {
    this.#view.changed();
    this.#list.changed();
    this.reports.drop(record.id);
    if (!record.left) this.#inquiries.lost();
  }

  /** A session has ended: what is left to do for it is of no use any more. */
  closed(link: PeerSession): void {
    this.#work.drop(link);
  }

  /** Asks the peers that are due, and looks for unreachable pairs. */
  tick(now: number): void {
    this.#inquiries.tick(now);
    if (this.missing.tick(now)) this.#listener.learned();
  }

  /** Handles the messages of peer exchange on a session whose peer has sent its own entry. */
  register(link: PeerSession): void {
    const { session } = link;
    session.handle(COMMAND.getpeers, (it) => this.#onGetPeers(link, it));
    session.handle(COMMAND.peerids, (it) => this.#onPeerIds(link, it));
    session.handle(COMMAND.peers, (it) => this.#onPeers(link, it));
    session.handle(COMMAND.missing, (it) => this.missing.onMissing(link, it));
  }

  /** Sends a peer all known members, unasked. */
  tellAll(link: PeerSession): void {
    const step = this.#answer(link, this.#list.newsTo(link, new Set()));
    const bytes = WORK_OVERHEAD_BYTES + this.#sizeOfAnswer();
    this.#work.add(link, bytes, step);
  }

  /** Sends all peers the entry of one that this node has admitted. */
  spread(record: Peer): void {
    const peers = this.#context.table.connected();
    this.#tell(record, peers.flatMap(({ primary }) => primary ?? []));
  }

  /** Tells these of one peer, as a part of an answer to come: it is not all we know. */
  #tell(record: Peer, links: readonly PeerSession[]): void {
    const entries = [this.#list.entryOf(record)];
    const payload = encodePeers({ more: true, entries });
    const frame = new SharedFrame(this.#context.magic, COMMAND.peers, payload);
    for (const { peer, session } of links) {
      if (peer.id !== record.id) session.sendShared(frame);
    }
  }

  #onGetPeers(link: PeerSession, payload: Uint8Array): void {
    this.#spendRequest(link, COMMAND.getpeers);
    const request = decodeGetPeers(payload);
    let answer: Step | undefined;
    const bytes = sizeOfRequest(payload) + this.#sizeOfAnswer();
    this.#work.add(link, bytes, () => {
      answer ??= this.#answerTo(link, request);
      return answer();
    });
  }

  #answerTo(link: PeerSession, request: GetPeersMessage): Step {
    const { digest, fingerprints } = this.#view;
    const equal = digest === request.digest;
    if (!equal && request.fingerprints.length === 0) {
      return () => {
        link.session.send(COMMAND.peerids, encodePeerIds({ fingerprints }));
        return false;
      };
    }
    const known = new Set(request.fingerprints);
    return this.#answer(link, equal ? [] : this.#list.newsTo(link, known));
  }

  /** Bytes that an answer holds until its last message is sent. */
  #sizeOfAnswer(): number {
    return REFERENCE_BYTES * this.#context.table.size;
  }

  /** Sends one message of an answer at each step. */
  #answer(link: PeerSession, news: readonly Peer[]): Step {
    // An empty answer is one, too: what we said before is no longer so.
    let at = 0;
    return () => {
      const end = at + MAX_PEERS_PER_MESSAGE;
      const entries = news.slice(at, end).map((record) =>
        this.#list.encodedEntryOf(record)
      );
      const more = end < news.length;
      link.session.send(COMMAND.peers, joinPeers({ more, entries }));
      at = end;
      return more;
    };
  }

  /** The other end's members: ask for entries if one of them is not connected to us. */
  #onPeerIds(link: PeerSession, payload: Uint8Array): void {
    // It makes us send something, so it counts like a request.
    this.#spendRequest(link, COMMAND.peerids);
    const { fingerprints } = decodePeerIds(payload);
    this.#work.add(link, sizeOfRequest(payload), () => {
      const { digest, fingerprints: own } = this.#view;
      const known = new Set(own);
      if (fingerprints.every((other) => known.has(other))) {
        this.#complete(link, new Set());
      } else {
        const question = encodeGetPeers({ digest, fingerprints: own });
        link.session.send(COMMAND.getpeers, question);
      }
      return false;
    });
  }

  #onPeers(link: PeerSession, payload: Uint8Array): void {
    const { entries, more, fault } = decodePeers(payload);
    if (fault !== undefined) this.#warn(link, fault);
    let at = 0;
    const bytes = payload.length + WORK_OVERHEAD_BYTES * (1 + entries.length);
    const isTaken = this.#work.add(link, bytes, () => {
      const entry = entries[at++];
      if (entry !== undefined && this.#gossip.learn(link, entry)) {
        this.#news.request();
      }
      if (at < entries.length) return true;
      if (!more) this.#complete(link, link.told ?? new Set());
      return false;
    });
    // A list with a gap takes back no report of a peer as live.
    if (!isTaken) link.hasGap = true;
  }

  /** A peer has told of all it knows: of these it says that they are live. */
  #complete(link: PeerSession, told: ReadonlySet<PeerId>): void {
    const { hasGap } = link;
    link.told = undefined;
    link.hasGap = false;
    const changed = !hasGap &&
      this.reports.complete(link.peer.id, told);
    if (!changed && this.#isAnswered) return;
    this.#isAnswered = true;
    this.#news.request();
  }

  #tellNews(): void {
    this.#listener.learned();
    if (this.#isAnswered) this.#listener.answered();
  }

  /** A peer has broken a rule, which showed only in its turn. */
  #end(link: PeerSession, error: unknown): void {
    const fault = error instanceof VerackError
      ? error
      : new VerackError("closed", `Session failed: ${messageOf(error)}`);
    this.#warn(link, fault);
    link.session.closeWith(fault);
  }

  /** Says what is wrong with what a peer tells, once a session. */
  #warn(link: PeerSession, { message: reason }: VerackError): void {
    if (link.wasWarnedOf) return;
    link.wasWarnedOf = true;
    const from = link.peer.id;
    this.#context.log.warn("peer entry refused", { from, reason });
  }

  #spendRequest(link: PeerSession, command: string): void {
    if (link.requests.take(this.#context.clock.monotonic())) return;
    throw new VerackError(
      "protocol",
      `Cannot answer ${command}: more than ${PEER_REQUEST_BURST} requests, and one more each ${PEER_REQUEST_REFILL_MS} ms`,
    );
  }
}

/** Fingerprints of 8 bytes are kept as text of 16 digits, in a list and in a set. */
function sizeOfRequest(payload: Uint8Array): number {
  return WORK_OVERHEAD_BYTES + 8 * payload.length;
}
