/**
 * The attestation by which one member of a closed mesh admits another: a signature that every
 * node with the issuer's key can verify.
 *
 * Whether the issuer may admit others, and whether the subject has been denied
 * meanwhile, is decided in `mesh/admission/admission_policy.ts`. There is no end date:
 * a wrong clock must exclude no node, and `deny` ends an admission at once.
 */
import { VerackError } from "../core/errors.ts";
import { parsePeerId, PEER_ID_BYTES, type PeerId } from "../core/peer_id.ts";
import { MAX_SIGNATURE_BYTES } from "../wire/wire_limits.ts";
import { ByteReader, ByteWriter } from "../wire/bytes.ts";
import type { VerifiedCertificate } from "./certificate.ts";
import type { Identity } from "./identity.ts";
import { verifyBytes } from "./signature.ts";

/** What an attestation is bound to, besides its issuer. */
export interface AttestationContext {
  /** The network's 4 bytes. */
  readonly magic: Uint8Array;
  /** The node that is admitted. */
  readonly subject: PeerId;
}

/** An attestation as read; nothing in it is verified. */
export interface Attestation {
  /** The node that has issued it, if the signature verifies. */
  readonly issuer: PeerId;
  /** Unix time, whole seconds; for people, decides nothing. */
  readonly issuedAt: bigint;
  /** At most `MAX_SIGNATURE_BYTES`. */
  readonly signature: Uint8Array;
}

const CONTEXT = new TextEncoder().encode("verack/1 attestation\0");

/**
 * Admits `subject` in the name of `issuer`: issuer (32 bytes) ‖ time (u64) ‖
 * signature with its length in front, at most `MAX_ATTESTATION_BYTES`.
 *
 * @param issuedAt Unix time, whole seconds.
 */
export function issueAttestation(
  issuer: Identity,
  context: AttestationContext,
  issuedAt: number,
): Uint8Array<ArrayBuffer> {
  const time = BigInt(issuedAt);
  const signature = issuer.sign(signedBytes(issuer.id, context, time));
  return new ByteWriter(PEER_ID_BYTES + 16 + signature.length)
    .hex("issuer", issuer.id, PEER_ID_BYTES)
    .u64(time)
    .varBytes("signature", signature, MAX_SIGNATURE_BYTES)
    .finish();
}

/** Reads an attestation; throws `malformed`, also when anything follows. */
export function decodeAttestation(bytes: Uint8Array): Attestation {
  const reader = new ByteReader("attestation", bytes);
  const issuer = parsePeerId(reader.hex("issuer", PEER_ID_BYTES));
  const issuedAt = reader.u64("time");
  const signature = reader.varBytes("signature", MAX_SIGNATURE_BYTES).slice();
  reader.end();
  return { issuer, issuedAt, signature };
}

/** The issuer, which is not verified; `undefined` if it is no attestation. */
export function issuerOf(bytes: Uint8Array): PeerId | undefined {
  try {
    return decodeAttestation(bytes).issuer;
  } catch (error) {
    if (error instanceof VerackError) return undefined;
    throw error;
  }
}

/** Whether the holder of `issuer`'s key signed exactly this. Never throws. */
export function verifyAttestation(
  issuer: VerifiedCertificate,
  context: AttestationContext,
  attestation: Attestation,
): boolean {
  if (attestation.issuer !== issuer.id) return false;
  const { issuedAt, signature } = attestation;
  try {
    const signed = signedBytes(issuer.id, context, issuedAt);
    return verifyBytes(issuer.key, issuer.publicKey, signed, signature);
  } catch {
    return false;
  }
}

/**
 * What is signed: the ASCII text `verack/1 attestation` and a zero byte ‖ magic (4)
 * ‖ issuer (32) ‖ subject (32) ‖ time (u64). All of fixed length, so two attestations never
 * share their bytes, and a proof has another beginning.
 */
function signedBytes(
  issuer: PeerId,
  context: AttestationContext,
  issuedAt: bigint,
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(128)
    .bytes(CONTEXT)
    .fixedBytes("magic", context.magic, 4)
    .hex("issuer", issuer, PEER_ID_BYTES)
    .hex("subject", context.subject, PEER_ID_BYTES)
    .u64(issuedAt)
    .finish();
}
