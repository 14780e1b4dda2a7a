/**
 * Words for why a certificate is refused.
 *
 * Nothing is decided here: `certificate.ts` has already found that the bytes
 * differ from what they must be, and this only says in which way. All text comes
 * from strangers, so it is shown escaped and bounded.
 */

import { escapeText } from "../core/escape.ts";
import { DER_TAG, type DerElement, DerReader, showOid } from "./der.ts";

/** Longest name or value that is shown. */
const SHOWN_CHARACTERS = 100;

/** Most extensions and names that are walked for the sake of a message. */
const WALKED = 16;

const EXTENSION_NAMES: Readonly<Record<string, string>> = {
  "2.5.29.14": "subjectKeyIdentifier",
  "2.5.29.15": "keyUsage",
  "2.5.29.17": "subjectAltName",
  "2.5.29.19": "basicConstraints",
  "2.5.29.30": "nameConstraints",
  "2.5.29.35": "authorityKeyIdentifier",
  "2.5.29.37": "extendedKeyUsage",
};

/** What a subject or issuer is instead of `CN=<identity>`. */
export function explainName(name: DerElement): string {
  try {
    const parts: string[] = [];
    const names = new DerReader(name.content, SyntaxError);
    while (!names.atEnd && parts.length < WALKED) {
      const attribute = names.enter(DER_TAG.SET, "a name")
        .enter(DER_TAG.SEQUENCE, "a name");
      const type = showOid(attribute.expect(DER_TAG.OID, "a type").content);
      const value = showText(attribute.read("a value").content);
      parts.push(`${type === "2.5.4.3" ? "CN" : type}=${value}`);
    }
    if (parts.length === 0) return "empty";
    // The same text in another string type is still another name.
    return parts.length > 1 ? parts.join(", ") : `${parts[0]} in this encoding`;
  } catch {
    return "no name";
  }
}

/** What is wrong with extensions that are not the two that must be there. */
export function explainExtensions(
  extensions: DerElement,
  serverName: string,
): string {
  const wanted = "must have exactly basicConstraints (critical, CA:FALSE) " +
    `and subjectAltName DNS:${serverName}`;
  try {
    return `${walkExtensions(extensions)}, ${wanted}`;
  } catch {
    return `its extensions are malformed, ${wanted}`;
  }
}

function walkExtensions(extensions: DerElement): string {
  const list = new DerReader(extensions.content, SyntaxError)
    .enter(DER_TAG.SEQUENCE, "the extensions");
  const found: string[] = [];
  while (!list.atEnd && found.length < WALKED) {
    const extension = list.enter(DER_TAG.SEQUENCE, "an extension");
    const oid = showOid(extension.expect(DER_TAG.OID, "its name").content);
    let value = extension.read("its value");
    const critical = value.tag === DER_TAG.BOOLEAN;
    if (critical) value = extension.read("its value");
    const name = EXTENSION_NAMES[oid] ?? oid;
    const detail = describe(name, value.content);
    found.push(`${name}${critical ? " (critical)" : ""}${detail}`);
  }
  if (found.length === 0) return "it has no extensions";
  return `its extensions are ${found.join("; ")}`;
}

function describe(name: string, value: Uint8Array<ArrayBuffer>): string {
  if (name === "basicConstraints") {
    return ` CA:${value.toHex() === "3000" ? "FALSE" : "TRUE or unclear"}`;
  }
  if (name !== "subjectAltName") return "";
  const names = new DerReader(value, SyntaxError)
    .enter(DER_TAG.SEQUENCE, "the names");
  const shown: string[] = [];
  while (!names.atEnd && shown.length < WALKED) {
    const { tag, content } = names.read("a name");
    shown.push(
      tag === DER_TAG.DNS_NAME ? `DNS:${showText(content)}` : `kind ${tag}`,
    );
  }
  return ` ${shown.join(" ")}`;
}

function showText(bytes: Uint8Array): string {
  return `"${escapeText(bytes, { max: SHOWN_CHARACTERS })}"`;
}
