/**
 * What a node puts on record of a peer, so that it outlives the process. The rest of a
 * peer's state is `peer.ts`.
 */
import type { VerifiedCertificate } from "../../identity/certificate.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import type { Trust } from "../events.ts";
import type { StoredPeer } from "./node_store.ts";
import { PeerAddresses } from "./peer_addresses.ts";
import type { PeerSession } from "./peer_session.ts";

/** What others say of a peer that has not proven itself to us. */
export interface Hearsay {
  readonly certificate: VerifiedCertificate;
  readonly name: string;
  readonly ephemeral: boolean;
}

/** What a peer says of itself in its first message. */
export interface OwnEntry {
  readonly name: string;
  readonly addresses: readonly Address[];
}

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
  #introducedBy: PeerId | undefined;

  constructor(id: PeerId) {
    this.id = id;
  }

  /** Where it may be reached. */
  get addresses(): Omit<PeerAddresses, "add" | "remove" | "dropUnverified"> {
    return this.#addresses;
  }

  /** Verified; without one the first dial fetches it. */
  get certificate(): VerifiedCertificate | undefined {
    return this.#certificate;
  }

  get trust(): Trust {
    return this.#trust;
  }

  /** Its key dies with its process. */
  get ephemeral(): boolean {
    return this.#ephemeral;
  }

  /** What it calls itself: a claim that authorises nothing; escape before showing. */
  get name(): string {
    return this.#name;
  }

  /**
   * Where it comes from, as fair shares count it: the `sourceOf` the address of its
   * last session. While it was never verified, that of the peer that told of it, or
   * that peer itself if it has standing.
   */
  get source(): string {
    return this.#source;
  }

  /** By which a member admitted it, see `PeerEntry.attestation`; empty if none did. */
  get attestation(): Uint8Array<ArrayBuffer> {
    return this.#attestation;
  }

  /**
   * It has acknowledged a message that was sent to it alone, or came by an invite of
   * this node: what a new key does not have.
   */
  get earnedStanding(): boolean {
    return this.#earnedStanding;
  }

  /** It was up for long when there was room for one more of these, see `standing.ts`. */
  get upForLong(): boolean {
    return this.#upForLong;
  }

  /** Wall clock, of its first proof; 0 if never proven. */
  get firstSeen(): number {
    return this.#firstSeen;
  }

  /** Wall clock, of its last proof or traffic; 0 if never proven. */
  get lastSeen(): number {
    return this.#lastSeen;
  }

  /** Which peer introduced it, while it has not proven itself to us. */
  get introducedBy(): PeerId | undefined {
    return this.#introducedBy;
  }

  /** Whether it was ever proven to us. */
  get isVerified(): boolean {
    return this.#lastSeen > 0;
  }

  /** Whether it was proven to us, or a person named it. */
  get isKnown(): boolean {
    return this.isVerified || this.#trust === "pinned";
  }

  /** How it is put on record; `undefined` if it was never proven. */
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

  /** It is at this address, a person says, or answered at one that a person gave. */
  configured(address: Address): void {
    this.#addresses.add(address, "configured");
  }

  /** A person says that this very identity is at this address. */
  pinned(address: Address): void {
    this.#trust = "pinned";
    this.configured(address);
  }

  /** Another peer is at this address. */
  movedFrom(address: Address): void {
    this.#addresses.remove(address);
  }

  /** A person allowed it, which asked for that where this node had dialed it. */
  allowedAt(address: Address, certificate: VerifiedCertificate): void {
    this.#certificate = certificate;
    this.configured(address);
  }

  /** A closed mesh lets it in, by the word of a member if `attestation` has bytes. */
  admitted(attestation: Uint8Array<ArrayBuffer>): void {
    if (this.#trust === "first-use") this.#trust = "known";
    this.#attestation = attestation;
  }

  /** A member says that it admits it. */
  attested(attestation: Uint8Array): void {
    this.#attestation = Uint8Array.from(attestation);
  }

  /** It acknowledged a message for it alone. */
  acknowledged(): void {
    this.#earnedStanding = true;
  }

  /** It is only known from this peer, whose share it counts for. */
  gossipedBy(introducer: PeerId, source: string): void {
    this.#introducedBy = introducer;
    this.#source = source;
    this.#trust = "known";
  }

  /** Its introducer has its share back. */
  confirmed(): void {
    this.#introducedBy = undefined;
  }

  /** What others say of it; its own word outranks that, once it has come. */
  described(
    { certificate, name, ephemeral }: Hearsay,
    hasStanding: boolean,
  ): void {
    this.#certificate ??= certificate;
    if (this.isVerified) return;
    // Pins, names and messages end with a key in memory: no gossip ends those of a
    // peer that a person named.
    this.#ephemeral = ephemeral && !hasStanding;
    if (this.#name === "") this.#name = name;
  }

  /** Where others say that it is. */
  gossipedAt(addresses: readonly Address[], from: Address): void {
    this.#addresses.addNamed(addresses, "gossiped", from);
  }

  /** It has come, or is about to, from there. */
  cameFrom(source: string): void {
    this.#source = source;
  }

  /** It has proven its key on a session that is to count, and not introduced itself. */
  proved({ peer }: PeerSession): void {
    // If it dies before, the next node at its address must not count as an impostor of
    // a key that is gone.
    if (!this.isVerified) this.#ephemeral = peer.ephemeral;
  }

  /** Gossip that it is in memory only is not believed of a peer with standing. */
  keptOnDisk(): void {
    if (!this.isVerified) this.#ephemeral = false;
  }

  /** It has introduced itself on a session, at `wallTime`. */
  verified(
    { peer, endpoint, remoteAddress }: PeerSession,
    own: OwnEntry,
    wallTime: number,
  ): void {
    if (!this.isVerified) this.#firstSeen = wallTime;
    else if (this.#trust === "first-use") this.#trust = "known";
    this.#certificate = peer.certificate;
    this.#ephemeral = peer.ephemeral;
    this.#earnedStanding ||= peer.invite !== undefined;
    this.#lastSeen = wallTime;
    // Not a host name, which may lead to another member next time.
    if (endpoint !== undefined) this.#addresses.add(endpoint, "verified");
    this.#name = own.name;
    this.#addresses.addNamed(own.addresses, "advertised", remoteAddress);
  }

  /** It was still there at `wallTime`. */
  heard(wallTime: number): void {
    this.#lastSeen = wallTime;
  }

  /** It was up for so long that it has standing by that. */
  stayed(): void {
    this.#upForLong = true;
  }

  /** Addresses that are only claims are forgotten. False if there were none. */
  dropClaims(): boolean {
    return this.#addresses.dropUnverified();
  }
}
