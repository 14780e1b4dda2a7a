/**
 * Attestations in a closed mesh: whether one is by a peer that this node has admitted, and its
 * own about such peers. They are signed in `identity/attestation.ts`.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { verifyCertificate } from "../../identity/certificate.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Identity } from "../../identity/identity.ts";
import {
  decodeAttestation,
  issueAttestation,
  verifyAttestation,
} from "../../identity/attestation.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Peer } from "../peers/peer.ts";

/** Dependencies of {@linkcode Attestations}. */
export interface AttestationsOptions {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly magic: Uint8Array;
  readonly table: PeerTable;
  /** Whether a peer may admit others. */
  readonly isMember: (peer: Peer) => boolean;
}

/** Attestations of one node. */
export class Attestations {
  readonly #options: AttestationsOptions;
  /**
   * Cached, because signing costs up to some hundred microseconds, and a peer is gossiped
   * often.
   */
  readonly #issued = new WeakMap<Peer, Uint8Array<ArrayBuffer>>();

  constructor(options: AttestationsOptions) {
    this.#options = options;
  }

  /**
   * Whether these bytes are an attestation about `subject` by this node or a member that it has
   * admitted. Costs a signature only if the issuer is one of them.
   */
  admits(bytes: Uint8Array, subject: PeerId): boolean {
    if (bytes.length === 0) return false;
    const { identity, isMember, table, magic } = this.#options;
    try {
      const attestation = decodeAttestation(bytes);
      const { issuer } = attestation;
      // A peer cannot admit itself, or a denied key could come back by its own attestation.
      if (issuer === subject) return false;
      const peer = table.get(issuer);
      const certificate = issuer === identity.id
        ? verifyCertificate(identity.certificate)
        : peer !== undefined && isMember(peer)
        ? peer.certificate
        : undefined;
      return certificate !== undefined &&
        verifyAttestation(certificate, { magic, subject }, attestation);
    } catch (error) {
      if (error instanceof VerackError) return false;
      throw error;
    }
  }

  /** The attestation by which this node admits a peer. */
  about(peer: Peer): Uint8Array<ArrayBuffer> {
    const { clock, identity, magic } = this.#options;
    const known = this.#issued.get(peer);
    if (known !== undefined) return known;
    const attestation = issueAttestation(
      identity,
      { magic, subject: peer.id },
      // A clock before 1970 must exclude no peer.
      Math.max(0, Math.floor(clock.now() / 1_000)),
    );
    this.#issued.set(peer, attestation);
    return attestation;
  }
}
