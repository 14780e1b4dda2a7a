/**
 * Reads the one private key of a PEM text in any of the forms that tools write:
 * PKCS #8, SEC 1, PKCS #1, each of them encrypted or not. Which types of key can be
 * an identity is decided in `public_key.ts`.
 */
import {
  createDecipheriv,
  createPrivateKey,
  type KeyObject,
  pbkdf2Sync,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import {
  MAX_KEY_DERIVATION_ROUNDS,
  MAX_KEY_FILE_BYTES,
} from "./identity_limits.ts";
import { DER_TAG, DerReader, type Fault, showOid } from "./der.ts";
import { type PemBlock, readPemBlocks, writePem } from "../core/pem.ts";
import { nameAlgorithm, WANTED_KEY } from "./public_key.ts";

/** A passphrase, or a function that asks for one when it is needed. */
export type Passphrase =
  | string
  | (() => string | undefined | Promise<string | undefined>);

const WANTED = "must be a private key in PEM (PKCS#8, SEC1 or PKCS#1)";

/**
 * Reads a private key. Throws `bad-key` when there is not exactly one that can be
 * read, `encrypted-key` when the passphrase is missing or wrong.
 *
 * @param text PEM; certificates, parameters and comments beside the key are skipped.
 * @param passphrase Used, or called, only if the key is encrypted.
 * @param source What the text is called in messages, such as `key "node.key"`.
 */
export async function readPrivateKey(
  text: string,
  passphrase: Passphrase | undefined,
  source: string,
): Promise<KeyObject> {
  const fault = (detail: string) => keyError("bad-key", source, detail);
  const block = findKey(text, fault);
  const encoding = encodingOf(block, fault);
  const unlock = unlockerOf(block, fault);
  if (unlock !== undefined) return await open(unlock, passphrase, source);
  try {
    return createPrivateKey({
      key: Buffer.from(block.der),
      format: "der",
      type: encoding,
    });
  } catch (cause) {
    throw fault(`${whyUnreadable(block, cause)}, must be ${WANTED_KEY}`);
  }
}

/** Makes an error about a key. */
export function keyError(
  code: ErrorCode,
  source: string,
  detail: string,
): VerackError {
  return new VerackError(code, `Cannot load ${source}: ${detail}`);
}

function findKey(text: string, fault: Fault): PemBlock {
  if (text.trim() === "") throw fault(`it is empty, ${WANTED}`);
  if (text.length > MAX_KEY_FILE_BYTES) {
    throw fault(
      `it has ${text.length} characters, must have at most ${MAX_KEY_FILE_BYTES}`,
    );
  }
  const blocks = readPemBlocks(text, fault);
  const keys = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  const [key, ...others] = keys;
  if (others.length > 0) {
    throw fault(`it holds ${keys.length} private keys, must hold one`);
  }
  if (key !== undefined) return key;
  const labels = blocks.map(({ label }) => label);
  if (labels.some((label) => label.endsWith("PUBLIC KEY"))) {
    throw fault(`it holds a public key, ${WANTED}`);
  }
  if (labels.some((label) => label.endsWith("CERTIFICATE"))) {
    throw fault(`it holds a certificate and no key, ${WANTED}`);
  }
  if (labels.length > 0) {
    throw fault(
      `it holds only "${labels.slice(0, 4).join('", "')}", ${WANTED}`,
    );
  }
  throw fault(`it holds no PEM block, ${WANTED}`);
}

/** How `node:crypto` calls the encoding of a block, by its label. */
function encodingOf(
  { label }: PemBlock,
  fault: Fault,
): "pkcs8" | "sec1" | "pkcs1" {
  switch (label) {
    case "PRIVATE KEY":
    case "ENCRYPTED PRIVATE KEY":
      return "pkcs8";
    case "EC PRIVATE KEY":
      return "sec1";
    case "RSA PRIVATE KEY":
      return "pkcs1";
    case "OPENSSH PRIVATE KEY":
      throw fault(
        "it is in OpenSSH's own format, convert a copy with `ssh-keygen -p -m PKCS8 -f COPY`",
      );
    default:
      throw fault(`it holds a "${label}", must be ${WANTED_KEY}`);
  }
}

function unlockerOf(block: PemBlock, fault: Fault): Unlock | undefined {
  const { label, headers, der } = block;
  if (label === "ENCRYPTED PRIVATE KEY") return readEncryptedPkcs8(der, fault);
  if (headers.some((header) => /^Proc-Type:.*ENCRYPTED/i.test(header))) {
    return readLegacyEncrypted(block, fault);
  }
  return undefined;
}

async function open(
  unlock: Unlock,
  passphrase: Passphrase | undefined,
  source: string,
): Promise<KeyObject> {
  const given = typeof passphrase === "function"
    ? await passphrase()
    : passphrase;
  if (given === undefined) {
    throw keyError(
      "encrypted-key",
      source,
      "it is encrypted and no passphrase was given, a passphrase is needed",
    );
  }
  try {
    return unlock(given);
  } catch {
    // The library's message depends on the damaged bytes.
    throw keyError(
      "encrypted-key",
      source,
      "the passphrase does not open it, it must be the one the key was encrypted with",
    );
  }
}

/** The algorithm of a block that the library refused, if it can be read. */
function whyUnreadable({ label, der }: PemBlock, cause: unknown): string {
  if (label === "PRIVATE KEY") {
    try {
      const info = new DerReader(der, SyntaxError)
        .enter(DER_TAG.SEQUENCE, "the key");
      info.expect(DER_TAG.INTEGER, "the version");
      const { content } = info.expect(DER_TAG.SEQUENCE, "the algorithm");
      const type = nameAlgorithm(content, SyntaxError);
      return `it is of type ${type} and cannot be read (${messageOf(cause)})`;
    } catch {
      // Not PKCS #8, so only the library's message remains.
    }
  }
  return `its "${label}" cannot be read (${messageOf(cause)})`;
}

// --- Encrypted keys ----------------------------------------------------------------
//
// PKCS #8 (RFC 5958 §3 with PBES2 of RFC 8018, or scrypt of RFC 7914) and the legacy
// way. Node's decoder opens them, but takes HMAC-SHA-1, the default of OpenSSL 1.0,
// for a wrong passphrase: such keys are decrypted here. Keys in an unsupported form are refused
// first, so that no passphrase is requested or reported as wrong for them.

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const SCRYPT = "1.3.6.1.4.1.11591.4.11";

/** Pseudo-random functions of PBKDF2 (RFC 8018 §B.1). */
const HMACS: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.7": "SHA-1",
  "1.2.840.113549.2.9": "SHA-256",
  "1.2.840.113549.2.10": "SHA-384",
  "1.2.840.113549.2.11": "SHA-512",
};

