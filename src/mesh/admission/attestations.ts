/**
 * Statements in a closed mesh: whether one is by a peer we have admitted, and
 * our own about those we have. How they are signed is in `identity/attestation.ts`.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { verifyCertificate } from "../../identity/certificate.ts";
import type { Identity, PeerId } from "../../identity/identity.ts";
import {
  decodeAttestation,
  issueAttestation,
  verifyAttestation,
} from "../../identity/attestation.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Peer } from "../peers/peer.ts";

/** What {@linkcode Attestations} is made of. */
export interface AttestationsOptions {
  readonly clock: Clock;
  readonly identity: Identity;
  readonly magic: Uint8Array;
  readonly table: PeerTable;
  /** Whether a peer may admit others. */
  readonly isMember: (peer: Peer) => boolean;
}

/** Statements of one node. */
export class Attestations {
  readonly #options: AttestationsOptions;
  /** Signing costs up to some hundred microseconds, and a peer is told of often. */
  readonly #issued = new WeakMap<Peer, Uint8Array<ArrayBuffer>>();

  constructor(options: AttestationsOptions) {
    this.#options = options;
  }

  /**
   * Whether a member that we have admitted, or we ourselves, admits `subject` by
   * these bytes. Costs a signature only if the issuer is one of them.
   */
  admits(bytes: Uint8Array, subject: PeerId): boolean {
    if (bytes.length === 0) return false;
    const { identity, isMember, table, magic } = this.#options;
    try {
      const attestation = decodeAttestation(bytes);
      const { issuer } = attestation;
      // No peer admits itself: else any member's key could do without the member.
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

  /** By which this node admits a peer. */
  about(peer: Peer): Uint8Array<ArrayBuffer> {
    const { clock, identity, magic } = this.#options;
    const known = this.#issued.get(peer);
    if (known !== undefined) return known;
    const attestation = issueAttestation(
      identity,
      { magic, subject: peer.id },
      // A clock before 1970 must lock no peer out.
      Math.max(0, Math.floor(clock.now() / 1_000)),
    );
    this.#issued.set(peer, attestation);
    return attestation;
  }
}
