/** Refusals of verifyCertificate() for one wrong field in a certificate that is sound otherwise. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { constants, sign } from "node:crypto";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_CERTIFICATE_BYTES } from "../../src/transport/transport_limits.ts";
import {
  extensionsDer,
  nameDer,
  SIGNATURE_ALGORITHM_DER,
  verifyCertificate,
  VERSION_3_DER,
} from "../../src/identity/certificate.ts";
import { DER_TAG, encodeDer, encodeOid } from "../../src/identity/der.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import {
  altNames,
  ascii,
  assertRefused,
  basicConstraints,
  extension,
  extensionList,
  forge,
  type Forgery,
  idOf,
  integer,
  keyOf,
  nameOf,
  NOTHING,
  P256,
  RSA,
  sequence,
  signAs,
  withHighS,
} from "./forgery.ts";

const id = idOf(P256.spki);
const name = serverNameOf(id);
const san = altNames(name);
const other = keyOf("P-256");
const otherName = serverNameOf(idOf(other.spki));
const PRINTABLE = DER_TAG.PRINTABLE_STRING;
const UTF8 = 0x0c;
const CN = "2.5.4.3";
const utc = (text: string) => encodeDer(DER_TAG.UTC_TIME, ascii(text));
const full = (text: string) => encodeDer(DER_TAG.GENERALIZED_TIME, ascii(text));
const NULL = encodeDer(DER_TAG.NULL);
const VERSION_OF = (n: number) => encodeDer(DER_TAG.CONTEXT_0, integer(n));

const dns = (text: string) => encodeDer(DER_TAG.DNS_NAME, ascii(text));
const plain = basicConstraints();
const ca = (byte: number) =>
  basicConstraints(sequence(encodeDer(DER_TAG.BOOLEAN, Uint8Array.of(byte))));
const unknown = (critical: boolean) =>
  extension("1.2.3.4", sequence(), critical);

/**
 * Tests that certificates are refused in which nothing is wrong but one field.
 *
 * @param because Words that the refusal must have.
 * @param cases The field by what is wrong with it.
 */
function refuses<K extends keyof Forgery>(
  field: K,
  because: string,
  cases: Record<string, NonNullable<Forgery[K]>>,
): void {
  for (const [what, value] of Object.entries(cases)) {
    Deno.test(`verifyCertificate() refuses a certificate ${what}`, () => {
      assertRefused(forge(P256, { [field]: value }), because);
      // The same key without the flaw passes, so the flaw is the reason.
      verifyCertificate(forge(P256));
    });
  }
}

refuses("version", "version is", {
  "of version 1 with extensions": NOTHING,
  "of version 1 spelled out": VERSION_OF(0),
  "of version 2": VERSION_OF(1),
  "of version 4": VERSION_OF(3),
});
refuses("version", "serial number has tag 0xa0", {
  "with its version twice": Uint8Array.of(...VERSION_3_DER, ...VERSION_3_DER),
});
refuses("serial", "serial number", {
  "with serial number zero": integer(0),
  "with a negative serial number": integer(0x80),
  "with an empty serial number": integer(),
  "with a padded serial number": integer(0, 1),
  "with a serial number of 21 bytes": integer(...new Uint8Array(21).fill(1)),
});
refuses("subject", "subject is", {
  "for another identity": nameDer(idOf(other.spki)),
  "for an empty subject": sequence(),
  "for a name": nameOf([CN, PRINTABLE, "alice"]),
  "whose name is a UTF8String": nameOf([CN, UTF8, id]),
  "with the identity in upper case": nameOf([CN, PRINTABLE, id.toUpperCase()]),
  "with an organisation before the identity": nameOf(
    ["2.5.4.10", PRINTABLE, "Acme"],
    [CN, PRINTABLE, id],
  ),
  "with another common name after the identity": nameOf(
    [CN, PRINTABLE, id],
    [CN, PRINTABLE, "alice"],
  ),
  "with the identity as organisation": nameOf(["2.5.4.10", PRINTABLE, id]),
});
refuses("issuer", "issuer is", {
  "issued by another identity": nameDer(idOf(other.spki)),
  "issued by an empty name": sequence(),
});
refuses("validity", "validity", {
  "valid for a year": sequence(utc("260101000000Z"), utc("270101000000Z")),
  "valid from the epoch": sequence(
    utc("700101000000Z"),
    full("99991231235959Z"),
  ),
  "valid from a date in another form": sequence(
    full("19700102000000Z"),
    full("99991231235959Z"),
  ),
  "valid to a year before its beginning": sequence(
    utc("700102000000Z"),
    full("19500101000000Z"),
  ),
});

