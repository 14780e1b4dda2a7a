/** Refusals of verifyCertificate() for one wrong field in a certificate that is sound otherwise. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { constants, sign } from "node:crypto";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_CERTIFICATE_BYTES } from "../../src/limits.ts";
import {
  extensionsDer,
  nameDer,
  SIGNATURE_ALGORITHM_DER,
  verifyCertificate,
  VERSION_3_DER,
} from "../../src/identity/certificate.ts";
import { DER_TAG, encodeDer, encodeOid } from "../../src/identity/der.ts";
import { serverNameOf } from "../../src/identity/identity.ts";
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

/** What is forged, the forgery, and the words that the refusal must have. */
const FORGERIES: [string, Forgery, string][] = [
  ["of version 1 with extensions", { version: NOTHING }, "version is 1"],
  ["of version 1 spelled out", { version: VERSION_OF(0) }, "version is enc"],
  ["of version 2", { version: VERSION_OF(1) }, "version is encoded"],
  ["of version 4", { version: VERSION_OF(3) }, "version is encoded"],
  ["with its version twice", {
    version: Uint8Array.of(...VERSION_3_DER, ...VERSION_3_DER),
  }, "serial number has tag 0xa0"],
  ["with serial number zero", { serial: integer(0) }, "serial number is zero"],
  ["with a negative serial number", { serial: integer(0x80) }, "negative"],
  ["with an empty serial number", { serial: integer() }, "empty"],
  ["with a padded serial number", { serial: integer(0, 1) }, "shortest form"],
  ["with a serial number of 21 bytes", {
    serial: integer(...new Uint8Array(21).fill(1)),
  }, "serial number has 21 bytes"],

  ["for another identity", { subject: nameDer(idOf(other.spki)) }, "subject"],
  ["for an empty subject", { subject: sequence() }, "subject is"],
  ["for a name", {
    subject: nameOf([CN, PRINTABLE, "alice"]),
  }, "subject is"],
  ["whose name is a UTF8String", {
    subject: nameOf([CN, UTF8, id]),
  }, "subject is"],
  ["with the identity in upper case", {
    subject: nameOf([CN, PRINTABLE, id.toUpperCase()]),
  }, "subject is"],
  ["with an organisation before the identity", {
    subject: nameOf(["2.5.4.10", PRINTABLE, "Acme"], [CN, PRINTABLE, id]),
  }, "subject is"],
  ["with another common name after the identity", {
    subject: nameOf([CN, PRINTABLE, id], [CN, PRINTABLE, "alice"]),
  }, "subject is"],
  ["with the identity as organisation", {
    subject: nameOf(["2.5.4.10", PRINTABLE, id]),
  }, "subject is"],
  [
    "issued by another identity",
    { issuer: nameDer(idOf(other.spki)) },
    "issuer",
  ],
  ["with an empty issuer", { issuer: sequence() }, "issuer is"],

  ["valid for a year", {
    validity: sequence(utc("260101000000Z"), utc("270101000000Z")),
  }, "validity"],
  ["valid from the epoch", {
    validity: sequence(utc("700101000000Z"), full("99991231235959Z")),
  }, "validity"],
  ["valid from a date in another form", {
    validity: sequence(full("19700102000000Z"), full("99991231235959Z")),
  }, "validity"],
  ["valid to a year before its beginning", {
    validity: sequence(utc("700102000000Z"), full("19500101000000Z")),
  }, "validity"],

  ["without extensions", { extensions: NOTHING }, "ends before the extensions"],
  ["with extensions twice", {
    more: extensionsDer(name),
  }, "bytes follow the extensions"],
  ["with malformed extensions", {
    extensions: Uint8Array.of(0xa3, 2, 0x30, 5),
  }, "extensions are"],
  ["with unique identifiers before the extensions", {
    extensions: Uint8Array.of(0x81, 1, 0, ...extensionsDer(name)),
  }, "bytes follow the extensions"],
  ["signed by another key", {
    signWith: (data) => signAs(other, data),
  }, "signature does not verify"],
  ["with a broken signature", {
    signWith: (data) => {
      const signature = Uint8Array.from(signAs(P256, data));
      signature[signature.length - 1]! ^= 1;
      return signature;
    },
  }, "signature does not verify"],
  ["with an empty signature", {
    signWith: () => NOTHING,
  }, "signature does not verify"],
  ["with the other of the two ECDSA signatures, of high s", {
    signWith: (data) => withHighS(signAs(P256, data)),
  }, "signature does not verify"],
  ["with a signature as r and s in a row", {
    signWith: (data) =>
      sign("sha256", data, {
        key: P256.privateKey,
        dsaEncoding: "ieee-p1363",
      }),
  }, "signature does not verify"],
  ["with bytes after the signature's numbers", {
    signWith: (data) => Uint8Array.of(...signAs(P256, data), 0),
  }, "signature does not verify"],
  ["with SHA-512 in the signature", {
    signWith: (data) => sign("sha512", data, P256.privateKey),
  }, "signature does not verify"],
  ["with a signature of odd bits", {
    signature: (bytes) => encodeDer(0x03, Uint8Array.of(1), bytes),
  }, "signature is not whole bytes"],
  ["with a signature that is no bit string", {
    signature: (bytes) => encodeDer(0x04, bytes),
  }, "signature has tag 0x04"],
  ["with bytes after the signature", {
    tail: NULL,
  }, "bytes follow the signature"],
  ["with another algorithm outside", {
    outerAlgorithm: SIGNATURE_ALGORITHM_DER.Ed25519,
  }, "signature algorithm"],
  ["with another algorithm inside", {
    innerAlgorithm: SIGNATURE_ALGORITHM_DER.RSA,
  }, "signature algorithm"],
  ["with ECDSA by SHA-1", {
    innerAlgorithm: sequence(encodeOid("1.2.840.10045.4.1")),
    outerAlgorithm: sequence(encodeOid("1.2.840.10045.4.1")),
  }, "signature algorithm"],
];

