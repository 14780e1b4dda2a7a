/**
 * Peer exchange: telling others whom we know, and learning from them.
 *
 * A list is asked for by digest: equal digests end it. Else the answer is the
 * short fingerprints of those the other end knows, and only entries that are
 * missing travel whole. What others say is rumour: judged, bounded, and never in
 * the place of what was proven to us.
 */
import { VerackError } from "../errors.ts";
import { judgeCertificate } from "../identity/certificate.ts";
import { equalBytes } from "../identity/der.ts";
import {
  COLLISION_CROWD,
  COLLISION_GRACE_MAX_MS,
  COLLISION_GRACE_PER_PEER_MS,
  DIAL_HINT_INTERVAL_MS,
  GOSSIP_FRESH_MS,
  MAX_ADDRESSES_PER_ENTRY,
  MAX_INLINE_FINGERPRINTS,
  MAX_PEERS_PER_MESSAGE,
  PEER_REQUEST_BURST,
  PEER_REQUEST_REFILL_MS,
  RECENT_SESSION_MS,
} from "../limits.ts";
import { SharedFrame } from "../session/shared_frame.ts";
import { classifyIp } from "../transport/scope.ts";
import { COMMAND } from "../wire/commands.ts";
import type { Frame } from "../wire/frame.ts";
import { AS_SEEN_HOST, canTell } from "../wire/messages/peer_address.ts";
import {
  decodeGetPeers,
  decodePeerIds,
  encodeGetPeers,
  encodePeerIds,
} from "../wire/messages/peer_request.ts";
import {
  decodePeers,
  encodePeers,
  PEER_FLAG,
  type PeerEntry,
} from "../wire/messages/peers.ts";
import type { MeshContext } from "./context.ts";
import { Inquiries } from "./inquiries.ts";
import type { Link } from "./link.ts";
import { fingerprint, MemberView } from "./member_view.ts";
import { Missing } from "./missing.ts";
import type { PeerRecord } from "./peer_table.ts";
import { Reports } from "./reports.ts";

/** What the exchange tells the node. */
export interface ExchangeListener {
  /** A list brought peers or news of peers. */
  learned(): void;
  /** A peer has told of all it knows. */
  answered(): void;
}

/** Peer exchange of one node. */
export class Exchange {
  readonly #context: MeshContext;
  readonly #listener: ExchangeListener;
  /** Who says of whom that it is live. */
  readonly reports: Reports;
  /** Pairs that cannot reach each other. */
  readonly missing: Missing;
  readonly #inquiries: Inquiries;
  readonly #view: MemberView;

