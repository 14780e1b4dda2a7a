/**
 * Every other node we remember, connected or not, under its identity: the one
 * place where state about peers is kept. Bounded; which record gives way to a new
 * one is decided in `table_room.ts`.
 */
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Clock } from "../../core/clock.ts";
import { MAX_RUMOURS_PER_SOURCE, TABLE_LOOK_MS } from "../../limits.ts";
import type { NodeEvent, Trust } from "../events.ts";
import type { PeerSession } from "../sessions/peer_session.ts";
import { PeerAddresses } from "./peer_addresses.ts";
import { TableRoom, type TableRules } from "./table_room.ts";

const NO_STATEMENT = new Uint8Array(0);

/** What we know of one peer. */
export class Peer {
  readonly id: PeerId;
  readonly addresses = new PeerAddresses();
  /** Proven or judged certificate; without one the first dial fetches it. */
  certificate: VerifiedCertificate | undefined;
  /** Its sessions, oldest first; more than one only while a collision is settled. */
  sessions: PeerSession[] = [];
  /** What `peer:up` said of it, until `peer:down` is said. */
  announced: Extract<NodeEvent, { type: "peer:up" }> | undefined;
  trust: Trust = "first-use";
  /** Its key dies with its process. */
  ephemeral = false;
  /** What it calls itself: a claim that authorises nothing; escape before showing. */
  name = "";
  /**
   * Where it comes from, as fair shares count it: the `sourceOf` the address of its
   * last session. While it was never verified, that of the peer that told of it, or
   * that peer itself if it has standing.
   */
  source = "";
  /** By which a member admitted it, see `PeerEntry.statement`; empty if none did. */
  attestation: Uint8Array<ArrayBuffer> = NO_STATEMENT;
  /**
   * It has acknowledged a message that was sent to it alone, or came by an invite of
   * this node: what a new key does not have. See `standing.ts`.
   */
  earnedStanding = false;
  /** It was up for long when there was room for one more of these, see `standing.ts`. */
  upForLong = false;
  /** It said bye. */
  left = false;
  /** Wall clock, milliseconds, of its first proof; 0 if never proven. */
  firstSeen = 0;
  /** Wall clock, milliseconds, of its last proof or traffic; 0 if never proven. */
  lastSeen = 0;
  /** Connected peers that have a session with it while we have none: `liveness_reports.ts`. */
  readonly reporters = new Set<PeerId>();
  /** Monotonic clock, milliseconds, of the first such report and of the last. */
  reportedAt: number | undefined;
  confirmedAt = 0;
  /** Who introduced it, while nobody has proven it to us. */
  introducedBy: PeerId | undefined;
  /** Monotonic clock, milliseconds, when others' word last brought a dial forward. */
  hintedAt = -Infinity;
  /** Ends the dial under way. */
  dialing: AbortController | undefined;
  failures = 0;
  /** Monotonic clock, milliseconds, when it was lost or first not reached; absent while it is up. */
  downSince: number | undefined;
  /** Monotonic clock, milliseconds; not dialed before. */
  nextDialAt = 0;
  /** Until then it may yet dial us, and we wait while anybody arrives. */
  yieldsUntil = 0;

  constructor(id: PeerId) {
    this.id = id;
  }

  /** The session to send on: the newest that is introduced and not being settled. */
  get primary(): PeerSession | undefined {
    return this.sessions.findLast((link) => link.introduced && !link.pending);
  }

  /** Whether there is a session with it that counts. */
  get up(): boolean {
    return this.announced !== undefined;
  }

  /** Whether somebody else says that it is live. */
  get reportedLive(): boolean {
    return this.reporters.size > 0;
  }

  /** Whether it was proven to us, or a person named it. */
  get isKnown(): boolean {
    return this.isVerified || this.trust === "pinned";
  }

  /** Whether it was ever proven to us. */
  get isVerified(): boolean {
    return this.lastSeen > 0;
  }
}

/** How a peer comes on record. */
export interface Entry {
  /** See {@linkcode Peer.source}. @default as it was */
  readonly source?: string;
  /** It has standing by more than its record says as yet. @default {false} */
  readonly hasStanding?: boolean;
}

/** Settings of a {@linkcode PeerTable}. */
export interface TableOptions extends TableRules {
  readonly clock: Clock;
}

