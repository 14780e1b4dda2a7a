/**
 * Every other node we remember, connected or not, under its identity: the one
 * place where state about peers is kept. Bounded; whoever was proven outranks
 * whoever was only spoken of.
 */
import type { JudgedCertificate } from "../identity/certificate.ts";
import type { IdentityId } from "../identity/identity.ts";
import { MAX_PEERS, MAX_RUMOURS_PER_SOURCE } from "../limits.ts";
import type { NodeEvent, Trust } from "./events.ts";
import type { Link } from "./link.ts";
import { PeerAddresses } from "./peer_addresses.ts";

const NO_STATEMENT = new Uint8Array(0);

/** What we know of one peer. */
export class PeerRecord {
  readonly identity: IdentityId;
  readonly addresses = new PeerAddresses();
  /** Proven or judged certificate; without one the first dial fetches it. */
  certificate: JudgedCertificate | undefined;
  /** Its sessions, oldest first; more than one only while a collision is settled. */
  links: Link[] = [];
  /** What `peer:up` said of it, until `peer:down` is said. */
  announced: Extract<NodeEvent, { type: "peer:up" }> | undefined;
  trust: Trust = "first-use";
  /** Its key dies with its process. */
  ephemeral = false;
  /** What it calls itself: a claim that authorises nothing; escape before showing. */
  name = "";
  /** By which a member admitted it, see `PeerEntry.statement`; empty if none did. */
  statement: Uint8Array<ArrayBuffer> = NO_STATEMENT;
  /**
   * It has acknowledged a message that was sent to it alone, came by an invite of
   * this node, or was up for long: what a new key does not have. See `standing.ts`.
   */
  earnedStanding = false;
  /** It said bye. */
  left = false;
  /** Wall clock, milliseconds, of its first proof; 0 if never proven. */
  firstSeen = 0;
  /** Wall clock, milliseconds, of its last proof or traffic; 0 if never proven. */
  lastSeen = 0;
  /** Connected peers that say they have a session with it while we have none, see `reports.ts`. */
  readonly reporters = new Set<IdentityId>();
  /** Monotonic clock, milliseconds, of the first such report and of the last. */
  reportedAt: number | undefined;
  confirmedAt = 0;
  /** Who introduced it, while nobody has proven it to us. */
  introducedBy: IdentityId | undefined;
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

  constructor(identity: IdentityId) {
    this.identity = identity;
  }

  /** The session to send on: the newest that is introduced and not being settled. */
  get primary(): Link | undefined {
    return this.links.findLast((link) => link.introduced && !link.pending);
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
    return this.isProven || this.trust === "pinned";
  }

  /** Whether it was ever proven to us. */
  get isProven(): boolean {
    return this.lastSeen > 0;
  }
}

/** All records of one node. */
export class PeerTable {
  readonly #records = new Map<IdentityId, PeerRecord>();
  readonly #rumours = new Map<IdentityId, number>();
  /** Called with every record that is dropped. */
  readonly onForget: ((record: PeerRecord) => void)[] = [];

  /** The record of an identity. */
  get(identity: IdentityId): PeerRecord | undefined {
    return this.#records.get(identity);
  }

  /** All records, oldest first. */
  values(): Iterable<PeerRecord> {
    return this.#records.values();
  }

  get size(): number {
    return this.#records.size;
  }

  /** Peers that are up. */
  connected(): PeerRecord[] {
    return [...this.#records.values()].filter((record) => record.up);
  }

  /**
   * The record of a peer that was proven to us or that a person named. Makes room
   * by dropping the oldest record that is only rumour; a table full of proven,
   * connected or typed peers gives `undefined`.
   */
  ensure(identity: IdentityId): PeerRecord | undefined {
    const known = this.#records.get(identity);
    if (known !== undefined) return known;
    if (this.#records.size >= MAX_PEERS) {
      const victim = this.#victim();
      if (victim === undefined) return undefined;
      this.forget(victim);
    }
    const record = new PeerRecord(identity);
    this.#records.set(identity, record);
    return record;
  }

  /**
   * A record for a peer that `source` spoke of; `undefined` when the table is
   * full or the source has introduced its share of unproven peers.
   */
  introduce(
    identity: IdentityId,
    source: IdentityId,
  ): PeerRecord | undefined {
    if (!this.mayIntroduce(identity, source)) return undefined;
    const known = this.#records.get(identity);
    if (known !== undefined) return known;
    this.#rumours.set(source, (this.#rumours.get(source) ?? 0) + 1);
    const record = new PeerRecord(identity);
    record.introducedBy = source;
    record.trust = "known";
    this.#records.set(identity, record);
    return record;
  }

  /** Whether {@linkcode introduce} would give a record. */
  mayIntroduce(identity: IdentityId, source: IdentityId): boolean {
    return this.#records.has(identity) ||
      (this.#records.size < MAX_PEERS &&
        (this.#rumours.get(source) ?? 0) < MAX_RUMOURS_PER_SOURCE);
  }

  /** The peer was proven: whoever introduced it gets its share back. */
  confirm(record: PeerRecord): void {
    const source = record.introducedBy;
    if (source === undefined) return;
    record.introducedBy = undefined;
    const count = (this.#rumours.get(source) ?? 1) - 1;
    if (count > 0) this.#rumours.set(source, count);
    else this.#rumours.delete(source);
  }

  /** Drops a record that has no sessions. */
  forget(record: PeerRecord): void {
    this.confirm(record);
    this.#records.delete(record.identity);
    for (const listener of this.onForget) listener(record);
  }

  #victim(): PeerRecord | undefined {
    const idle = [...this.#records.values()].filter((record) =>
      record.links.length === 0 && record.dialing === undefined &&
      !record.addresses.hasTyped
    );
    return idle.find((record) => !record.isProven) ??
      idle.reduce<PeerRecord | undefined>(
        (oldest, record) =>
          oldest === undefined || record.lastSeen < oldest.lastSeen
            ? record
            : oldest,
        undefined,
      );
  }
}
