/**
 * The statement by which a dialer proves that it holds its key, since Deno's TLS
 * server cannot ask for a client certificate.
 *
 * Only the statement and its signature are here. How they travel is in
 * `wire/messages/proof.ts`, when they are sent and judged in `session/`.
 */

import { MAX_HANDSHAKE_PAYLOAD_BYTES } from "../limits.ts";
import type { VerifiedCertificate } from "./certificate.ts";
import type { Identity } from "./identity.ts";
import { PEER_ID_BYTES, type PeerId, peerIdBytes } from "../core/peer_id.ts";
import { verifyBytes } from "./signature.ts";

/** All that a proof is bound to. */
export interface ProofContext {
  /** The network's 4 bytes. */
  readonly magic: Uint8Array;
  /** Who was dialed, and checks the proof. */
  readonly listener: PeerId;
  /** Who dialed, and signs. */
  readonly dialer: PeerId;
  /** The 32 random bytes the listener sent in this session. */
  readonly challenge: Uint8Array;
  /** SHA-256 over all payloads sent so far in both directions. */
  readonly transcript: Uint8Array;
  /** The extension block as it stands on the wire, possibly empty. */
  readonly extensions: Uint8Array;
}

const CONTEXT = new TextEncoder().encode("verack/1 proof\0");
const MAGIC_BYTES = 4;
const CHALLENGE_BYTES = 32;
const TRANSCRIPT_BYTES = 32;

/** Bytes before the extension block: 151. */
const FIXED_BYTES = CONTEXT.length + MAGIC_BYTES + 2 * PEER_ID_BYTES +
  CHALLENGE_BYTES + TRANSCRIPT_BYTES + 4;

/**
 * The bytes that a dialer signs:
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 15 | the ASCII text `verack/1 proof` and one zero byte |
 * | 15 | 4 | magic of the network |
 * | 19 | 32 | identity of the listener |
 * | 51 | 32 | identity of the dialer |
 * | 83 | 32 | the listener's challenge |
 * | 115 | 32 | transcript: SHA-256 over all payloads so far |
 * | 147 | 4 | length of the extension block, little-endian |
 * | 151 | any | the extension block, as it stands in the `proof` message |
 *
 * Each field is of fixed length or has its length before it, so two contexts never
 * give the same bytes. Nothing else that a TLS key signs can be read as this:
 * TLS 1.3 signs 64 spaces and more (RFC 8446 §4.4.3), a certificate begins with
 * 0x30, and in TLS 1.2 (RFC 5246 §7.4.3) the server's own 32 random bytes would
 * have to hit the identities.
 *
 * @throws {RangeError} when a field does not have its length, or the extension
 * block is larger than any handshake payload.
 * @throws {SyntaxError} when an identity is not spelled as one.
 */
export function proofStatement(
  context: ProofContext,
): Uint8Array<ArrayBuffer> {
  const { magic, challenge, transcript, extensions } = context;
  checkLength("magic", magic, MAGIC_BYTES);
  checkLength("challenge", challenge, CHALLENGE_BYTES);
  checkLength("transcript", transcript, TRANSCRIPT_BYTES);
  if (extensions.length > MAX_HANDSHAKE_PAYLOAD_BYTES) {
    throw new RangeError(
      `Cannot state proof: extensions have ${extensions.length} bytes, must be at most ${MAX_HANDSHAKE_PAYLOAD_BYTES}`,
    );
  }
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, extensions.length, true);
  const statement = new Uint8Array(FIXED_BYTES + extensions.length);
  let offset = 0;
  for (
    const field of [
      CONTEXT,
      magic,
      peerIdBytes(context.listener),
      peerIdBytes(context.dialer),
      challenge,
      transcript,
      length,
      extensions,
    ]
  ) {
    statement.set(field, offset);
    offset += field.length;
  }
  return statement;
}

/**
 * Signs the statement as the dialer.
 *
 * @throws {RangeError} when `context.dialer` is not `identity`, or as
 * {@linkcode proofStatement} does.
 */
export function signProof(
  identity: Identity,
  context: ProofContext,
): Uint8Array<ArrayBuffer> {
  if (context.dialer !== identity.id) {
    throw new RangeError(
      `Cannot sign proof: the dialer is ${context.dialer}, must be ourselves, ${identity.id}`,
    );
  }
  return identity.sign(proofStatement(context));
}

/**
 * Whether the holder of `certificate`'s key signed this very statement. The type
 * of the key decides the algorithm: ECDSA with SHA-256 in strict DER, Ed25519, or
 * RSA-PSS with SHA-256 and a salt of exactly 32 bytes.
 *
 * Never throws, whatever it is given. That `context.listener` is ourselves, and
 * the challenge the one we sent, is up to the caller, who builds the context.
 */
export function verifyProof(
  certificate: VerifiedCertificate,
  context: ProofContext,
  signature: Uint8Array,
): boolean {
  if (certificate.id !== context.dialer) return false;
  try {
    return verifyBytes(
      certificate.key,
      certificate.publicKey,
      proofStatement(context),
      signature,
    );
  } catch {
    return false;
  }
}

function checkLength(name: string, bytes: Uint8Array, wanted: number): void {
  if (bytes.length !== wanted) {
    throw new RangeError(
      `Cannot state proof: ${name} has ${bytes.length} bytes, must have ${wanted}`,
    );
  }
}
