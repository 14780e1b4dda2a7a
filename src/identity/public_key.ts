/**
 * Which public keys can be an identity, by the bytes of their
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
 *
 * One key must have one encoding, because the identity is the hash of the
 * encoding: so no compressed points, no missing parameters, no explicit curves.
 */

import { hash } from "node:crypto";
import type { PeerId } from "../core/peer_id.ts";
import {
  DER_TAG,
  DerReader,
  encodeDer,
  encodeOid,
  equalBytes,
  type Fault,
  showOid,
} from "./der.ts";
import { MAX_RSA_BITS, MIN_RSA_BITS } from "./identity_limits.ts";

/** The kinds of key an identity can have. */
export type KeyType = "P-256" | "Ed25519" | "RSA";

/** Every {@linkcode KeyType}, the default one first. */
export const KEY_TYPES: readonly KeyType[] = ["P-256", "Ed25519", "RSA"];

/** The supported keys, for messages. */
export const WANTED_KEY =
  `P-256, Ed25519 or RSA with ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`;

/** A public key that can be an identity. */
export interface PublicKey {
  readonly type: KeyType;
  /** Bytes of the modulus when the type is RSA: the length of its signatures. */
  readonly modulusBytes?: number;
}

/** The id of the peer whose key has this DER SubjectPublicKeyInfo. */
export function peerIdOf(spki: Uint8Array): PeerId {
  return hash("sha256", spki, "hex") as PeerId;
}

const NULL = encodeDer(DER_TAG.NULL);
const EC_PUBLIC_KEY = encodeOid("1.2.840.10045.2.1");

/** `AlgorithmIdentifier`s as they must stand (RFC 5480 §2.1.1, RFC 8410 §3, RFC 3279 §2.3.1). */
const P256_ALGORITHM = encodeDer(
  DER_TAG.SEQUENCE,
  EC_PUBLIC_KEY,
  encodeOid("1.2.840.10045.3.1.7"),
);
const ED25519_ALGORITHM = encodeDer(DER_TAG.SEQUENCE, encodeOid("1.3.101.112"));
const RSA_ALGORITHM = encodeDer(
  DER_TAG.SEQUENCE,
  encodeOid("1.2.840.113549.1.1.1"),
  NULL,
);

/** Names by algorithm or curve, for error messages. */
const ALGORITHM_NAMES: Readonly<Record<string, string>> = {
  "1.2.840.10045.3.1.7": "P-256",
  "1.3.101.112": "Ed25519",
  "1.2.840.113549.1.1.1": "RSA",
  "1.2.840.113549.1.1.10": "RSA restricted to PSS",
  "1.3.101.110": "X25519",
  "1.3.101.113": "Ed448",
  "1.3.132.0.10": "elliptic curve secp256k1",
  "1.3.132.0.34": "elliptic curve P-384",
  "1.3.132.0.35": "elliptic curve P-521",
  "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
  "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
  "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
};

/** Longest exponent, bytes; ring and webpki accept at most 33 bits. */
const MAX_EXPONENT_BYTES = 4;

/** Smallest exponent (NIST SP 800-56B §6.2); smaller ones have a history of forgeries. */
const MIN_EXPONENT = 65_537;

/**
 * y-coordinates of the points of small order on Curve25519, canonical and without
 * the sign bit (the list of libsodium, `has_small_order`). Anyone can sign for
 * such a key: with the neutral element as key one signature fits every message.
 */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.fromHex(hex));

/**
 * Reads a SubjectPublicKeyInfo, the whole of `spki`. Whether an elliptic point lies on
 * its curve is left to the library that will compute with it.
 */
export function readPublicKey(
  spki: Uint8Array<ArrayBuffer>,
  fault: Fault,
): PublicKey {
  const outer = new DerReader(spki, fault);
  const info = outer.enter(DER_TAG.SEQUENCE, "the key");
  outer.end("the key");
  const algorithm = info.expect(DER_TAG.SEQUENCE, "the key's algorithm");
  const key = info.bitString("the key's bits");
  info.end("the key's bits");
  if (equalBytes(algorithm.whole, P256_ALGORITHM)) return readP256(key, fault);
  if (equalBytes(algorithm.whole, ED25519_ALGORITHM)) {
    return readEd25519(key, fault);
  }
  if (equalBytes(algorithm.whole, RSA_ALGORITHM)) return readRsa(key, fault);
  const name = nameAlgorithm(algorithm.content, fault);
  const odd = (KEY_TYPES as readonly string[]).includes(name)
    ? " in another encoding than the usual"
    : "";
  throw fault(`the key is of type ${name}${odd}, must be ${WANTED_KEY}`);
}

/** The name of an `AlgorithmIdentifier`, from its content. */
export function nameAlgorithm(
  content: Uint8Array<ArrayBuffer>,
  fault: Fault,
): string {
  const reader = new DerReader(content, fault);
  let oid = reader.expect(DER_TAG.OID, "the key's algorithm");
  if (equalBytes(oid.whole, EC_PUBLIC_KEY)) {
    if (reader.atEnd) return "elliptic curve without a curve";
    const curve = reader.read("the key's curve");
    if (curve.tag !== DER_TAG.OID) return "elliptic curve spelled out in full";
    oid = curve;
  }
  const dotted = showOid(oid.content);
  return ALGORITHM_NAMES[dotted] ?? dotted;
}

function readP256(key: Uint8Array, fault: Fault): PublicKey {
  if (key.length !== 65 || key[0] !== 0x04) {
    throw fault(
      `the key is a P-256 point of ${key.length} bytes, ` +
        "must be an uncompressed one of 65",
    );
  }
  return { type: "P-256" };
}

function readEd25519(key: Uint8Array, fault: Fault): PublicKey {
  if (key.length !== 32) {
    throw fault(
      `the key is an Ed25519 point of ${key.length} bytes, must have 32`,
    );
  }
  const y = Uint8Array.from(key);
  y[31]! &= 0x7f;
  const reduced = y[31]! < 0x7f || y[0]! < 0xed ||
    y.subarray(1, 31).some((byte) => byte !== 0xff);
  if (!reduced || SMALL_ORDER.some((point) => equalBytes(point, y))) {
    throw fault(
      "the key is an Ed25519 point that anyone can sign for, must be a real key",
    );
  }
  return { type: "Ed25519" };
}

function readRsa(key: Uint8Array<ArrayBuffer>, fault: Fault): PublicKey {
  const outer = new DerReader(key, fault);
  const numbers = outer.enter(DER_TAG.SEQUENCE, "the RSA key");
  outer.end("the RSA key");
  const modulus = numbers.positiveInteger(key.length, "the RSA modulus");
  const exponent = numbers.positiveInteger(key.length, "the RSA exponent");
  numbers.end("the RSA exponent");
  const bits = modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
    throw fault(
      `the RSA key has ${bits} bits, must have ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`,
    );
  }
  if ((modulus.at(-1)! & 1) === 0) {
    throw fault("the RSA modulus is even, must be odd");
  }
  const value = exponent.length > MAX_EXPONENT_BYTES
    ? Infinity
    : exponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (value < MIN_EXPONENT || value === Infinity || value % 2 === 0) {
    const shown = value === Infinity
      ? `a number of ${exponent.length} bytes`
      : value;
    throw fault(
      `the RSA exponent is ${shown}, must be odd and ${MIN_EXPONENT} to 4294967295`,
    );
  }
  return { type: "RSA", modulusBytes: modulus.length };
}
