/**
 * Reads gossip: entries about other peers are checked, bounded, and never replace what this
 * node has verified. Their messages are handled in `peer_exchange.ts`.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import {
  type VerifiedCertificate,
  verifyCertificate,
} from "../../identity/certificate.ts";
import { equalBytes } from "../../identity/der.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import {
  COLLISION_GRACE_MIN_MS,
  COLLISION_GRACE_PER_PEER_MS,
} from "../mesh_limits.ts";
import {
  AS_SEEN_HOST,
  PEER_FLAG,
  type PeerEntry,
} from "../../wire/messages/peers.ts";
import type { ExchangeStates } from "./exchange_state.ts";
import type { AccessRules } from "../peers/access_rules.ts";
import type { LivenessReports } from "../peers/liveness_reports.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { SeenPlaces } from "../peers/seen_places.ts";
import type { Standing } from "../peers/standing.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { Peer } from "../peers/peer.ts";

/** Dependencies of {@linkcode GossipReader}. */
export interface GossipReaderOptions {
  readonly clock: Clock;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly rules: Pick<AccessRules, "ignoresGossipAbout">;
  readonly membership: {
    /** Whether an entry about a peer is processed. */
    acceptsGossipAbout(id: PeerId, attestation: Uint8Array): boolean;
    /** Records the attestation of a peer in gossip. */
    attest(peer: Peer, attestation: Uint8Array): void;
  };
  readonly reports: LivenessReports;
  readonly states: ExchangeStates;
  readonly places: Pick<SeenPlaces, "says">;
  readonly events: PeerEvents;
}

/** Reads the gossip of the peers of one node. */
export class GossipReader {
  readonly #options: GossipReaderOptions;

  constructor(options: GossipReaderOptions) {
    this.#options = options;
  }

  /**
   * One entry from another peer; true if there is a record of it.
   * Throws `bad-certificate`: a node gossips only what it has verified itself, so the sender is
   * at fault.
   */
  learn(session: PeerSession, entry: PeerEntry): boolean {
    const { clock, membership, own, rules, standing, states, table } =
      this.#options;
    const { id } = entry;
    if (id === own || id === session.remote.id) return false;
    const known = table.get(id);
    const isDirect = known?.up === true && known.hasDirect;
    if (isDirect || rules.ignoresGossipAbout(id)) return false;
    // A peer without an address cannot be dialed: it is kept only while it is reported live, so
    // that a false entry goes with its sender.
    const isNowhere = entry.addresses.every(({ host }) =>
      host === AS_SEEN_HOST
    );
    const mayBeNowhere = PEER_FLAG.live | PEER_FLAG.unreachable;
    if (
      known === undefined && isNowhere &&
      (entry.flags & mayBeNowhere) !== mayBeNowhere
    ) return false;
    // Before the certificate is verified, which costs more than forging it.
    if (!table.mayIntroduce(id, session.remote.id)) return false;
    const state = states.of(session);
    if (!state.verifications.take(clock.monotonic())) return false;
    if (!membership.acceptsGossipAbout(id, entry.attestation)) return false;
    if (known?.up) {
      this.#place(session, entry, known);
      return readdress(session, entry, known);
    }
    const certificate = certificateOf(entry, known);
    const peer = table.introduce(id, session.remote.id);
    if (peer === undefined) return false;
    membership.attest(peer, entry.attestation);
    const ephemeral = (entry.flags & PEER_FLAG.ephemeral) !== 0;
    const unreachable = (entry.flags & PEER_FLAG.unreachable) !== 0;
    peer.described(
      { certificate, name: entry.name, ephemeral, unreachable },
      standing.has(peer),
    );
    peer.gossipedAt(entry.addresses, session.remoteAddress);
    if ((entry.flags & PEER_FLAG.live) !== 0) {
      this.#report(session, entry, peer);
    }
    this.#place(session, entry, peer);
    return true;
  }

  /**
   * The sender's own entry again, with other addresses, flags or name; false if it is not used.
   * Throws `bad-certificate`.
   */
  update(session: PeerSession, entry: PeerEntry): boolean {
    const { clock, events, states, table } = this.#options;
    const peer = table.get(entry.id);
    if (peer?.primary !== session) return false;
    if (!states.of(session).updates.take(clock.monotonic())) return false;
    if (!equalBytes(entry.certificate, session.remote.certificate.der)) {
      throw new VerackError(
        "bad-certificate",
        "Cannot accept peers: the certificate in the sender's own entry must be the one that it has shown in this session",
      );
    }
    peer.updated(session, entry);
    events.emit("updated", peer);
    return true;
  }

  /** Where the sender sees this peer. */
  #place(
    { remote }: PeerSession,
    { addresses: [first], flags }: PeerEntry,
    peer: Peer,
  ): void {
    const isSeen = (flags & PEER_FLAG.seen) !== 0;
    this.#options.places.says(
      remote.id,
      peer,
      isSeen ? first?.host : undefined,
    );
  }

  /** The sender reports a session with this peer. */
  #report(session: PeerSession, entry: PeerEntry, peer: Peer): void {
    const { reports, states, table } = this.#options;
    reports.add(peer, session.remote.id);
    // A report that is not kept cannot be withdrawn.
    if (peer.reporters.has(session.remote.id)) {
      states.of(session).told.add(peer.id);
    }
    // Of two that join at the same time, the one that was told of the other first dials it.
    const yields = (entry.flags & PEER_FLAG.dials) !== 0;
    const graceMs = COLLISION_GRACE_MIN_MS +
      COLLISION_GRACE_PER_PEER_MS * table.size;
    peer.hurryByGossip(yields ? graceMs : undefined);
  }
}

/**
 * A peer with a relayed session only: of what others say of it, only where it is counts, and it
 * is dialed there if that is new.
 */
function readdress(
  session: PeerSession,
  { addresses }: PeerEntry,
  peer: Peer,
): boolean {
  const isNew = addresses.some((address) =>
    address.host !== AS_SEEN_HOST && peer.addresses.get(address) === undefined
  );
  if (!isNew) return false;
  peer.gossipedAt(addresses, session.remoteAddress);
  peer.hurryByGossip();
  return true;
}

/** The certificate of an entry; the one on record is not verified again. */
function certificateOf(
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
