/**
 * The one form of a verack certificate, and the one function that verifies it: each certificate
 * from gossip, store, proof, file or TLS passes {@linkcode verifyCertificate} or is not used.
 *
 * No library parses here. All of a verack certificate follows from its key, save the
 * serial number and the signature; so the verifier reads the key, builds all other bytes from
 * it, and compares. No other parser, webpki's or node's, can then read different values.
 */
import { Buffer } from "node:buffer";
import { createPublicKey, hash, type KeyObject } from "node:crypto";
import { BoundedMap } from "../core/bounded_map.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { type PeerId, serverNameOf, shortId } from "../core/peer_id.ts";
import { MAX_CERTIFICATE_BYTES } from "../transport/transport_limits.ts";
import { CERTIFICATES_VALID_FROM_MS } from "../transport/tls_errors.ts";
import {
  DER_TAG,
  type DerElement,
  DerReader,
  encodeDer,
  encodeOid,
  equalBytes,
} from "./der.ts";
import { MAX_VERIFIED_CERTIFICATES } from "./identity_limits.ts";
import {
  type KeyType,
  peerIdOf,
  type PublicKey,
  readPublicKey,
} from "./public_key.ts";
import { verifyCertificateBytes } from "./signature.ts";

/**
 * A certificate that was verified, and its fields. Results are shared between callers, so the
 * bytes must not be changed.
 */
export interface VerifiedCertificate {
  /** The certificate; a copy of its own, not a view into what was verified. */
  readonly der: Uint8Array<ArrayBuffer>;
  /** SHA-256 of {@linkcode VerifiedCertificate.spki}. */
  readonly id: PeerId;
  /** The SubjectPublicKeyInfo as it stands in the certificate. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** The key, for verifying with `node:crypto`. */
  readonly publicKey: KeyObject;
  /** Its kind, which alone decides the signature algorithm. */
  readonly key: PublicKey;
  /** The DNS name to ask TLS for: `serverNameOf(id)`. */
  readonly serverName: string;
}

// --- The form (RFC 5280 §4.1) ----------------------------------------------------

/** First and last second of every certificate, so that no clock excludes a node. */
export const VALIDITY = {
  // A day after the epoch: some libraries mis-encode or refuse earlier dates.
  notBefore: new Date(CERTIFICATES_VALID_FROM_MS),
  // "No well-defined expiration date", RFC 5280 §4.1.2.5.
  notAfter: new Date("9999-12-31T23:59:59Z"),
} as const;

const { SEQUENCE, SET, BOOLEAN, OCTET_STRING, INTEGER } = DER_TAG;
const ascii = new TextEncoder();

/** `[0] { INTEGER 2 }`: version 3. */
export const VERSION_3_DER = encodeDer(
  DER_TAG.CONTEXT_0,
  encodeDer(INTEGER, Uint8Array.of(2)),
);

/** {@linkcode VALIDITY}: years before 2050 as UTCTime, others in full (RFC 5280 §4.1.2.5). */
export const VALIDITY_DER = encodeDer(
  SEQUENCE,
  encodeDer(DER_TAG.UTC_TIME, ascii.encode("700102000000Z")),
  encodeDer(DER_TAG.GENERALIZED_TIME, ascii.encode("99991231235959Z")),
);

/** Signature algorithms by key type (RFC 5758 §3.2, RFC 8410 §6, RFC 4055 §5). */
export const SIGNATURE_ALGORITHM_DER: Readonly<Record<KeyType, Uint8Array>> = {
  "P-256": encodeDer(SEQUENCE, encodeOid("1.2.840.10045.4.3.2")),
  "Ed25519": encodeDer(SEQUENCE, encodeOid("1.3.101.112")),
  "RSA": encodeDer(
    SEQUENCE,
    encodeOid("1.2.840.113549.1.1.11"),
    encodeDer(DER_TAG.NULL),
  ),
};

const COMMON_NAME = encodeOid("2.5.4.3");
const SUBJECT_ALT_NAME = encodeOid("2.5.29.17");

/**
 * basicConstraints, critical; an empty sequence is `CA:FALSE` in DER. Required, as
 * each parser has its own default where it is absent.
 */
const BASIC_CONSTRAINTS = encodeDer(
  SEQUENCE,
  encodeOid("2.5.29.19"),
  encodeDer(BOOLEAN, Uint8Array.of(0xff)),
  encodeDer(OCTET_STRING, encodeDer(SEQUENCE)),
);

/** RFC 5280 §4.1.2.2. */
const MAX_SERIAL_BYTES = 20;

/** Issuer and subject: `CN=<identity>` as one PrintableString. */
export function nameDer(id: PeerId): Uint8Array {
  const value = encodeDer(DER_TAG.PRINTABLE_STRING, ascii.encode(id));
  return encodeDer(
    SEQUENCE,
    encodeDer(SET, encodeDer(SEQUENCE, COMMON_NAME, value)),
  );
}

