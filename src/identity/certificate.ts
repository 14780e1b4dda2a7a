/**
 * The one judge of certificates: whatever enters, from gossip, store, proof,
 * file or fetch, passes {@linkcode verifyCertificate} or is not used.
 *
 * It parses nothing by a library. A verack certificate has one form, all of which
 * follows from its key, save the serial number and the signature; so the judge
 * walks to the key, builds what must stand around it, and compares bytes. No
 * other parser, webpki's or node's, can then read anything else out of it.
 *
 * The form itself is in `certificate_form.ts`, making certificates in `make_certificate.ts`, the wording of most refusals
 * in `certificate_fault.ts`, which keys are allowed in `public_key.ts`.
 */

import { Buffer } from "node:buffer";
import { createPublicKey, hash, type KeyObject } from "node:crypto";
import { VerackError } from "../core/errors.ts";
import { MAX_CERTIFICATE_BYTES, MAX_JUDGED_CERTIFICATES } from "../limits.ts";
import { explainExtensions, explainName } from "./certificate_fault.ts";
import {
  extensionsDer,
  nameDer,
  SIGNATURE_ALGORITHM_DER,
  VALIDITY_DER,
  VERSION_3_DER,
} from "./certificate_form.ts";
import { DER_TAG, type DerElement, DerReader, equalBytes } from "./der.ts";
import { type PeerId, serverNameOf, shortId } from "../core/peer_id.ts";
import { writePem } from "./pem.ts";
import { type PublicKey, readPublicKey } from "./public_key.ts";
import { verifyCertificateBytes } from "./signature.ts";

/**
 * A certificate that passed the judge, and what it says. Results are shared
 * between callers, so the bytes must not be written to.
 */
export interface VerifiedCertificate {
  /** The certificate; a copy of its own, not a view into what was judged. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** SHA-256 of {@linkcode VerifiedCertificate.spki}. */
  readonly id: PeerId;
  /** The SubjectPublicKeyInfo as it stands in the certificate. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** The key, for verifying with `node:crypto`. */
  readonly publicKey: KeyObject;
  /** Its kind, which alone decides how it signs. */
  readonly key: PublicKey;
  /** The DNS name to ask TLS for: `identityName(identity)`. */
  readonly serverName: string;
}

/** RFC 5280 §4.1.2.2. */
const MAX_SERIAL_BYTES = 20;

/** Judged certificates by SHA-256 of their bytes, the one used last at the end. */
const judged = new Map<string, VerifiedCertificate>();

/**
 * Judges a certificate: whether these bytes are exactly one verack certificate,
 * and whose. The rules, all of them:
 *
 * - at most {@linkcode MAX_CERTIFICATE_BYTES} bytes, DER, nothing after it;
 * - version 3; serial number positive, at most 20 bytes, in its shortest form;
 * - the key is P-256 (uncompressed), Ed25519 or RSA of 2048 to 4096 bits, in its
 *   one canonical encoding; the identity is the SHA-256 of that encoding as it stands;
 * - signature algorithm of the key's type, named twice and the same:
 *   `ecdsa-with-SHA256`, `Ed25519`, `sha256WithRSAEncryption`;
 * - issuer and subject are both `CN=<identity>`, one PrintableString;
 * - valid from 1970-01-02T00:00:00Z (UTCTime) to 9999-12-31T23:59:59Z
 *   (GeneralizedTime); no clock is asked;
 * - exactly two extensions: basicConstraints, critical, CA:FALSE (an empty
 *   sequence; absent will not do, because then each parser has its own default),
 *   then subjectAltName, not critical, with the identity name as its one DNS name;
 * - the key's own signature over all that; of the two that ECDSA has for each, the
 *   one with low s, or anybody could turn one certificate into two.
 *
 * Takes some hundred microseconds, nearly all for the signature; a certificate
 * judged before takes a few. Refusals are not remembered.
 *
 * @param der The bytes; they are copied.
 * @param expected The identity it is filed under, if one is known.
 * @throws {VerackError} `bad-certificate` when it breaks a rule, `wrong-identity`
 * when it is sound but belongs to another identity than `expected`.
 */
export function verifyCertificate(
  der: Uint8Array,
  expected?: PeerId,
): VerifiedCertificate {
  const certificate = judgeCached(der);
  if (expected !== undefined && certificate.id !== expected) {
    throw new VerackError(
      "wrong-identity",
      `Cannot accept certificate: it belongs to identity ${certificate.id}, must belong to ${expected}`,
    );
  }
  return certificate;
}

/** The certificate in PEM, as `Deno.startTls` takes it in `caCerts`. */
export function certificateToPem(der: Uint8Array): string {
  return writePem("CERTIFICATE", der);
}