const CIPHERS: Readonly<Record<string, { name: string; keyBytes: number }>> = {
  "2.16.840.1.101.3.4.1.2": { name: "aes-128-cbc", keyBytes: 16 },
  "2.16.840.1.101.3.4.1.22": { name: "aes-192-cbc", keyBytes: 24 },
  "2.16.840.1.101.3.4.1.42": { name: "aes-256-cbc", keyBytes: 32 },
};

/** Ciphers of legacy encryption that Node's decoder knows. */
const LEGACY_CIPHERS = [
  "AES-128-CBC",
  "AES-192-CBC",
  "AES-256-CBC",
  "DES-EDE3-CBC",
];

/** Opens one key with a passphrase; throws anything when the passphrase is wrong. */
type Unlock = (passphrase: string) => KeyObject;

/** Reads how an `EncryptedPrivateKeyInfo` is encrypted; returns what opens it. */
function readEncryptedPkcs8(
  der: Uint8Array<ArrayBuffer>,
  fault: Fault,
): Unlock {
  const outer = new DerReader(der, fault);
  const info = outer.enter(DER_TAG.SEQUENCE, "the encrypted key");
  outer.end("the encrypted key");
  const algorithm = info.enter(DER_TAG.SEQUENCE, "the encryption");
  const data = info.expect(DER_TAG.OCTET_STRING, "the encrypted bytes").content;
  info.end("the encrypted bytes");
  const scheme = readOid(algorithm, "the encryption");
  if (scheme !== PBES2) throw cannotOpen(`scheme ${scheme}`, fault);
  const parameters = algorithm.enter(DER_TAG.SEQUENCE, "the encryption");
  const derivation = parameters.enter(DER_TAG.SEQUENCE, "the key derivation");
  const encryption = parameters.enter(DER_TAG.SEQUENCE, "the cipher");

  const cipherOid = readOid(encryption, "the cipher");
  const cipher = CIPHERS[cipherOid];
  if (cipher === undefined) throw cannotOpen(`cipher ${cipherOid}`, fault);
  const iv = encryption.expect(DER_TAG.OCTET_STRING, "the cipher's start");

  const key = Buffer.from(der);
  const openByNode: Unlock = (passphrase) =>
    createPrivateKey({ key, format: "der", type: "pkcs8", passphrase });
  const derivationOid = readOid(derivation, "the key derivation");
  if (derivationOid === SCRYPT) return openByNode;
  if (derivationOid !== PBKDF2) {
    throw cannotOpen(`key derivation ${derivationOid}`, fault);
  }
  const { salt, rounds, hmac } = readPbkdf2(derivation, fault);
  if (hmac !== "SHA-1") return openByNode;
  // createDecipheriv() has no AES-192.
  if (cipher.name === "aes-192-cbc") {
    throw cannotOpen(`HMAC-SHA-1 and ${cipher.name}`, fault);
  }
  return (passphrase) => {
    const key = pbkdf2Sync(passphrase, salt, rounds, cipher.keyBytes, "sha1");
    const decipher = createDecipheriv(cipher.name, key, iv.content);
    const plain = Buffer.concat([decipher.update(data), decipher.final()]);
    return createPrivateKey({ key: plain, format: "der", type: "pkcs8" });
  };
}

