/**
 * Opens encrypted private keys: PKCS #8 (RFC 5958 §3 with PBES2 of RFC 8018, or
 * scrypt of RFC 7914) and the legacy way (`Proc-Type: 4,ENCRYPTED`). Says beforehand
 * which ones it cannot open, so that a passphrase is neither asked for nor blamed in
 * vain.
 *
 * Node's decoder does all of it, but takes HMAC-SHA-1, the default of OpenSSL 1.0, for
 * a wrong passphrase: such keys are decrypted here.
 */
import {
  createDecipheriv,
  createPrivateKey,
  type KeyObject,
  pbkdf2Sync,
} from "node:crypto";
import { Buffer } from "node:buffer";
import { MAX_KEY_DERIVATION_ROUNDS } from "../limits.ts";
import { DER_TAG, DerReader, type Fault, showOid } from "./der.ts";

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
export type Unlock = (passphrase: string) => KeyObject;

/**
 * Reads how an `EncryptedPrivateKeyInfo` is encrypted.
 *
 * @returns What opens it.
 * @throws What `fault` makes, when it is damaged or in a way nothing here opens.
 */
export function readEncryptedPkcs8(
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

/**
 * Checks that legacy encryption is of a kind that Node opens.
 *
 * @param headers Of the PEM block, `DEK-Info` among them.
 * @param pem The block.
 * @throws What `fault` makes, when it is not.
 */
export function readLegacyEncrypted(
  headers: readonly string[],
  pem: string,
  fault: Fault,
): Unlock {
  const dek = headers.find((header) => /^DEK-Info:/i.test(header)) ?? "";
  const cipher = dek.slice(dek.indexOf(":") + 1).split(",")[0]?.trim() ?? "";
  if (!/^[A-Z0-9-]{1,30}$/.test(cipher)) {
    throw fault("it is encrypted, but its DEK-Info header names no cipher");
  }
  if (!LEGACY_CIPHERS.includes(cipher)) throw cannotOpen(cipher, fault);
  return (passphrase) => createPrivateKey({ key: pem, passphrase });
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
  // SHA-1 is what is meant when nothing is said (RFC 8018 §A.2).
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
