/**
 * Makes the one certificate that fits a key. The rules it must meet are in
 * `certificate.ts`.
 *
 * The certificate library takes some 90 ms to load, so it is loaded when a
 * certificate is made for the first time, and never to verify one.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { type PeerId, serverNameOf } from "../core/peer_id.ts";
import { VALIDITY, verifyCertificate } from "./certificate.ts";
import { DER_TAG, DerReader, encodeDer } from "./der.ts";
import type { KeyType } from "./public_key.ts";
import { withLowS } from "./signature.ts";

/** WebCrypto's names for the algorithms that sign certificates. */
const SIGNING = {
  "P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  "Ed25519": { name: "Ed25519" },
  "RSA": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;

/** Digits of the identity that make the serial number. */
const SERIAL_DIGITS = 30;

/**
 * Makes a certificate for the private key of `id`, DER that
 * {@linkcode verifyCertificate} accepts. The same key always gets the same certificate
 * but for the signature, which ECDSA draws anew.
 */
export async function makeCertificate(
  privateKey: KeyObject,
  keyType: KeyType,
  id: PeerId,
): Promise<Uint8Array<ArrayBuffer>> {
  // Its dependency injection needs Reflect.getMetadata before it is evaluated.
  await import("npm:reflect-metadata@0.2.2");
  const x509 = await import("npm:@peculiar/x509@2.2.0");
  const algorithm = SIGNING[keyType];
  const certificate = await x509.X509CertificateGenerator.create({
    // The leading 1 keeps it positive. Its value is not used.
    serialNumber: `01${id.slice(0, SERIAL_DIGITS)}`,
    // The library encodes hex digits as a PrintableString, as the rules require.
    subject: [{ CN: [id] }],
    issuer: [{ CN: [id] }],
    notBefore: VALIDITY.notBefore,
    notAfter: VALIDITY.notAfter,
    publicKey: Uint8Array.from(
      createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    ),
    signingKey: await crypto.subtle.importKey(
      "pkcs8",
      Uint8Array.from(privateKey.export({ type: "pkcs8", format: "der" })),
      algorithm,
      false,
      ["sign"],
    ),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension(
        [{ type: "dns", value: serverNameOf(id) }],
        false,
      ),
    ],
  });
  const der = new Uint8Array(certificate.rawData);
  const finished = keyType === "P-256" ? withLowSignature(der) : der;
  return verifyCertificate(finished, id).der;
}

/** WebCrypto makes s of either half; the signed part does not cover the signature. */
function withLowSignature(
  der: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const certificate = new DerReader(der, SyntaxError)
    .enter(DER_TAG.SEQUENCE, "the certificate");
  const signed = certificate.read("the signed part");
  const algorithm = certificate.read("the signature algorithm");
  const signature = certificate.bitString("the signature");
  return encodeDer(
    DER_TAG.SEQUENCE,
    signed.whole,
    algorithm.whole,
    encodeDer(DER_TAG.BIT_STRING, Uint8Array.of(0), withLowS(signature)),
  );
}
