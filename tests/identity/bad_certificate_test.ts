/** Refusals of judgeCertificate() for one wrong field in a certificate that is sound otherwise. */

import { sign } from "node:crypto";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import {
  extensionsDer,
  nameDer,
  SIGNATURE_ALGORITHM_DER,
  VERSION_3_DER,
} from "../../src/identity/certificate_form.ts";
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
  ["for an empty subject", { subject: sequence() }, "subject is empty"],
  ["for a name", {
    subject: nameOf([CN, PRINTABLE, "alice"]),
  }, 'subject is CN="alice"'],
  ["whose name is a UTF8String", {
    subject: nameOf([CN, UTF8, id]),
  }, "in this encoding"],
  ["with the identity in upper case", {
    subject: nameOf([CN, PRINTABLE, id.toUpperCase()]),
  }, "subject is CN="],
  ["with an organisation before the identity", {
    subject: nameOf(["2.5.4.10", PRINTABLE, "Acme"], [CN, PRINTABLE, id]),
  }, "subject is 2.5.4.10="],
  ["with another common name after the identity", {
    subject: nameOf([CN, PRINTABLE, id], [CN, PRINTABLE, "alice"]),
  }, "subject is CN="],
  ["with the identity as organisation", {
    subject: nameOf(["2.5.4.10", PRINTABLE, id]),
  }, "subject is 2.5.4.10="],
  [
    "issued by another identity",
    { issuer: nameDer(idOf(other.spki)) },
    "issuer",
  ],
  ["issued by nobody", { issuer: sequence() }, "issuer is empty"],

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

  ["that is a CA", {
    extensions: extensionList(
      basicConstraints(sequence(encodeDer(0x01, Uint8Array.of(0xff)))),
      san,
    ),
  }, "CA:TRUE"],
  ["that is a CA by a BER true", {
    extensions: extensionList(
      basicConstraints(sequence(encodeDer(0x01, Uint8Array.of(0x01)))),
      san,
    ),
  }, "CA:TRUE"],
  ["that says CA:FALSE where DER leaves it out", {
    extensions: extensionList(
      basicConstraints(sequence(encodeDer(0x01, Uint8Array.of(0)))),
      san,
    ),
  }, "unclear"],
  ["with a path length", {
    extensions: extensionList(basicConstraints(sequence(integer(0))), san),
  }, "unclear"],
  ["without basicConstraints", { extensions: extensionList(san) }, "exactly"],
  ["with basicConstraints not critical", {
    extensions: extensionList(extension("2.5.29.19", sequence()), san),
  }, "extensions are basicConstraints CA:FALSE"],
  ["with basicConstraints twice", {
    extensions: extensionList(basicConstraints(), basicConstraints(), san),
  }, "CA:FALSE; basicConstraints"],
  ["with CA:FALSE and then CA:TRUE", {
    extensions: extensionList(
      basicConstraints(),
      san,
      basicConstraints(sequence(encodeDer(0x01, Uint8Array.of(0xff)))),
    ),
  }, "CA:TRUE"],
  ["without extensions", { extensions: NOTHING }, "ends before the extensions"],
  ["with an empty list of extensions", {
    extensions: extensionList(),
  }, "has no extensions"],
  ["with the name of another identity", {
    extensions: extensionList(basicConstraints(), altNames(otherName)),
  }, `DNS:"${otherName}"`],
  ["with a second name", {
    extensions: extensionList(basicConstraints(), altNames(name, otherName)),
  }, `DNS:"${otherName}"`],
  ["with a second name first", {
    extensions: extensionList(
      basicConstraints(),
      altNames("example.org", name),
    ),
  }, 'DNS:"example.org"'],
  ["with a wildcard name", {
    extensions: extensionList(basicConstraints(), altNames("*.verack.invalid")),
  }, 'DNS:"*.verack.invalid"'],
  ["with its name in upper case", {
    extensions: extensionList(basicConstraints(), altNames(name.toUpperCase())),
  }, "DNS:"],
  ["with its name and a dot", {
    extensions: extensionList(basicConstraints(), altNames(`${name}.`)),
  }, "DNS:"],
  ["with an IP address as name", {
    extensions: extensionList(
      basicConstraints(),
      extension(
        "2.5.29.17",
        sequence(encodeDer(0x87, Uint8Array.of(127, 0, 0, 1))),
      ),
    ),
  }, "kind 135"],
  ["with no name", {
    extensions: extensionList(basicConstraints(), altNames()),
  }, "subjectAltName"],
  ["without subjectAltName", {
    extensions: extensionList(basicConstraints()),
  }, "extensions are basicConstraints"],
  ["with subjectAltName twice", {
    extensions: extensionList(basicConstraints(), san, san),
  }, "; subjectAltName"],
  ["with another name in a second subjectAltName", {
    extensions: extensionList(basicConstraints(), san, altNames(otherName)),
  }, "; subjectAltName"],
  ["with subjectAltName critical", {
    extensions: extensionList(
      basicConstraints(),
      extension(
        "2.5.29.17",
        sequence(encodeDer(DER_TAG.DNS_NAME, ascii(name))),
        true,
      ),
    ),
  }, "subjectAltName (critical)"],
  ["with its extensions in another order", {
    extensions: extensionList(san, basicConstraints()),
  }, "extensions are subjectAltName"],
  ["with an unknown critical extension", {
    extensions: extensionList(
      basicConstraints(),
      san,
      extension("1.2.3.4", sequence(), true),
    ),
  }, "1.2.3.4 (critical)"],
  ["with an unknown extension", {
    extensions: extensionList(
      basicConstraints(),
      san,
      extension("1.2.3.4", sequence()),
    ),
  }, "1.2.3.4"],
  ["with a key usage", {
    extensions: extensionList(
      basicConstraints(),
      san,
      extension("2.5.29.15", Uint8Array.of(3, 2, 7, 0x80), true),
    ),
  }, "keyUsage"],
  ["with extensions twice", {
    more: extensionsDer(name),
  }, "bytes follow the extensions"],
  ["with unique identifiers before the extensions", {
    extensions: Uint8Array.of(0x81, 1, 0, ...extensionsDer(name)),
  }, "bytes follow the extensions"],
  ["with malformed extensions", {
    extensions: Uint8Array.of(0xa3, 2, 0x30, 5),
  }, "malformed"],

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

for (const [what, forgery, because] of FORGERIES) {
  Deno.test(`judgeCertificate() refuses a certificate ${what}`, () => {
    assertRefused(forge(P256, forgery), because);
    // The same key without the flaw passes, so the flaw is the reason.
    verifyCertificate(forge(P256));
  });
}
