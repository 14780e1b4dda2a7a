/**
 * Reads gossip: what a peer says of others is checked, bounded, and never replaces what
 * this node has verified. The messages that bring it are handled in `peer_exchange.ts`.
 */
import { VerackError } from "../../core/errors.ts";
import {
  type VerifiedCertificate,
  verifyCertificate,
} from "../../identity/certificate.ts";
import { equalBytes } from "../../identity/der.ts";
import { shortId } from "../../identity/identity.ts";
import {
  COLLISION_CROWD,
  COLLISION_GRACE_MAX_MS,
  COLLISION_GRACE_PER_PEER_MS,
  DIAL_HINT_INTERVAL_MS,
} from "../../limits.ts";
import { classifyIp } from "../../transport/scope.ts";
import {
  AS_SEEN_HOST,
  PEER_FLAG,
  type PeerEntry,
} from "../../wire/messages/peers.ts";
import type { MeshContext } from "../context.ts";
import type { PeerSession } from "../sessions/peer_session.ts";
import type { Peer } from "../peers/peer_table.ts";
import type { LivenessReports } from "./liveness_reports.ts";

/** Reads what the peers of one node say of others. */
export class GossipReader {
  readonly #context: MeshContext;
  readonly #reports: LivenessReports;

  constructor(context: MeshContext, reports: LivenessReports) {
    this.#context = context;
    this.#reports = reports;
  }

  /**
   * One entry from another peer; true if there is a record of it.
   *
   * @throws {VerackError} `bad-certificate`: a node passes on only what it has
   * verified itself, so that its sender made this up.
   */
  learn(link: PeerSession, entry: PeerEntry): boolean {
    const { table, identity: own, clock, membership, standing } = this.#context;
    const { id } = entry;
    if (id === own.id || id === link.peer.id) return false;
    const known = table.get(id);
    if (known?.up || membership.ignoresGossipAbout(id)) return false;
    // Whom nobody can dial nobody would find out about: a lie that stays for good.
    const isNowhere = entry.addresses.every(({ host }) =>
      host === AS_SEEN_HOST
    );
    if (known === undefined && isNowhere) return false;
    // Before the certificate is judged: verifying costs more than making it up.
    if (!table.mayIntroduce(id, link.peer.id)) return false;
    if (!link.judgements.take(clock.monotonic())) return false;
    if (!membership.acceptsGossipAbout(id, entry.statement)) return false;
    const certificate = judge(entry, known);
    const record = table.introduce(id, link.peer.id);
    if (record === undefined) return false;
    record.certificate ??= certificate;
    membership.attest(record, entry.statement);
    if (!record.isVerified) {
      // Pins, names and messages end with a key in memory: no gossip ends those of a
      // peer that a person named.
      record.ephemeral = (entry.flags & PEER_FLAG.ephemeral) !== 0 &&
        !standing.has(record);
      // Its own word, once we have it, outranks what others call it.
      if (record.name === "") record.name = entry.name;
    }
    this.addAddresses(record, entry, "rumoured", link);
    if ((entry.flags & PEER_FLAG.live) !== 0) this.#report(link, entry, record);
    return true;
  }

  /** Where an entry says that a peer is. */
  addAddresses(
    record: Peer,
    entry: PeerEntry,
    rank: "claimed" | "rumoured",
    link: PeerSession,
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

  /** The sender says that it has a session with this peer. */
  #report(link: PeerSession, entry: PeerEntry, record: Peer): void {
    const { table, identity: own, clock } = this.#context;
    const now = clock.monotonic();
    this.#reports.add(record, link.peer.id, now);
    // A word that is not kept cannot be taken back.
    if (record.reporters.has(link.peer.id)) {
      link.told ??= new Set();
      link.told.add(record.id);
    }
    record.left = false;
    // Not each time it is said, or who repeats it sets the pace of our dials.
    if (now - record.hintedAt < DIAL_HINT_INTERVAL_MS) return;
    record.hintedAt = now;
    record.nextDialAt = Math.min(record.nextDialAt, now);
    // Who joins together hears of each other together, and would dial each
    // other at once: the smaller one lets the other go first.
    const recent = (entry.flags & PEER_FLAG.recent) !== 0;
    const crowd = table.size > COLLISION_CROWD;
    if (recent && crowd && !record.isVerified && own.id < record.id) {
      record.nextDialAt = now + COLLISION_GRACE_PER_PEER_MS * table.size;
      record.yieldsUntil = now + COLLISION_GRACE_MAX_MS;
    }
  }
}

/** The certificate of an entry; what stands on record already is not verified again. */
function judge(
  { certificate, id }: PeerEntry,
  known: Peer | undefined,
): VerifiedCertificate {
  const onRecord = known?.certificate;
  if (onRecord && equalBytes(onRecord.der, certificate)) return onRecord;
  try {
    return verifyCertificate(certificate, id);
  } catch (cause) {
    if (!(cause instanceof VerackError)) throw cause;
    throw new VerackError(
      "bad-certificate",
      `Cannot accept peers: the entry about ${
        shortId(id)
      } has a certificate that its sender cannot have verified: ${cause.message}`,
      { cause },
    );
  }
}