  constructor(context: MeshContext, listener: ExchangeListener) {
    this.#context = context;
    this.#listener = listener;
    this.#view = new MemberView(context.identity.id, context.table);
    this.reports = new Reports(context.table);
    this.missing = new Missing(context, this.reports);
    this.#inquiries = new Inquiries(context, this.reports, {
      ask: (link) => this.#ask(link),
      tell: (record, links) => this.#tell(record, links),
    });
    context.membership.onKnock = () => this.#inquiries.knocked();
  }

  /** The first message on a session: our own entry, with where we listen. */
  ownEntry(): Uint8Array<ArrayBuffer> {
    const { identity, options, listenAddress, clock } = this.#context;
    return encodePeers({
      more: false,
      entries: [{
        identity: identity.id,
        certificate: identity.certificate,
        addresses: [
          options.advertise ??
            { host: AS_SEEN_HOST, port: listenAddress.port },
        ],
        lastSeen: unixTime(clock.now()),
        flags: PEER_FLAG.live |
          (identity.ephemeral ? PEER_FLAG.ephemeral : 0),
        name: options.name,
        statement: new Uint8Array(0),
      }],
    });
  }

  /**
   * Reads the peer's first message; what it says is recorded by calling the
   * function that is returned.
   *
   * @throws {VerackError} `malformed`, `protocol` or `bad-certificate`, before
   * anything has changed.
   */
  readOwnEntry(
    link: Link,
    payload: Uint8Array,
  ): (record: PeerRecord) => void {
    const { entries, skipped, more, fault } = decodePeers(payload);
    if (fault !== undefined) throw fault;
    const [own] = entries;
    if (
      own === undefined || own.identity !== link.peer.identity ||
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
    return (record) => {
      record.name = own.name;
      this.#addAddresses(record, own, "claimed", link);
    };
  }

  /** Asks a peer whether it knows somebody we do not. */
  #ask(link: Link): void {
    link.askedAt = this.#context.clock.monotonic();
    const { digest, fingerprints } = this.#view;
    const isShort = fingerprints.length <= MAX_INLINE_FINGERPRINTS;
    link.session.send(
      COMMAND.getpeers,
      encodeGetPeers({ digest, fingerprints: isShort ? fingerprints : [] }),
    );
  }

  /** A session counts from now on; `isNew` if its peer was never proven before. */
  met(link: Link, isNew: boolean): void {
    this.#view.changed();
    this.#inquiries.met(link, isNew);
  }

  /** A peer is down; `record.left` says whether it said bye. */
  lost(record: PeerRecord): void {
    this.#view.changed();
    this.reports.drop(record.identity);
    if (!record.left) this.#inquiries.lost();
  }

  /** Asks whom it is time to ask, and sees who is missing. */
  tick(now: number): void {
    this.#inquiries.tick(now);
    if (this.missing.tick(now)) this.#listener.learned();
  }

  /** A message after the first on a session; unknown ones are ignored. */
  onFrame(link: Link, frame: Frame): void {
    switch (frame.command) {
      case COMMAND.getpeers:
        return this.#onGetPeers(link, frame.payload);
      case COMMAND.peerids:
        return this.#onPeerIds(link, frame.payload);
      case COMMAND.peers:
        return this.#onPeers(link, frame.payload);
      case COMMAND.missing:
        return this.missing.onMissing(link, frame.payload);
    }
  }

  /** Tells somebody of everybody, unasked. */
  tellAll(link: Link): void {
    this.#answer(
      link,
      this.#gossipable().filter(({ identity }) =>
        identity !== link.peer.identity
      ),
    );
  }

  /** Tells everybody of one peer: this node has admitted it, and says so first. */
  spread(record: PeerRecord): void {
    const peers = this.#context.table.connected();
    this.#tell(record, peers.flatMap(({ primary }) => primary ?? []));
  }

  /** Tells these of one peer, as a part of an answer to come: it is not all we know. */
  #tell(record: PeerRecord, links: readonly Link[]): void {
    const entries = [this.#entryOf(record)];
    const payload = encodePeers({ more: true, entries });
    const frame = new SharedFrame(this.#context.magic, COMMAND.peers, payload);
    for (const { peer, session } of links) {
      if (peer.identity !== record.identity) session.sendShared(frame);
    }
  }

  #onGetPeers(link: Link, payload: Uint8Array): void {
    this.#spendRequest(link, COMMAND.getpeers);
    const request = decodeGetPeers(payload);
    const { digest, fingerprints } = this.#view;
    const equal = digest === request.digest;
    if (!equal && request.fingerprints.length === 0) {
      link.session.send(COMMAND.peerids, encodePeerIds({ fingerprints }));
      return;
    }
    const known = new Set(request.fingerprints);
    const news = equal
      ? []
      : this.#gossipable().filter((record) =>
        record.identity !== link.peer.identity &&
        !known.has(fingerprint(record.identity))
      );
    this.#answer(link, news);
  }

  #answer(link: Link, news: readonly PeerRecord[]): void {
    // An empty answer is one, too: what we said before is no longer so.
    let at = 0;
    do {
      const end = at + MAX_PEERS_PER_MESSAGE;
      const entries = news.slice(at, end).map((record) =>
        this.#entryOf(record)
      );
      link.session.send(
        COMMAND.peers,
        encodePeers({ more: end < news.length, entries }),
      );
      at = end;
    } while (at < news.length);
  }

  /** The other end's members: ask for entries if one of them is not connected to us. */
  #onPeerIds(link: Link, payload: Uint8Array): void {
    // It makes us send something, so it counts like a request.
    this.#spendRequest(link, COMMAND.peerids);
    const { fingerprints } = decodePeerIds(payload);
    const { digest, fingerprints: own } = this.#view;
    const known = new Set(own);
    if (fingerprints.every((other) => known.has(other))) {
      this.reports.complete(link.peer.identity, new Set());
      return this.#listener.answered();
    }
    link.session.send(
      COMMAND.getpeers,
      encodeGetPeers({ digest, fingerprints: own }),
    );
  }

  #onPeers(link: Link, payload: Uint8Array): void {
    const { entries, more, skipped, fault } = decodePeers(payload);
    if (fault !== undefined) this.#refuse(link, skipped, fault);
    for (const entry of entries) this.#learn(link, entry);
    if (!more) {
      this.reports.complete(link.peer.identity, link.told ?? new Set());
      link.told = undefined;
    }
    this.#listener.learned();
    if (!more) this.#listener.answered();
  }

  /** One entry from somebody else. */
  #learn(link: Link, entry: PeerEntry): void {
    const { table, identity: own, clock, membership } = this.#context;
    const { identity } = entry;
    if (identity === own.id || identity === link.peer.identity) return;
    const known = table.get(identity);
    if (known?.up || membership.isDeafTo(identity)) return;
    // Whom nobody can dial nobody would find out about: a lie that stays for good.
    const isNowhere = entry.addresses.every(({ host }) =>
      host === AS_SEEN_HOST
    );
    if (known === undefined && isNowhere) return;
    // Before the certificate is judged: verifying costs more than making it up.
    if (!table.mayIntroduce(identity, link.peer.identity)) return;
    if (!link.judgements.take(clock.monotonic())) return;
    if (!membership.hears(identity, entry.statement)) return;
    let certificate;
    try {
      certificate = judgeCertificate(entry.certificate, identity);
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      return this.#refuse(link, 1, error);
    }
    const record = table.introduce(identity, link.peer.identity);
    if (record === undefined) return;
    record.certificate ??= certificate;
    membership.vouch(record, entry.statement);
    if (!record.isProven) {
      record.ephemeral = (entry.flags & PEER_FLAG.ephemeral) !== 0;
      // Its own word, once we have it, outranks what others call it.
      if (record.name === "") record.name = entry.name;
    }
    this.#addAddresses(record, entry, "rumoured", link);
    if ((entry.flags & PEER_FLAG.live) !== 0) {
      const now = clock.monotonic();
      // Bounded by the table: of whom there is no record, nothing is kept.
      link.told ??= new Set();
      link.told.add(record.identity);
      this.reports.add(record, link.peer.identity, now);
      record.left = false;
      // Not each time it is said, or who repeats it sets the pace of our dials.
      if (now - record.hintedAt >= DIAL_HINT_INTERVAL_MS) {
        record.hintedAt = now;
        record.nextDialAt = Math.min(record.nextDialAt, now);
        // Who joins together hears of each other together, and would dial each
        // other at once: the smaller one lets the other go first.
        const recent = (entry.flags & PEER_FLAG.recent) !== 0;
        const crowd = table.size > COLLISION_CROWD;
        if (recent && crowd && !record.isProven && own.id < identity) {
          record.nextDialAt = now + COLLISION_GRACE_PER_PEER_MS * table.size;
          record.yieldsUntil = now + COLLISION_GRACE_MAX_MS;
        }
      }
    }
  }

  /** Counts entries that are of no use; says so once a session. */
  #refuse(link: Link, count: number, { message: reason }: VerackError): void {
    if (link.refusedEntries === 0) {
      const from = link.peer.identity;
      this.#context.log.warn("peer entry refused", { from, reason });
    }
    link.refusedEntries += count;
  }

  #addAddresses(
    record: PeerRecord,
    entry: PeerEntry,
    rank: "claimed" | "rumoured",
    link: Link,
  ): void {
    const { host } = link.remoteAddress;
    const namedFrom = classifyIp(host);
    for (const named of entry.addresses) {
      const seen = named.host === AS_SEEN_HOST;
      // "The address you see me at" makes sense in a peer's own entry only.
      if (seen && rank === "rumoured") continue;
      const address = seen ? { host, port: named.port } : named;
      record.addresses.add(address, rank, namedFrom);
    }
  }

  /** What we tell about a peer: addresses that are proven, or its own claim. */
  #entryOf(record: PeerRecord): PeerEntry {
    const addresses = record.addresses.told().filter(canTell)
      .slice(0, MAX_ADDRESSES_PER_ENTRY);
    const age = this.#context.clock.monotonic() -
      (record.primary?.openedAt ?? -Infinity);
    return {
      identity: record.identity,
      certificate: record.certificate?.der ?? new Uint8Array(0),
      addresses,
      lastSeen: unixTime(record.lastSeen),
      flags: (record.up ? PEER_FLAG.live : 0) |
        (record.ephemeral ? PEER_FLAG.ephemeral : 0) |
        (age < RECENT_SESSION_MS ? PEER_FLAG.recent : 0),
      name: record.name,
      statement: this.#context.membership.statementFor(record),
    };
  }

  /** Peers we have verified ourselves lately, and that others may reach. */
  #gossipable(): PeerRecord[] {
    const { clock, membership, table } = this.#context;
    const fresh = clock.now() - GOSSIP_FRESH_MS;
    return [...table.values()].filter((record) =>
      record.certificate !== undefined &&
      !membership.isDenied(record.identity) &&
      (record.up ||
        // A key that lived in memory is most likely gone with the session.
        (record.isProven && record.lastSeen > fresh && !record.left &&
          !record.ephemeral))
    );
  }

  #spendRequest(link: Link, command: string): void {
    if (link.requests.take(this.#context.clock.monotonic())) return;
    throw new VerackError(
      "protocol",
      `Cannot answer ${command}: more than ${PEER_REQUEST_BURST} requests, and one more each ${PEER_REQUEST_REFILL_MS} ms`,
    );
  }
}

/** Whole seconds; a clock before 1970 is told as "never". */
function unixTime(ms: number): number {
  return Math.max(0, Math.floor(ms / 1_000));
}
