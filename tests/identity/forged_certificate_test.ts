/** Refusals of judgeCertificate() for forgeries, and for bytes that are not exactly one DER certificate. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { constants, sign } from "node:crypto";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_CERTIFICATE_BYTES } from "../../src/limits.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import {
  extensionsDer,
  nameDer,
  VERSION_3_DER,
} from "../../src/identity/certificate_form.ts";
import { encodeDer, encodeOid } from "../../src/identity/der.ts";
import { serverNameOf } from "../../src/identity/identity.ts";
import {
  ascii,
  assertRefused,
  extension,
  extensionList,
  forge,
  idOf,
  integer,
  keyOf,
  nameOf,
  NOTHING,
  P256,
  RSA,
  sequence,
  signAs,
} from "./forgery.ts";

const CN = "2.5.4.3";
const UTF8 = 0x0c;
const other = keyOf("P-256");

Deno.test("judgeCertificate() refuses a certificate that carries a victim's key under the forger's signature", () => {
  for (const version of [NOTHING, VERSION_3_DER]) {
    const forged = forge(P256, {
      version,
      signWith: (data) => signAs(other, data),
      ...(version === NOTHING && { extensions: NOTHING }),
    });
    assertRefused(forged, version === NOTHING ? "version is 1" : "verify");
  }
});

Deno.test("judgeCertificate() refuses a certificate of one identity with the key of another", () => {
  const victim = idOf(other.spki);
  const forged = forge(P256, {
    subject: nameDer(victim),
    issuer: nameDer(victim),
    extensions: extensionsDer(serverNameOf(victim)),
  });
  assertRefused(forged, "subject is CN=");
});

Deno.test("judgeCertificate() refuses an RSA certificate signed by PSS or without NULL", () => {
  const pss = forge(RSA, {
    signWith: (data) =>
      sign("sha256", data, {
        key: RSA.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: 32,
      }),
  });
  assertRefused(pss, "signature does not verify");
  const bare = sequence(encodeOid("1.2.840.113549.1.1.11"));
  assertRefused(
    forge(RSA, { innerAlgorithm: bare, outerAlgorithm: bare }),
    "signature algorithm",
  );
});

Deno.test("judgeCertificate() refuses bytes after the certificate", () => {
  const der = forge(P256);
  assertRefused(Uint8Array.of(...der, 0), "1 bytes follow the certificate");
  assertRefused(Uint8Array.of(...der, ...der), "bytes follow the certificate");
});

Deno.test("judgeCertificate() refuses a certificate above the limit before it reads it", () => {
  const filler = encodeDer(0x04, new Uint8Array(MAX_CERTIFICATE_BYTES));
  const forged = forge(P256, {
    extensions: extensionList(extension("1.2.3", filler)),
  });
  assert(forged.length > MAX_CERTIFICATE_BYTES);
  assertRefused(forged, `must have at most ${MAX_CERTIFICATE_BYTES}`);
});

Deno.test("judgeCertificate() refuses lengths that are not in their shortest form", () => {
  const der = forge(P256);
  assertEquals([...der.subarray(0, 2)], [0x30, 0x82]);
  const long = Uint8Array.of(0x30, 0x83, 0, ...der.subarray(2));
  assertRefused(long, "not in its shortest form");
  const indefinite = Uint8Array.of(0x30, 0x80, ...der.subarray(4), 0, 0);
  assertRefused(indefinite, "indefinite");
  const huge = Uint8Array.of(0x30, 0x84, 0, 0, ...der.subarray(2));
  assertRefused(huge, "4 bytes long");
});

Deno.test("judgeCertificate() refuses an ECDSA signature whose numbers are padded", () => {
  const pad = (data: Uint8Array) => {
    const { r, s } = readPair(signAs(P256, data));
    return sequence(integer(0, ...r), integer(...s));
  };
  assertRefused(forge(P256, { signWith: pad }), "signature does not verify");
});

Deno.test("judgeCertificate() refuses what is no certificate at all", () => {
  assertRefused(NOTHING, "ends before the certificate");
  assertRefused(ascii("-----BEGIN CERTIFICATE-----"), "the certificate says");
  assertRefused(Uint8Array.of(0x1f, 0), "tag of several bytes");
  assertRefused(sequence(), "ends before the signed part");
  assertRefused(P256.spki, "ends before the signature");
});

Deno.test("judgeCertificate() shows foreign text escaped and bounded", () => {
  const long = nameOf([CN, UTF8, `\x1b[2J${"a".repeat(1000)}`]);
  const error = assertThrows(
    () => verifyCertificate(forge(P256, { subject: long })),
    VerackError,
  );
  assert(!error.message.includes("\x1b"));
  assert(error.message.length < 500, error.message);
});

/** The two numbers of a short-form ECDSA signature. */
function readPair(der: Uint8Array): { r: Uint8Array; s: Uint8Array } {
  const split = 4 + der[3]!;
  return { r: der.subarray(4, split), s: der.subarray(split + 2) };
}
