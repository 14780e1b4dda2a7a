/**
 * The one form of a verack certificate: the bytes of every field that follow from
 * the key and its identity (RFC 5280 §4.1).
 *
 * Holding certificates against it is for `certificate.ts`.
 */

import { CERTIFICATES_VALID_FROM_MS } from "../transport/clock_fault.ts";
import { DER_TAG, encodeDer, encodeOid } from "./der.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { KeyType } from "./public_key.ts";

/** First and last second of every certificate, so that no clock locks anybody out. */
export const VALIDITY = {
  // A day after the epoch: some libraries mis-encode or refuse earlier dates.
  notBefore: new Date(CERTIFICATES_VALID_FROM_MS),
  // "No well-defined expiration date", RFC 5280 §4.1.2.5.
  notAfter: new Date("9999-12-31T23:59:59Z"),
} as const;

const ascii = new TextEncoder();
const { SEQUENCE, SET, BOOLEAN, OCTET_STRING, INTEGER } = DER_TAG;

/** `[0] { INTEGER 2 }`: version 3. */
export const VERSION_3_DER = encodeDer(
  DER_TAG.CONTEXT_0,
  encodeDer(INTEGER, Uint8Array.of(2)),
);

/** {@linkcode VALIDITY}: years before 2050 as UTCTime, the others in full (RFC 5280 §4.1.2.5). */
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

/** basicConstraints, critical; an empty sequence is `CA:FALSE` in DER. */
const BASIC_CONSTRAINTS = encodeDer(
  SEQUENCE,
  encodeOid("2.5.29.19"),
  encodeDer(BOOLEAN, Uint8Array.of(0xff)),
  encodeDer(OCTET_STRING, encodeDer(SEQUENCE)),
);

const SUBJECT_ALT_NAME = encodeOid("2.5.29.17");

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