function judgeCached(der: Uint8Array): VerifiedCertificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw fault(
      `it has ${der.length} bytes, must have at most ${MAX_CERTIFICATE_BYTES}`,
    );
  }
  // A copy: the caller may hold a view into a frame of megabytes, or reuse it.
  const copy = Uint8Array.from(der);
  const digest = hash("sha256", copy, "hex");
  const known = judged.get(digest);
  const certificate = known ?? judgeBytes(copy);
  if (known !== undefined) judged.delete(digest);
  else if (judged.size >= MAX_JUDGED_CERTIFICATES) {
    const [oldest] = judged.keys();
    if (oldest !== undefined) judged.delete(oldest);
  }
  judged.set(digest, certificate);
  return certificate;
}

function judgeBytes(der: Uint8Array<ArrayBuffer>): VerifiedCertificate {
  const fields = readFields(der);
  const key = readPublicKey(fields.spki.whole, fault);
  const id = hash("sha256", fields.spki.whole, "hex");
  checkFields(fields, key, id);
  const publicKey = importKey(fields.spki.whole);
  if (!signatureHolds(fields, key, publicKey)) {
    throw fault(
      `its signature does not verify with its own key (${shortId(id)}), ` +
        "must be self-signed",
    );
  }
  return {
    der,
    id,
    spki: fields.spki.whole,
    publicKey,
    key,
    serverName: serverNameOf(id),
  };
}

/** The elements of a certificate (RFC 5280 §4.1), not yet judged. */
interface Fields {
  readonly signed: DerElement;
  readonly innerAlgorithm: DerElement;
  readonly issuer: DerElement;
  readonly validity: DerElement;
  readonly subject: DerElement;
  readonly spki: DerElement;
  readonly extensions: DerElement;
  readonly outerAlgorithm: DerElement;
  readonly signature: Uint8Array<ArrayBuffer>;
}

function readFields(der: Uint8Array<ArrayBuffer>): Fields {
  const file = new DerReader(der, fault);
  const certificate = file.enter(DER_TAG.SEQUENCE, "the certificate");
  file.end("the certificate");
  const signed = certificate.expect(DER_TAG.SEQUENCE, "the signed part");
  const outerAlgorithm = certificate.read("the signature algorithm");
  const signature = certificate.bitString("the signature");
  certificate.end("the signature");

  const body = new DerReader(signed.content, fault);
  const version = body.read("the version");
  if (!equalBytes(version.whole, VERSION_3_DER)) {
    // Version 1 is written by leaving the field out.
    const found = version.tag === DER_TAG.CONTEXT_0
      ? `encoded as ${version.whole.subarray(0, 8).toHex()}`
      : "1";
    throw fault(`its version is ${found}, must be 3`);
  }
  body.positiveInteger(MAX_SERIAL_BYTES, "the serial number");
  const fields: Fields = {
    signed,
    innerAlgorithm: body.read("the inner signature algorithm"),
    issuer: body.read("the issuer"),
    validity: body.read("the validity"),
    subject: body.read("the subject"),
    spki: body.read("the key"),
    extensions: body.read("the extensions"),
    outerAlgorithm,
    signature,
  };
  body.end("the extensions");
  return fields;
}

function checkFields(
  fields: Fields,
  { type }: PublicKey,
  id: PeerId,
): void {
  const algorithm = SIGNATURE_ALGORITHM_DER[type];
  if (
    !equalBytes(fields.innerAlgorithm.whole, algorithm) ||
    !equalBytes(fields.outerAlgorithm.whole, algorithm)
  ) {
    throw fault(
      `its signature algorithm is not, twice, the one for ${type} keys`,
    );
  }
  const name = nameDer(id);
  if (!equalBytes(fields.subject.whole, name)) {
    throw fault(
      `its subject is ${explainName(fields.subject)}, must be CN=${id}`,
    );
  }
  if (!equalBytes(fields.issuer.whole, name)) {
    throw fault(
      `its issuer is ${explainName(fields.issuer)}, must be CN=${id}`,
    );
  }
  if (!equalBytes(fields.validity.whole, VALIDITY_DER)) {
    throw fault(
      "its validity is not from 1970-01-02T00:00:00Z to 9999-12-31T23:59:59Z",
    );
  }
  const serverName = serverNameOf(id);
  if (!equalBytes(fields.extensions.whole, extensionsDer(serverName))) {
    throw fault(explainExtensions(fields.extensions, serverName));
  }
}

function importKey(spki: Uint8Array<ArrayBuffer>): KeyObject {
  try {
    return createPublicKey({
      key: Buffer.from(spki),
      format: "der",
      type: "spki",
    });
  } catch (cause) {
    throw fault("its key is not a point on its curve", cause);
  }
}

function signatureHolds(
  fields: Fields,
  key: PublicKey,
  publicKey: KeyObject,
): boolean {
  try {
    return verifyCertificateBytes(
      key,
      publicKey,
      fields.signed.whole,
      fields.signature,
    );
  } catch {
    // A key that the library finds it cannot compute with after all.
    return false;
  }
}

function fault(detail: string, cause?: unknown): VerackError {
  return new VerackError(
    "bad-certificate",
    `Cannot accept certificate: ${detail}`,
    cause === undefined ? undefined : { cause },
  );
}
