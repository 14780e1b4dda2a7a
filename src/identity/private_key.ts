/**
 * Reads the one private key of a PEM text in any of the forms that tools write:
 * PKCS #8, SEC 1, PKCS #1, each of them encrypted or not. Which types of key can be
 * an identity is decided in `public_key.ts`.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";
import { type ErrorCode, messageOf, VerackError } from "../core/errors.ts";
import { MAX_KEY_FILE_BYTES } from "../limits.ts";
import { DER_TAG, DerReader, type Fault } from "./der.ts";
import {
  readEncryptedPkcs8,
  readLegacyEncrypted,
  type Unlock,
} from "./encrypted_key.ts";
import { type PemBlock, readPemBlocks, writePem } from "./pem.ts";
import { nameAlgorithm, WANTED_KEY } from "./public_key.ts";

/** A passphrase, or what asks for one when it turns out to be needed. */
export type Passphrase =
  | string
  | (() => string | undefined | Promise<string | undefined>);

const WANTED = "must be a private key in PEM (PKCS#8, SEC1 or PKCS#1)";

/**
 * Reads a private key.
 *
 * @param text PEM; certificates, parameters and comments beside the key are skipped.
 * @param passphrase Used, or called, only if the key is encrypted.
 * @param source What the text is called in messages, such as `key "node.key"`.
 * @throws {VerackError} `bad-key` when there is not exactly one key that can be
 * read, `encrypted-key` when the passphrase is missing or wrong.
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
    return readLegacyEncrypted(headers, writePem(label, der, headers), fault);
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
    // What the library says here depends on how the garbage happens to look.
    throw keyError(
      "encrypted-key",
      source,
      "the passphrase does not open it, it must be the one the key was encrypted with",
    );
  }
}

/** What a block is that the library refused: its algorithm if that can be seen. */
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
      // Not even PKCS #8; the library's words have to do.
    }
  }
  return `its "${label}" cannot be read (${messageOf(cause)})`;
}
