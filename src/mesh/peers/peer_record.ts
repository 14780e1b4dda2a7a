/** The stored part of a peer's state. The rest is in `peer.ts`. */
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Address } from "../../transport/address.ts";
import {
  AS_SEEN_HOST,
  PEER_FLAG,
  type PeerEntry,
} from "../../wire/messages/peers.ts";
import type { Trust } from "../events.ts";
import type { StoredPeer } from "./node_store.ts";
import { PeerAddresses } from "./peer_addresses.ts";
import type { PeerSession } from "./peer_session.ts";

/** Introduces the peers that were found on the local network. */
export const LAN = "lan";

/** What introduced a peer that is not verified: the peer that gossiped it, or the local network. */
export type Introducer = PeerId | typeof LAN;

/** Gossip about a peer that is not verified. */
export interface Hearsay {
  readonly certificate: VerifiedCertificate;
  readonly name: string;
  readonly ephemeral: boolean;
  readonly unreachable: boolean;
}

/** What counts of a peer's entry about itself. */
export type OwnStatement = Pick<PeerEntry, "name" | "addresses" | "flags">;

/** The lasting part of a {@linkcode Peer}. */
export class PeerRecord {
  readonly id: PeerId;
  readonly #addresses = new PeerAddresses();
  #certificate: VerifiedCertificate | undefined;
  #trust: Trust = "first-use";
  #ephemeral = false;
  #name = "";
  #source = "";
  #attestation: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #earnedStanding = false;
  #upForLong = false;
  #firstSeen = 0;
  #lastSeen = 0;
  #introducedBy: Introducer | undefined;
  /** Not stored: unknown until its own entry or gossip has come. */
  #unreachable: boolean | undefined;
  #hasOwnEntry = false;

  constructor(id: PeerId) {
    this.id = id;
  }

  /** Its addresses. */
  get addresses(): Omit<
    PeerAddresses,
    "add" | "remove" | "dropUnverified" | "replaceAdvertised"
  > {
    return this.#addresses;
  }

  /** Verified; without one the first dial fetches it. */
  get certificate(): VerifiedCertificate | undefined {
    return this.#certificate;
  }

  get trust(): Trust {
    return this.#trust;
  }

  /** Whether its key ends with its process. */
  get ephemeral(): boolean {
    return this.#ephemeral;
  }

  /** The name that it advertises, which authorises nothing; escape before showing. */
  get name(): string {
    return this.#name;
  }

  /**
   * Its source for fair shares: the `sourceOf` the address of its last session. While it was
   * never verified, that of the peer that gossiped it, or that peer itself if it has standing.
   */
  get source(): string {
    return this.#source;
  }

  /** The attestation that admitted it, see `PeerEntry.attestation`; empty if there is none. */
  get attestation(): Uint8Array<ArrayBuffer> {
    return this.#attestation;
  }

  /**
   * Whether it has acknowledged a message that was sent to it alone, or came by an invite of
   * this node.
   */
  get earnedStanding(): boolean {
    return this.#earnedStanding;
  }

  /** Whether it was up for long when there was room for one more of these, see `standing.ts`. */
  get upForLong(): boolean {
    return this.#upForLong;
  }

  /** Wall clock, of its first proof; 0 if never verified. */
  get firstSeen(): number {
    return this.#firstSeen;
  }

  /** Wall clock, of its last proof or traffic; 0 if never verified. */
  get lastSeen(): number {
    return this.#lastSeen;
  }

  /** What introduced it, while it is not verified. */
  get introducedBy(): Introducer | undefined {
    return this.#introducedBy;
  }

  /** Whether it was ever verified. */
  get isVerified(): boolean {
    return this.#lastSeen > 0;
  }

  /** Whether it was ever verified, or was configured. */
  get isKnown(): boolean {
    return this.isVerified || this.#trust === "pinned";
  }

  /** Whether others cannot dial it, as its own entry says, or gossip while there was none. */
  get isUnreachable(): boolean {
    return this.#unreachable === true;
  }

  /** Its record for the store; `undefined` if it was never verified. */
  get stored(): StoredPeer | undefined {
    if (!this.isVerified || this.#certificate === undefined) return undefined;
    return {
      id: this.id,
      certificate: this.#certificate.der,
      name: this.#name,
      trust: this.#trust,
      ephemeral: this.#ephemeral,
      addresses: this.#addresses.list().flatMap((entry) =>
        entry.rank === "gossiped" ? [] : [{ ...entry, rank: entry.rank }]
      ),
      firstSeen: this.#firstSeen,
      lastSeen: this.#lastSeen,
      attestation: this.#attestation,
      earnedStanding: this.#earnedStanding,
      upForLong: this.#upForLong,
      source: this.#source,
    };
  }

  /** It was on record when this node started. */
  restored(stored: StoredPeer, certificate: VerifiedCertificate): void {
    this.#certificate = certificate;
    this.#name = stored.name;
    this.#trust = stored.trust;
    this.#ephemeral = stored.ephemeral;
    this.#attestation = stored.attestation;
    this.#earnedStanding = stored.earnedStanding;
    this.#upForLong = stored.upForLong;
    this.#firstSeen = stored.firstSeen;
    this.#lastSeen = stored.lastSeen;
    // Best first there, newest last here.
    for (const entry of stored.addresses.toReversed()) {
      if (entry.configured) this.#addresses.add(entry.address, "configured");
      this.#addresses.add(entry.address, entry.rank, entry.namedFrom);
    }
  }

