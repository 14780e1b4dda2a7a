/** Refusals of verifyCertificate() for the key: of a wrong type, or in an encoding that is not the one. */

import { assertEquals, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { DER_TAG, encodeDer, encodeOid } from "../../src/identity/der.ts";
import { readPublicKey } from "../../src/identity/public_key.ts";
import {
  assertRefused,
  bitString,
  ED25519,
  forge,
  FORGE_KEYS,
  integer,
  P256,
  RSA,
  sequence,
  spkiOf,
} from "./forgery.ts";

/** The content of the SPKI's bit string, and the SPKI around other content. */
const point = P256.spki.subarray(-65);
const NULL = encodeDer(DER_TAG.NULL);
const EC = encodeOid("1.2.840.10045.2.1");
const PRIME256 = encodeOid("1.2.840.10045.3.1.7");
const RSA_OID = encodeOid("1.2.840.113549.1.1.1");
const rsaNumbers = RSA.spki.subarray(24);
const spkiRsa = (...numbers: Uint8Array[]) =>
  sequence(sequence(RSA_OID, NULL), bitString(sequence(...numbers)));
const spkiEd25519 = (hex: string) =>
  sequence(
    sequence(encodeOid("1.3.101.112")),
    bitString(Uint8Array.fromHex(hex)),
  );
const modulus = (bits: number, last = 1) => {
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  bytes[0] = 1 << ((bits - 1) % 8);
  bytes[bytes.length - 1]! |= last;
  return bytes[0]! >= 0x80 ? integer(0, ...bytes) : integer(...bytes);
};
const E = integer(1, 0, 1);
const x = point.subarray(1, 33);
/** The encoding of the neutral element. */
const ONE = "01" + "00".repeat(31);

const ec = (bits: Uint8Array, ...parameters: Uint8Array[]) =>
  sequence(sequence(EC, ...parameters), bits);
const p256 = (...bytes: number[]) =>
  ec(bitString(Uint8Array.from(bytes)), PRIME256);
const rsa = (bits: Uint8Array, ...algorithm: Uint8Array[]) =>
  sequence(sequence(...algorithm), bitString(bits));
const parity = point[64]! & 1;
const [, ...coordinates] = point;

const SPKIS: [string, typeof P256, Uint8Array, string][] = [
  ["a compressed point", P256, p256(2 + parity, ...x), "point of 33 bytes"],
  ["a hybrid point", P256, p256(6 + parity, ...coordinates), "of 65 bytes"],
  ["the point at infinity", P256, p256(0), "P-256 point of 1 bytes"],
  [
    "a point off the curve",
    P256,
    p256(...point.subarray(0, 64), point[64]! ^ 1),
    "not a point on its curve",
  ],
  [
    "a curve without parameters",
    P256,
    ec(bitString(point)),
    "elliptic curve without a curve",
  ],
  [
    "explicit curve parameters",
    P256,
    ec(bitString(point), sequence(integer(1))),
    "spelled out in full",
  ],
  [
    "another curve",
    P256,
    ec(bitString(point), encodeOid("1.3.132.0.10")),
    "secp256k1",
  ],
  [
    "a NULL after the curve",
    P256,
    ec(bitString(point), PRIME256, NULL),
    "P-256 in another encoding",
  ],
  [
    "a key of odd bits",
    P256,
    ec(encodeDer(0x03, Uint8Array.of(1), point), PRIME256),
    "not whole bytes",
  ],
  [
    "bytes after the key's bits",
    P256,
    sequence(sequence(EC, PRIME256), bitString(point), NULL),
    "bytes follow the key's bits",
  ],
  [
    "an Ed25519 key with NULL parameters",
    ED25519,
    sequence(
      sequence(encodeOid("1.3.101.112"), NULL),
      ED25519.spki.subarray(-35),
    ),
    "Ed25519 in another encoding",
  ],
  ["an Ed25519 key of 31 bytes", ED25519, spkiEd25519("11".repeat(31)), "31"],
  ["an RSA key without NULL", RSA, rsa(rsaNumbers, RSA_OID), "RSA in another"],
  [
    "an RSA key restricted to PSS",
    RSA,
    rsa(rsaNumbers, encodeOid("1.2.840.113549.1.1.10")),
    "RSA restricted to PSS",
  ],
  ["an RSA key of 2047 bits", RSA, spkiRsa(modulus(2047), E), "2047 bits"],
  ["an RSA key of 1024 bits", RSA, spkiRsa(modulus(1024), E), "1024 bits"],
  ["an RSA key of 4097 bits", RSA, spkiRsa(modulus(4097), E), "4097 bits"],
  ["an even modulus", RSA, spkiRsa(modulus(2048, 0), E), "even"],
  [
    "a padded modulus",
    RSA,
    spkiRsa(integer(0, 0, ...modulus(2048).subarray(5)), E),
    "shortest form",
  ],
  ["exponent 1", RSA, spkiRsa(modulus(2048), integer(1)), "exponent is 1,"],
  ["exponent 3", RSA, spkiRsa(modulus(2048), integer(3)), "exponent is 3,"],
  [
    "an even exponent",
    RSA,
    spkiRsa(modulus(2048), integer(1, 0, 2)),
    "exponent is 65538,",
  ],
  [
    "a huge exponent",
    RSA,
    spkiRsa(modulus(2048), modulus(2047)),
    "exponent is a number of 256 bytes",
  ],
  [
    "bytes after the RSA numbers",
    RSA,
    rsa(Uint8Array.of(...rsaNumbers, 0), RSA_OID, NULL),
    "bytes follow the RSA key",
  ],
  [
    "a third RSA number",
    RSA,
    spkiRsa(modulus(2048), E, integer(1)),
    "bytes follow the RSA exponent",
  ],
];

for (const [what, key, spki, because] of SPKIS) {
  Deno.test(`verifyCertificate() refuses a certificate whose key is ${what}`, () => {
    assertRefused(forge(key, { spki }), because);
  });
}

/** Each y of small order with both signs, and encodings that are not reduced. */
const ANYBODYS_KEYS = [
  "00".repeat(32),
  "00".repeat(31) + "80",
  ONE,
  "01" + "00".repeat(30) + "80",
  "ec" + "ff".repeat(30) + "7f",
  "ec" + "ff".repeat(31),
  "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f",
  "ff".repeat(32),
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

Deno.test("verifyCertificate() refuses an Ed25519 key that anyone can sign for", () => {
  for (const hex of ANYBODYS_KEYS) {
    // R = the neutral element, S = 0: verifies with the neutral element as key.
    const forged = forge(ED25519, {
      spki: spkiEd25519(hex),
      signWith: () => Uint8Array.fromHex(ONE + "00".repeat(32)),
    });
    assertRefused(forged, "anyone can sign for");
  }
});

Deno.test("verifyCertificate() refuses a P-384 certificate", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const spki = spkiOf(privateKey);
  const forged = forge({ type: "P-256", privateKey, spki });
  assertRefused(forged, "elliptic curve P-384");
});

Deno.test("verifyCertificate() refuses a key whose encoding is not in its shortest form, so that one key has one identity", () => {
  const [tag, length, ...rest] = P256.spki;
  const spki = Uint8Array.of(tag!, 0x81, length!, ...rest);
  assertRefused(forge(P256, { spki }), "not in its shortest form");
  const bits = P256.spki.subarray(-68);
  const inner = sequence(
    sequence(EC, PRIME256),
    Uint8Array.of(bits[0]!, 0x81, ...bits.subarray(1)),
  );
  assertRefused(forge(P256, { spki: inner }), "not in its shortest form");
});

Deno.test("readPublicKey() refuses bytes after the key", () => {
  for (const key of FORGE_KEYS) {
    assertEquals(readPublicKey(key.spki, SyntaxError).type, key.type);
    const longer = Uint8Array.of(...key.spki, 0);
    assertThrows(
      () => readPublicKey(longer, SyntaxError),
      SyntaxError,
      "bytes follow the key",
    );
  }
});