const EXTENSIONS: Record<string, Uint8Array[]> = {
  "that is a CA": [ca(0xff), san],
  "that is a CA by a BER true": [ca(0x01), san],
  "that says CA:FALSE where DER leaves it out": [ca(0), san],
  "with a path length": [basicConstraints(sequence(integer(0))), san],
  "without basicConstraints": [san],
  "with basicConstraints not critical": [
    extension("2.5.29.19", sequence()),
    san,
  ],
  "with basicConstraints twice": [plain, plain, san],
  "with CA:FALSE and then CA:TRUE": [plain, san, ca(0xff)],
  "with an empty list of extensions": [],
  "with the name of another identity": [plain, altNames(otherName)],
  "with a second name": [plain, altNames(name, otherName)],
  "with a second name first": [plain, altNames("example.org", name)],
  "with a wildcard name": [plain, altNames("*.verack.invalid")],
  "with its name in upper case": [plain, altNames(name.toUpperCase())],
  "with its name and a dot": [plain, altNames(`${name}.`)],
  "with an IP address as name": [
    plain,
    extension(
      "2.5.29.17",
      sequence(encodeDer(0x87, Uint8Array.of(127, 0, 0, 1))),
    ),
  ],
  "with no name": [plain, altNames()],
  "without subjectAltName": [plain],
  "with subjectAltName twice": [plain, san, san],
  "with another name in a second subjectAltName": [
    plain,
    san,
    altNames(otherName),
  ],
  "with subjectAltName critical": [
    plain,
    extension("2.5.29.17", sequence(dns(name)), true),
  ],
  "with its extensions in another order": [san, plain],
  "with an unknown critical extension": [plain, san, unknown(true)],
  "with an unknown extension": [plain, san, unknown(false)],
  "with a key usage": [
    plain,
    san,
    extension("2.5.29.15", Uint8Array.of(3, 2, 7, 0x80), true),
  ],
};
for (const [what, list] of Object.entries(EXTENSIONS)) {
  refuses("extensions", "extensions are", { [what]: extensionList(...list) });
}
refuses("extensions", "extensions are", {
  "with malformed extensions": Uint8Array.of(0xa3, 2, 0x30, 5),
});
refuses("extensions", "ends before the extensions", {
  "without extensions": NOTHING,
});
refuses("extensions", "bytes follow the extensions", {
  "with unique identifiers before the extensions": Uint8Array.of(
    ...[0x81, 1, 0],
    ...extensionsDer(name),
  ),
});
refuses("more", "bytes follow the extensions", {
  "with extensions twice": extensionsDer(name),
});

refuses("signWith", "signature does not verify", {
  "signed by another key": (data) => signAs(other, data),
  "with a broken signature": (data) => {
    const signature = Uint8Array.from(signAs(P256, data));
    signature[signature.length - 1]! ^= 1;
    return signature;
  },
  "with an empty signature": () => NOTHING,
  "with the other of the two ECDSA signatures, of high s": (data) =>
    withHighS(signAs(P256, data)),
  "with a signature as r and s in a row": (data) =>
    sign("sha256", data, { key: P256.privateKey, dsaEncoding: "ieee-p1363" }),
  "with a signature whose numbers are padded": (data) => {
    const der = signAs(P256, data);
    const split = 4 + der[3]!;
    return sequence(
      integer(0, ...der.subarray(4, split)),
      integer(...der.subarray(split + 2)),
    );
  },
  "with bytes after the signature's numbers": (data) =>
    Uint8Array.of(...signAs(P256, data), 0),
  "with SHA-512 in the signature": (data) =>
    sign("sha512", data, P256.privateKey),
});
refuses("signature", "signature is not whole bytes", {
  "with a signature of odd bits": (bytes) =>
    encodeDer(0x03, Uint8Array.of(1), bytes),
});
refuses("signature", "signature has tag 0x04", {
  "with a signature that is no bit string": (bytes) => encodeDer(0x04, bytes),
});
refuses("tail", "bytes follow the signature", {
  "with bytes after the signature": NULL,
});
refuses("outerAlgorithm", "signature algorithm", {
  "with another algorithm outside": SIGNATURE_ALGORITHM_DER.Ed25519,
});
refuses("innerAlgorithm", "signature algorithm", {
  "with another algorithm inside": SIGNATURE_ALGORITHM_DER.RSA,
});