  /** It was configured at this address, or answered at a configured one. */
  configured(address: Address): void {
    this.#addresses.add(address, "configured");
  }

  /** Its identity was configured at this address. */
  pinned(address: Address): void {
    this.#trust = "pinned";
    this.configured(address);
  }

  /** Another peer is at this address. */
  movedFrom(address: Address): void {
    this.#addresses.remove(address);
  }

  /** It was allowed after a join request at an address that this node had dialed. */
  allowedAt(address: Address, certificate: VerifiedCertificate): void {
    this.#certificate = certificate;
    this.configured(address);
  }

  /** A closed mesh admits it, by a member if `attestation` has bytes. */
  admitted(attestation: Uint8Array<ArrayBuffer>): void {
    if (this.#trust === "first-use") this.#trust = "known";
    this.#attestation = attestation;
  }

  /** It has an attestation by a member. */
  attested(attestation: Uint8Array): void {
    this.#attestation = Uint8Array.from(attestation);
  }

  /** It acknowledged a message for it alone. */
  acknowledged(): void {
    this.#earnedStanding = true;
  }

  /** It is known by gossip of this peer only, and counts in the share of that, or was found nearby. */
  gossipedBy(introducer: Introducer, source: string): void {
    this.#introducedBy = introducer;
    this.#source = source;
    // On the local network no member has introduced it.
    if (introducer !== LAN) this.#trust = "known";
  }

  /** It does not count in the share of its introducer any more. */
  confirmed(): void {
    this.#introducedBy = undefined;
  }

  /** Gossip about it, which its own entry overrides. */
  described(
    { certificate, name, ephemeral, unreachable }: Hearsay,
    hasStanding: boolean,
  ): void {
    this.#certificate ??= certificate;
    // Gossip cannot keep this node from dialing a peer that has said nothing of the kind.
    if (!unreachable || !this.#hasOwnEntry) this.#unreachable = unreachable;
    if (this.isVerified) return;
    // Pins, names and messages end with a key in memory: gossip must not end those of a
    // configured peer.
    this.#ephemeral = ephemeral && !hasStanding;
    if (this.#name === "") this.#name = name;
  }

  /** Gossiped addresses. */
  gossipedAt(addresses: readonly Address[], from: Address): void {
    this.#addresses.addNamed(addresses, "gossiped", from);
  }

  /** It connects, or has connected, from there. */
  cameFrom(source: string): void {
    this.#source = source;
  }

  /** It has proven its key on a session that is not established yet. */
  keyVerified({ remote }: PeerSession): void {
    // If it is lost before, the next node at its address must not count as an impostor of a key
    // that is gone.
    if (!this.isVerified) this.#ephemeral = remote.ephemeral;
  }

  /** Gossip that the key of a peer with standing is in memory only is ignored. */
  keptOnDisk(): void {
    if (!this.isVerified) this.#ephemeral = false;
  }

  /** It has sent its own entry on a session, at `wallTime`. */
  verified(
    session: PeerSession,
    own: OwnStatement,
    wallTime: number,
  ): void {
    const { remote, endpoint, remoteAddress } = session;
    if (!this.isVerified) this.#firstSeen = wallTime;
    else if (this.#trust === "first-use") this.#trust = "known";
    this.#certificate = remote.certificate;
    this.#ephemeral = remote.ephemeral;
    this.#earnedStanding ||= remote.invite !== undefined;
    this.#lastSeen = wallTime;
    if (own.addresses.length === 0) {
      this.#addresses.replaceAdvertised([], remoteAddress);
    }
    // Not a host name, which may lead to another member later.
    if (endpoint !== undefined) this.#addresses.add(endpoint, "verified");
    this.#states(own);
    this.#addresses.addNamed(
      advertisedOn(session, own),
      "advertised",
      remoteAddress,
    );
  }

  /** It has sent its own entry again on a session. */
  restated(session: PeerSession, own: OwnStatement): void {
    this.#states(own);
    const addresses = advertisedOn(session, own);
    // It listens, and through a relay this node cannot see where.
    if (addresses.length === 0 && own.addresses.length > 0) return;
    this.#addresses.replaceAdvertised(addresses, session.remoteAddress);
  }

  #states({ name, flags }: OwnStatement): void {
    this.#name = name;
    this.#hasOwnEntry = true;
    this.#unreachable = (flags & PEER_FLAG.unreachable) !== 0;
  }

  /** It was still connected at `wallTime`. */
  heard(wallTime: number): void {
    this.#lastSeen = wallTime;
  }

  /** It has standing by having been up for long, see `UpShare`. */
  grantStandingForUptime(): void {
    this.#upForLong = true;
  }

  /** Drops addresses that were only advertised or gossiped. False if there were none. */
  dropClaims(): boolean {
    return this.#addresses.dropUnverified();
  }
}

/** Its addresses; through a relay this node sees it at the address of the relay. */
function advertisedOn(
  { via }: PeerSession,
  { addresses }: OwnStatement,
): readonly Address[] {
  return via === undefined
    ? addresses
    : addresses.filter(({ host }) => host !== AS_SEEN_HOST);
}