/** The same of a block with `Proc-Type: 4,ENCRYPTED`, which Node opens. */
function readLegacyEncrypted(
  { label, headers, der }: PemBlock,
  fault: Fault,
): Unlock {
  const dek = headers.find((header) => /^DEK-Info:/i.test(header)) ?? "";
  const cipher = dek.slice(dek.indexOf(":") + 1).split(",")[0]?.trim() ?? "";
  if (!/^[A-Z0-9-]{1,30}$/.test(cipher)) {
    throw fault("it is encrypted, but its DEK-Info header names no cipher");
  }
  if (!LEGACY_CIPHERS.includes(cipher)) throw cannotOpen(cipher, fault);
  const key = writePem(label, der, headers);
  return (passphrase) => createPrivateKey({ key, passphrase });
}

function readPbkdf2(
  derivation: DerReader,
  fault: Fault,
): { salt: Uint8Array; rounds: number; hmac: string } {
  const parameters = derivation.enter(DER_TAG.SEQUENCE, "the key derivation");
  const salt = parameters.expect(DER_TAG.OCTET_STRING, "the salt").content;
  const rounds = parameters.positiveInteger(4, "the number of rounds")
    .reduce((sum, byte) => sum * 256 + byte, 0);
  if (rounds > MAX_KEY_DERIVATION_ROUNDS) {
    throw fault(
      `its key derivation takes ${rounds} rounds, must be at most ${MAX_KEY_DERIVATION_ROUNDS}`,
    );
  }
  // SHA-1 is the default (RFC 8018 §A.2).
  let hmac: string | undefined = "SHA-1";
  while (!parameters.atEnd) {
    const option = parameters.read("the key derivation");
    if (option.tag === DER_TAG.INTEGER) continue;
    const oid = readOid(new DerReader(option.content, fault), "the HMAC");
    hmac = HMACS[oid];
    if (hmac === undefined) throw cannotOpen(`HMAC ${oid}`, fault);
  }
  return { salt, rounds, hmac };
}

function readOid(reader: DerReader, what: string): string {
  return showOid(reader.expect(DER_TAG.OID, what).content);
}

function cannotOpen(how: string, fault: Fault): Error {
  return fault(
    `it is encrypted with ${how}, which cannot be opened here, re-encrypt it ` +
      "with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`",
  );
}