Deno.test("verifyCertificate() refuses a certificate that carries a victim's key under the forger's signature", () => {
  for (const version of [NOTHING, VERSION_3_DER]) {
    const forged = forge(P256, {
      version,
      signWith: (data) => signAs(other, data),
      ...(version === NOTHING && { extensions: NOTHING }),
    });
    assertRefused(forged, version === NOTHING ? "version is 1" : "verify");
  }
});

Deno.test("verifyCertificate() refuses a certificate of one identity with the key of another", () => {
  const victim = idOf(other.spki);
  const forged = forge(P256, {
    subject: nameDer(victim),
    issuer: nameDer(victim),
    extensions: extensionsDer(serverNameOf(victim)),
  });
  assertRefused(forged, "subject is");
});

Deno.test("verifyCertificate() refuses an RSA certificate signed by PSS or without NULL, and ECDSA by SHA-1", () => {
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
  const sha1 = sequence(encodeOid("1.2.840.10045.4.1"));
  for (const [key, algorithm] of [[RSA, bare], [P256, sha1]] as const) {
    assertRefused(
      forge(key, { innerAlgorithm: algorithm, outerAlgorithm: algorithm }),
      "signature algorithm",
    );
  }
});

Deno.test("verifyCertificate() refuses bytes after the certificate", () => {
  const der = forge(P256);
  assertRefused(Uint8Array.of(...der, 0), "1 bytes follow the certificate");
  assertRefused(Uint8Array.of(...der, ...der), "bytes follow the certificate");
});

Deno.test("verifyCertificate() refuses a certificate above the limit before it reads it", () => {
  const filler = encodeDer(0x04, new Uint8Array(MAX_CERTIFICATE_BYTES));
  const forged = forge(P256, {
    extensions: extensionList(extension("1.2.3", filler)),
  });
  assert(forged.length > MAX_CERTIFICATE_BYTES);
  assertRefused(forged, `must have at most ${MAX_CERTIFICATE_BYTES}`);
});

Deno.test("verifyCertificate() refuses lengths that are not in their shortest form", () => {
  const der = forge(P256);
  assertEquals([...der.subarray(0, 2)], [0x30, 0x82]);
  const long = Uint8Array.of(0x30, 0x83, 0, ...der.subarray(2));
  assertRefused(long, "not in its shortest form");
  const indefinite = Uint8Array.of(0x30, 0x80, ...der.subarray(4), 0, 0);
  assertRefused(indefinite, "indefinite");
  const huge = Uint8Array.of(0x30, 0x84, 0, 0, ...der.subarray(2));
  assertRefused(huge, "4 bytes long");
});

Deno.test("verifyCertificate() refuses what is no certificate at all", () => {
  assertRefused(NOTHING, "ends before the certificate");
  assertRefused(ascii("-----BEGIN CERTIFICATE-----"), "the certificate says");
  assertRefused(Uint8Array.of(0x1f, 0), "tag of several bytes");
  assertRefused(sequence(), "ends before the signed part");
  assertRefused(P256.spki, "ends before the signature");
});

Deno.test("verifyCertificate() shows foreign text escaped and bounded", () => {
  const long = nameOf([CN, UTF8, `\x1b[2J${"a".repeat(1000)}`]);
  const error = assertThrows(
    () => verifyCertificate(forge(P256, { subject: long })),
    VerackError,
  );
  assert(!error.message.includes("\x1b"));
  assert(error.message.length < 500, error.message);
});