/** All records of one node. */
export class PeerTable {
  readonly #options: TableOptions;
  readonly #records = new Map<PeerId, Peer>();
  readonly #rumours = new Map<PeerId, number>();
  readonly #room: TableRoom;
  /** Monotonic clock, milliseconds; gossip looks for no room before. */
  #nextLookAt = -Infinity;
  /** Called with every record that is dropped. */
  readonly onForget: ((record: Peer) => void)[] = [];

  constructor(options: TableOptions) {
    this.#options = options;
    this.#room = new TableRoom(options, this.#records);
  }

  /** The record of an identity. */
  get(id: PeerId): Peer | undefined {
    return this.#records.get(id);
  }

  /** All records, oldest first. */
  values(): Iterable<Peer> {
    return this.#records.values();
  }

  get size(): number {
    return this.#records.size;
  }

  /** Peers that are up. */
  connected(): Peer[] {
    return [...this.#records.values()].filter((record) => record.up);
  }

  /** Whether {@linkcode ensure} would give a record. */
  mayEnsure(
    id: PeerId,
    { hasStanding = false }: Entry = {},
  ): boolean {
    if (this.#records.has(id)) return true;
    const standing = hasStanding ||
      this.#options.hasStanding(new Peer(id));
    return this.#room.fits(standing) || this.#room.next() !== undefined ||
      this.#room.fits(standing);
  }

  /**
   * The record of a peer that was proven to us or that a person named. If there is no
   * room for a new one, another gives way; `undefined` if none may.
   */
  ensure(id: PeerId, entry: Entry = {}): Peer | undefined {
    const { hasStanding = false, source } = entry;
    const known = this.#records.get(id);
    const record = known ?? new Peer(id);
    if (source !== undefined) record.source = source;
    return known ?? this.#add(record, hasStanding);
  }

  /**
   * A record for a peer that `source` spoke of; `undefined` when there is no room or
   * the source has introduced its share of unproven peers.
   */
  introduce(
    id: PeerId,
    source: PeerId,
  ): Peer | undefined {
    if (!this.mayIntroduce(id, source)) return undefined;
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    const record = new Peer(id);
    record.introducedBy = source;
    record.source = this.#sourceOf(source);
    record.trust = "known";
    const added = this.#add(record, false);
    if (added === undefined) return undefined;
    this.#rumours.set(source, (this.#rumours.get(source) ?? 0) + 1);
    return added;
  }

  /** Whether {@linkcode introduce} would give a record. */
  mayIntroduce(id: PeerId, source: PeerId): boolean {
    return this.#records.has(id) ||
      ((this.#rumours.get(source) ?? 0) < MAX_RUMOURS_PER_SOURCE &&
        this.#hasRoomFrom(source));
  }

  /** The peer was proven: whoever introduced it gets its share back. */
  confirm(record: Peer): void {
    const source = record.introducedBy;
    if (source === undefined) return;
    record.introducedBy = undefined;
    const count = (this.#rumours.get(source) ?? 1) - 1;
    if (count > 0) this.#rumours.set(source, count);
    else this.#rumours.delete(source);
  }

  /** Drops a record that has no sessions. */
  forget(record: Peer): void {
    this.#drop(record);
    this.#room.dropped();
  }

  #drop(record: Peer): void {
    this.confirm(record);
    this.#records.delete(record.id);
    for (const listener of this.onForget) listener(record);
  }

  #add(record: Peer, hasStanding: boolean): Peer | undefined {
    const standing = hasStanding || this.#options.hasStanding(record);
    if (!this.#room.fits(standing)) {
      const next = this.#room.next();
      if (next !== undefined) {
        this.#drop(next);
        this.#room.gaveWay(next);
      } else if (!this.#room.fits(standing)) return undefined;
    }
    this.#records.set(record.id, record);
    this.#room.added(record, standing);
    return record;
  }

  #hasRoomFrom(source: PeerId): boolean {
    if (this.#room.fits(false)) return true;
    const now = this.#options.clock.monotonic();
    // A list of peers costs its sender nothing: not each entry has the table walked.
    if (now < this.#nextLookAt) return false;
    const next = this.#room.next();
    if (next !== undefined) {
      return this.#room.isFairer(next, this.#sourceOf(source));
    }
    if (this.#room.fits(false)) return true;
    this.#nextLookAt = now + TABLE_LOOK_MS;
    return false;
  }

  #sourceOf(teller: PeerId): string {
    const record = this.#records.get(teller);
    return record === undefined || this.#options.hasStanding(record)
      ? teller
      : record.source;
  }
}
