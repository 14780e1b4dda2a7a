/**
 * The signature by which a dialer proves that it holds its key, since Deno's TLS
 * server cannot ask for a client certificate. How it travels is in
 * `wire/messages/credentials.ts`, when it is sent and verified in `session/`.
 */
import { createHash } from "node:crypto";
import { PEER_ID_BYTES, type PeerId } from "../core/peer_id.ts";
import { MAX_HANDSHAKE_PAYLOAD_BYTES } from "../wire/wire_limits.ts";
import { ByteWriter } from "../wire/bytes.ts";
import type { VerifiedCertificate } from "./certificate.ts";
import type { Identity } from "./identity.ts";
import { verifyBytes } from "./signature.ts";

/** All that a proof is bound to. */
export interface ProofContext {
  /** The network's 4 bytes. */
  readonly magic: Uint8Array;
  /** The node that was dialed, and checks the proof. */
  readonly listener: PeerId;
  /** The node that dialed, and signs. */
  readonly dialer: PeerId;
  /** The 32 random bytes the listener sent in this session. */
  readonly challenge: Uint8Array;
  /** SHA-256 over all payloads sent so far in both directions. */
  readonly transcript: Uint8Array;
  /** The extension block as it stands on the wire, possibly empty. */
  readonly extensions: Uint8Array;
}

const CONTEXT = new TextEncoder().encode("verack/1 proof\0");

/** Bytes before the extension block: 151. */
const FIXED_BYTES = CONTEXT.length + 4 + 2 * PEER_ID_BYTES + 32 + 32 + 4;

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
 * Throws RangeError when a field does not have its length, or the extension block is
 * larger than any handshake payload.
 */
export function proofBytes(context: ProofContext): Uint8Array<ArrayBuffer> {
  const { magic, listener, dialer, challenge, transcript, extensions } =
    context;
  if (extensions.length > MAX_HANDSHAKE_PAYLOAD_BYTES) {
    throw new RangeError(
      `Cannot sign proof: extensions have ${extensions.length} bytes, must be at most ${MAX_HANDSHAKE_PAYLOAD_BYTES}`,
    );
  }
  return new ByteWriter(FIXED_BYTES + extensions.length)
    .bytes(CONTEXT)
    .fixedBytes("magic", magic, 4)
    .hex("listener", listener, PEER_ID_BYTES)
    .hex("dialer", dialer, PEER_ID_BYTES)
    .fixedBytes("challenge", challenge, 32)
    .fixedBytes("transcript", transcript, 32)
    .u32(extensions.length)
    .bytes(extensions)
    .finish();
}

/** Signs as the dialer, which `identity` must be. */
export function signProof(
  identity: Identity,
  context: ProofContext,
): Uint8Array<ArrayBuffer> {
  if (context.dialer !== identity.id) {
    throw new RangeError(
      `Cannot sign proof: the dialer is ${context.dialer}, must be ourselves, ${identity.id}`,
    );
  }
  return identity.sign(proofBytes(context));
}

/**
 * Whether the holder of `certificate`'s key signed exactly this. The type of the key
 * decides the algorithm: ECDSA with SHA-256 in strict DER, Ed25519, or RSA-PSS with
 * SHA-256 and a salt of exactly 32 bytes.
 *
 * Never throws, whatever it is given. The caller builds the context, with its own identity as
 * `listener` and the challenge that it sent.
 */
export function verifyProof(
  certificate: VerifiedCertificate,
  context: ProofContext,
  signature: Uint8Array,
): boolean {
  if (certificate.id !== context.dialer) return false;
  const { key, publicKey } = certificate;
  try {
    return verifyBytes(key, publicKey, proofBytes(context), signature);
  } catch {
    return false;
  }
}

/**
 * Running hash of the handshake messages before the proof, which the proof signs. Each
 * direction is hashed apart, since the ends see them interleaved differently, and
 * each message with its command and length, so that the hash is unambiguous.
 */
export class Transcript {
  readonly #dialer = createHash("sha256");
  readonly #listener = createHash("sha256");

  /** Adds a message that the dialing node sent. */
  addDialer(command: string, payload: Uint8Array): void {
    absorb(this.#dialer, command, payload);
  }

  /** Adds a message that the listening node sent. */
  addListener(command: string, payload: Uint8Array): void {
    absorb(this.#listener, command, payload);
  }

  /**
   * SHA-256(SHA-256(dialer's messages) ‖ SHA-256(listener's messages)), where a
   * message is command (12 bytes, NUL-padded) ‖ length (u32 LE) ‖ payload.
   */
  digest(): Uint8Array<ArrayBuffer> {
    const both = createHash("sha256");
    both.update(this.#dialer.copy().digest());
    both.update(this.#listener.copy().digest());
    return new Uint8Array(both.digest());
  }
}

function absorb(
  hash: ReturnType<typeof createHash>,
  command: string,
  payload: Uint8Array,
): void {
  const head = new Uint8Array(16);
  for (let i = 0; i < command.length; i++) head[i] = command.charCodeAt(i);
  new DataView(head.buffer).setUint32(12, payload.length, true);
  hash.update(head);
  hash.update(payload);
}
