/**
 * Signing and verifying with the three kinds of key. The kind alone decides the
 * algorithm; no message ever names one, so there is nothing to downgrade.
 */

import { constants, type KeyObject, sign, verify } from "node:crypto";
import { DER_TAG, DerReader, encodeDer } from "./der.ts";
import type { PublicKey } from "./public_key.ts";

/** Hash and options of `node:crypto` for each kind of key. */
const ALGORITHMS = {
  "P-256": { hash: "sha256", options: { dsaEncoding: "der" } },
  "Ed25519": { hash: null, options: {} },
  "RSA": {
    hash: "sha256",
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
} as const;

/** Bytes of an Ed25519 signature (RFC 8032 §5.1.6). */
const ED25519_SIGNATURE_BYTES = 64;

/** Bytes of a P-256 scalar, of which an ECDSA signature has two. */
const P256_SCALAR_BYTES = 32;

/** Order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3). */
const P256_ORDER =
  0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;

/**
 * Signs: ECDSA with SHA-256 in DER with low s, Ed25519, or RSA-PSS with SHA-256,
 * MGF1 with SHA-256 and a salt of 32 bytes.
 */
export function signBytes(
  { type }: PublicKey,
  privateKey: KeyObject,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { hash, options } = ALGORITHMS[type];
  const signed = sign(hash, data, { key: privateKey, ...options });
  const signature = new Uint8Array(signed);
  return type === "P-256" ? withLowS(signature) : signature;
}

/** Whether `signature` is what {@linkcode signBytes} makes, in exactly that form. */
export function verifyBytes(
  publicKey: PublicKey,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { hash, options } = ALGORITHMS[publicKey.type];
  return fits(publicKey, signature) &&
    verify(hash, data, { key, ...options }, signature);
}

/**
 * Whether `signature` is a certificate's: as in {@linkcode verifyBytes}, but with
 * RSA by PKCS #1 v1.5 (`sha256WithRSAEncryption`), which is what X.509 tools
 * write and read without exception.
 */
export function verifyCertificateBytes(
  publicKey: PublicKey,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.type !== "RSA") {
    return verifyBytes(publicKey, key, data, signature);
  }
  const padding = constants.RSA_PKCS1_PADDING;
  return fits(publicKey, signature) &&
    verify("sha256", data, { key, padding }, signature);
}

/** Longest ECDSA signature: two scalars, each with a zero byte in front, and headers. */
const MAX_ECDSA_BYTES = 2 + 2 * (2 + 1 + P256_SCALAR_BYTES);

/**
 * Whether a signature has the one form in which this kind of key writes it. Also
 * bounds it. Deno 2.9 is as strict itself, which is not documented.
 */
function fits(publicKey: PublicKey, signature: Uint8Array): boolean {
  switch (publicKey.type) {
    case "P-256":
      return isEcdsaDer(signature);
    case "Ed25519":
      return signature.length === ED25519_SIGNATURE_BYTES;
    case "RSA":
      return signature.length === publicKey.modulusBytes;
    default:
      throw publicKey.type satisfies never;
  }
}

/**
 * `SEQUENCE { r INTEGER, s INTEGER }` in DER (RFC 3279 §2.2.3) with s at most half
 * the order of the curve, and nothing more. With (r, s) the pair (r, order − s)
 * verifies as well, and anyone can compute it (BIP 146); without this bound every signature
 * would have a second form.
 */
function isEcdsaDer(signature: Uint8Array): boolean {
  if (signature.length > MAX_ECDSA_BYTES) return false;
  try {
    return readScalars(signature).s <= P256_ORDER / 2n;
  } catch {
    return false;
  }
}

/**
 * An ECDSA signature in the form that {@linkcode verifyBytes} takes: libraries write
 * either s or order − s.
 */
export function withLowS(signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const { r, s } = readScalars(signature);
  const low = s <= P256_ORDER / 2n ? s : P256_ORDER - s;
  return encodeDer(DER_TAG.SEQUENCE, encodeScalar(r), encodeScalar(low));
}

function readScalars(signature: Uint8Array): { r: bigint; s: bigint } {
  const outer = new DerReader(Uint8Array.from(signature), SyntaxError);
  const pair = outer.enter(DER_TAG.SEQUENCE, "the signature");
  outer.end("the signature");
  const r = pair.positiveInteger(P256_SCALAR_BYTES, "r");
  const s = pair.positiveInteger(P256_SCALAR_BYTES, "s");
  pair.end("s");
  return { r: BigInt(`0x${r.toHex()}`), s: BigInt(`0x${s.toHex()}`) };
}

function encodeScalar(value: bigint): Uint8Array<ArrayBuffer> {
  const digits = value.toString(16);
  const bytes = Uint8Array.fromHex(
    digits.padStart(digits.length + digits.length % 2, "0"),
  );
  // A set top bit would make it negative (X.690 §8.3).
  const sign = bytes[0]! >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0);
  return encodeDer(DER_TAG.INTEGER, sign, bytes);
}