const dns = (text: string) => encodeDer(DER_TAG.DNS_NAME, ascii(text));
const ca = (byte: number) =>
  basicConstraints(sequence(encodeDer(DER_TAG.BOOLEAN, Uint8Array.of(byte))));
const plain = basicConstraints();
const ip = encodeDer(0x87, Uint8Array.of(127, 0, 0, 1));

/** What is wrong with the extensions, and the extensions. */
const EXTENSIONS: [string, Uint8Array[]][] = [
  ["that is a CA", [ca(0xff), san]],
  ["that is a CA by a BER true", [ca(0x01), san]],
  ["that says CA:FALSE where DER leaves it out", [ca(0), san]],
  ["with a path length", [basicConstraints(sequence(integer(0))), san]],
  ["without basicConstraints", [san]],
  ["with basicConstraints not critical", [
    extension("2.5.29.19", sequence()),
    san,
  ]],
  ["with basicConstraints twice", [plain, plain, san]],
  ["with CA:FALSE and then CA:TRUE", [plain, san, ca(0xff)]],
  ["with an empty list of extensions", []],
  ["with the name of another identity", [plain, altNames(otherName)]],
  ["with a second name", [plain, altNames(name, otherName)]],
  ["with a second name first", [plain, altNames("example.org", name)]],
  ["with a wildcard name", [plain, altNames("*.verack.invalid")]],
  ["with its name in upper case", [plain, altNames(name.toUpperCase())]],
  ["with its name and a dot", [plain, altNames(`${name}.`)]],
  ["with an IP address as name", [
    plain,
    extension("2.5.29.17", sequence(ip)),
  ]],
  ["with no name", [plain, altNames()]],
  ["without subjectAltName", [plain]],
  ["with subjectAltName twice", [plain, san, san]],
  ["with another name in a second subjectAltName", [
    plain,
    san,
    altNames(otherName),
  ]],
  ["with subjectAltName critical", [
    plain,
    extension("2.5.29.17", sequence(dns(name)), true),
  ]],
  ["with its extensions in another order", [san, plain]],
  ["with an unknown critical extension", [
    plain,
    san,
    extension("1.2.3.4", sequence(), true),
  ]],
  ["with an unknown extension", [
    plain,
    san,
    extension("1.2.3.4", sequence()),
  ]],
  ["with a key usage", [
    plain,
    san,
    extension("2.5.29.15", Uint8Array.of(3, 2, 7, 0x80), true),
  ]],
];

for (const [what, list] of EXTENSIONS) {
  const extensions = extensionList(...list);
  FORGERIES.push([what, { extensions }, "extensions are"]);
}

for (const [what, forgery, because] of FORGERIES) {
  Deno.test(`verifyCertificate() refuses a certificate ${what}`, () => {
    assertRefused(forge(P256, forgery), because);
    // The same key without the flaw passes, so the flaw is the reason.
    verifyCertificate(forge(P256));
  });
}

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

Deno.test("verifyCertificate() refuses an RSA certificate signed by PSS or without NULL", () => {
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

Deno.test("verifyCertificate() refuses an ECDSA signature whose numbers are padded", () => {
  const pad = (data: Uint8Array) => {
    const { r, s } = readPair(signAs(P256, data));
    return sequence(integer(0, ...r), integer(...s));
  };
  assertRefused(forge(P256, { signWith: pad }), "signature does not verify");
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

/** The two numbers of a short-form ECDSA signature. */
function readPair(der: Uint8Array): { r: Uint8Array; s: Uint8Array } {
  const split = 4 + der[3]!;
  return { r: der.subarray(4, split), s: der.subarray(split + 2) };
}
