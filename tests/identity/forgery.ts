/**
 * Certificates that are nearly right: every field can be replaced, and what is
 * left is sound and signed, so that a refusal has one reason only.
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { type PeerId, serverNameOf } from "../../src/core/peer_id.ts";
import { peerIdOf } from "../../src/identity/public_key.ts";
import { VerackError } from "../../src/core/errors.ts";
import {
  extensionsDer,
  nameDer,
  SIGNATURE_ALGORITHM_DER,
  VALIDITY_DER,
  verifyCertificate,
  VERSION_3_DER,
} from "../../src/identity/certificate.ts";
import { DER_TAG, encodeDer, encodeOid } from "../../src/identity/der.ts";
import type { KeyType } from "../../src/identity/identity.ts";
import { withLowS } from "../../src/identity/signature.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** A private key and the SPKI that goes with it. */
export interface ForgeKey {
  readonly type: KeyType;
  readonly privateKey: KeyObject;
  readonly spki: Bytes;
}

/** Fields that differ from a sound certificate; empty bytes leave a field out. */
export interface Forgery {
  version?: Uint8Array;
  serial?: Uint8Array;
  innerAlgorithm?: Uint8Array;
  issuer?: Uint8Array;
  validity?: Uint8Array;
  subject?: Uint8Array;
  /** Replaces the SPKI, and the identity with it. */
  spki?: Uint8Array;
  extensions?: Uint8Array;
  /** Appended to the signed part. */
  more?: Uint8Array;
  outerAlgorithm?: Uint8Array;
  /** Makes the signature; as the key's type does by default. */
  signWith?: (data: Uint8Array) => Uint8Array;
  /** Wraps the signature; a BIT STRING of whole bytes by default. */
  signature?: (signature: Uint8Array) => Uint8Array;
  /** Appended after the signature, within the certificate. */
  tail?: Uint8Array;
}

export const NOTHING = new Uint8Array(0);
export const ascii = (text: string): Bytes => new TextEncoder().encode(text);
export const sequence = (...pieces: Uint8Array[]): Bytes =>
  encodeDer(DER_TAG.SEQUENCE, ...pieces);
export const integer = (...bytes: number[]): Bytes =>
  encodeDer(DER_TAG.INTEGER, Uint8Array.from(bytes));

/** One key of each type, made once for all tests of a file. */
export const P256: ForgeKey = keyOf("P-256");
export const ED25519: ForgeKey = keyOf("Ed25519");
export const RSA: ForgeKey = keyOf("RSA");
export const FORGE_KEYS: readonly ForgeKey[] = [P256, ED25519, RSA];

/** Makes a new key. */
export function keyOf(type: KeyType): ForgeKey {
  const { privateKey } = type === "P-256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : type === "Ed25519"
    ? generateKeyPairSync("ed25519")
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { type, privateKey, spki: spkiOf(privateKey) };
}

/** The public half of a private key. */
export function spkiOf(privateKey: KeyObject): Bytes {
  const spki = createPublicKey(privateKey)
    .export({ type: "spki", format: "der" });
  return Uint8Array.from(spki);
}

/** SHA-256, the identity of an SPKI. */
export function idOf(spki: Uint8Array): PeerId {
  return peerIdOf(spki);
}

/** Signs as a certificate of this type of key is signed. */
export function signAs(key: ForgeKey, data: Uint8Array): Uint8Array {
  const { privateKey } = key;
  if (key.type === "Ed25519") return sign(null, data, privateKey);
  if (key.type === "RSA") {
    const padding = constants.RSA_PKCS1_PADDING;
    return sign("sha256", data, { key: privateKey, padding });
  }
  const signature = sign("sha256", data, {
    key: privateKey,
    dsaEncoding: "der",
  });
  // Keys of other curves come here, too; of them no form is accepted.
  const isP256 = privateKey.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return isP256 ? withLowS(signature) : signature;
}

/** The other ECDSA signature of the same key over the same data: (r, order − s). */
export function withHighS(signature: Uint8Array): Bytes {
  const start = 4 + signature[3]!;
  const scalar = (bytes: Uint8Array) => BigInt(`0x${bytes.toHex()}`);
  const order =
    0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const high = order - scalar(signature.subarray(start + 2));
  const bytes = Uint8Array.fromHex(high.toString(16).padStart(64, "0"));
  return sequence(
    signature.slice(2, start),
    integer(...bytes[0]! >= 0x80 ? [0] : [], ...bytes),
  );
}

/** A certificate of `key` with some fields replaced. */
export function forge(key: ForgeKey, forgery: Forgery = {}): Bytes {
  const spki = forgery.spki ?? key.spki;
  const id = idOf(spki);
  const algorithm = SIGNATURE_ALGORITHM_DER[key.type];
  const signed = sequence(
    forgery.version ?? VERSION_3_DER,
    forgery.serial ?? integer(0x01, 0x23, 0x45),
    forgery.innerAlgorithm ?? algorithm,
    forgery.issuer ?? nameDer(id),
    forgery.validity ?? VALIDITY_DER,
    forgery.subject ?? nameDer(id),
    spki,
    forgery.extensions ?? extensionsDer(serverNameOf(id)),
    forgery.more ?? NOTHING,
  );
  const signature = (forgery.signWith ?? ((data) => signAs(key, data)))(signed);
  const wrap = forgery.signature ?? bitString;
  return sequence(
    signed,
    forgery.outerAlgorithm ?? algorithm,
    wrap(signature),
    forgery.tail ?? NOTHING,
  );
}

/** A BIT STRING of whole bytes. */
export function bitString(bytes: Uint8Array): Bytes {
  return encodeDer(DER_TAG.BIT_STRING, Uint8Array.of(0), bytes);
}

/** `[3] { extensions }`. */
export function extensionList(...extensions: Uint8Array[]): Bytes {
  return encodeDer(DER_TAG.CONTEXT_3, sequence(...extensions));
}

/** One extension. */
export function extension(
  oid: string,
  value: Uint8Array,
  critical = false,
): Bytes {
  return sequence(
    encodeOid(oid),
    critical ? encodeDer(DER_TAG.BOOLEAN, Uint8Array.of(0xff)) : NOTHING,
    encodeDer(DER_TAG.OCTET_STRING, value),
  );
}

/** basicConstraints, critical; an empty sequence is CA:FALSE. */
export function basicConstraints(value: Uint8Array = sequence()): Bytes {
  return extension("2.5.29.19", value, true);
}

/** subjectAltName with these DNS names. */
export function altNames(...names: string[]): Bytes {
  const list = names.map((name) => encodeDer(DER_TAG.DNS_NAME, ascii(name)));
  return extension("2.5.29.17", sequence(...list));
}

/** A Name of one relative name for each attribute. */
export function nameOf(...attributes: [string, number, string][]): Bytes {
  return sequence(
    ...attributes.map(([oid, tag, text]) =>
      encodeDer(
        DER_TAG.SET,
        sequence(encodeOid(oid), encodeDer(tag, ascii(text))),
      )
    ),
  );
}

/** Asserts a refusal as a bad certificate, and for this reason. */
export function assertRefused(der: Uint8Array, because = ""): void {
  const error = assertThrows(
    () => verifyCertificate(der),
    VerackError,
    because,
  );
  assertEquals(error.code, "bad-certificate");
}