/** basicConstraints CA:FALSE and the one DNS name, in this order, wrapped in `[3]`. */
export function extensionsDer(serverName: string): Uint8Array {
  const names = encodeDer(
    SEQUENCE,
    encodeDer(DER_TAG.DNS_NAME, ascii.encode(serverName)),
  );
  return encodeDer(
    DER_TAG.CONTEXT_3,
    encodeDer(
      SEQUENCE,
      BASIC_CONSTRAINTS,
      encodeDer(SEQUENCE, SUBJECT_ALT_NAME, encodeDer(OCTET_STRING, names)),
    ),
  );
}

// --- Verification ------------------------------------------------------------------

/** Verified certificates by SHA-256 of their bytes, the one used last at the end. */
const verified = new BoundedMap<string, VerifiedCertificate>(
  MAX_VERIFIED_CERTIFICATES,
);

/**
 * Verifies that these bytes are exactly one verack certificate, and returns its key and
 * identity. The rules:
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
 * - exactly two extensions: basicConstraints, critical, CA:FALSE, then
 *   subjectAltName, not critical, with the server name as its one DNS name;
 * - the key's own signature over all that; of the two that ECDSA has for each, the
 *   one with low s, or anyone could turn one certificate into two.
 *
 * Takes some hundred microseconds, nearly all for the signature; a certificate that was
 * verified before takes a few. Failures are not cached.
 *
 * Throws `bad-certificate` when it breaks a rule, `wrong-identity` when it is sound but
 * belongs to another identity than `expected`. The bytes are copied.
 */
export function verifyCertificate(
  der: Uint8Array,
  expected?: PeerId,
): VerifiedCertificate {
  const certificate = verifyCached(der);
  if (expected !== undefined && certificate.id !== expected) {
    throw new VerackError(
      "wrong-identity",
      `Cannot accept certificate: it belongs to identity ${certificate.id}, must belong to ${expected}`,
      { expected, actual: certificate.id },
    );
  }
  return certificate;
}

function verifyCached(der: Uint8Array): VerifiedCertificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw fault(
      `it has ${der.length} bytes, must have at most ${MAX_CERTIFICATE_BYTES}`,
    );
  }
  // A copy: the caller may hold a view into a frame of megabytes, or reuse it.
  const copy = Uint8Array.from(der);
  const digest = hash("sha256", copy, "hex");
  return verified.ensure(digest, () => verifyBytes(copy));
}

function verifyBytes(der: Uint8Array<ArrayBuffer>): VerifiedCertificate {
  const fields = readFields(der);
  const spki = fields.spki.whole;
  const key = readPublicKey(spki, fault);
  const id = peerIdOf(spki);
  checkFields(fields, key, id);
  const publicKey = importKey(spki);
  if (!signatureHolds(fields, key, publicKey)) {
    throw fault(
      `its signature does not verify with its own key (${shortId(id)}), ` +
        "must be self-signed",
    );
  }
  const serverName = serverNameOf(id);
  return { der, id, spki, publicKey, key, serverName };
}

/** The elements of a certificate (RFC 5280 §4.1), not yet checked. */
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
  const certificate = file.enter(SEQUENCE, "the certificate");
  file.end("the certificate");
  const signed = certificate.expect(SEQUENCE, "the signed part");
  const outerAlgorithm = certificate.read("the signature algorithm");
  const signature = certificate.bitString("the signature");
  certificate.end("the signature");

  const body = new DerReader(signed.content, fault);
  const version = body.read("the version");
  if (!equalBytes(version.whole, VERSION_3_DER)) {
    // Version 1 is the absence of the field.
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

function checkFields(fields: Fields, { type }: PublicKey, id: PeerId): void {
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
    throw fault(`its subject is ${shown(fields.subject)}, must be CN=${id}`);
  }
  if (!equalBytes(fields.issuer.whole, name)) {
    throw fault(`its issuer is ${shown(fields.issuer)}, must be CN=${id}`);
  }
  if (!equalBytes(fields.validity.whole, VALIDITY_DER)) {
    throw fault(
      "its validity is not from 1970-01-02T00:00:00Z to 9999-12-31T23:59:59Z",
    );
  }
  const serverName = serverNameOf(id);
  if (!equalBytes(fields.extensions.whole, extensionsDer(serverName))) {
    throw fault(
      `its extensions are ${shown(fields.extensions)}, must be exactly ` +
        `basicConstraints (critical, CA:FALSE) and subjectAltName DNS:${serverName}`,
    );
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
  { signed, signature }: Fields,
  key: PublicKey,
  publicKey: KeyObject,
): boolean {
  try {
    return verifyCertificateBytes(key, publicKey, signed.whole, signature);
  } catch {
    // A key that the library cannot compute with.
    return false;
  }
}

/** A field as hex, for a message; `openssl x509 -text` decodes it. */
function shown({ whole }: DerElement): string {
  return `"${escapeText(whole, { max: 200 })}"`;
}

function fault(detail: string, cause?: unknown): VerackError {
  return new VerackError(
    "bad-certificate",
    `Cannot accept certificate: ${detail}`,
    cause === undefined ? undefined : { cause },
  );
}
