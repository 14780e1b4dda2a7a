/**
 * The key of this node, made anew or loaded, with its certificate. Of other nodes there is a
 * {@linkcode PeerId} only. Files are read and written in `key_files.ts`.
 */
import { Buffer } from "node:buffer";
import {
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { promisify } from "node:util";
import { messageOf, VerackError } from "../core/errors.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import { MAX_KEY_FILE_BYTES } from "./identity_limits.ts";
import { verifyCertificate } from "./certificate.ts";
import { equalBytes, type Fault } from "./der.ts";
import { makeCertificate } from "./make_certificate.ts";
import { readPemBlocks, writePem } from "../core/pem.ts";
import { keyError, type Passphrase, readPrivateKey } from "./private_key.ts";
import {
  KEY_TYPES,
  type KeyType,
  peerIdOf,
  type PublicKey,
  readPublicKey,
} from "./public_key.ts";
import { signBytes, verifyBytes } from "./signature.ts";

export { KEY_TYPES, type KeyType } from "./public_key.ts";
export type { Passphrase } from "./private_key.ts";

/** Options of {@linkcode Identity.generate}. */
export interface GenerateOptions {
  /**
   * A TLS handshake costs the same with Ed25519 and P-256, but to prove and to verify
   * a key in Deno takes 20 µs with the one and 400 µs with the other (2.9.6,
   * `deno task bench`). RSA keys are made with 2048 bits.
   *
   * @default {"Ed25519"}
   */
  keyType?: KeyType;
  /**
   * Whether the key ends with the process, so that peers need not remember it; false when it
   * will be written to a file.
   *
   * @default {true}
   */
  ephemeral?: boolean;
}

/** Options of {@linkcode Identity.fromPem}. */
export interface FromPemOptions {
  /** A certificate of the same key; presented only if it is a verack certificate. */
  certificatePem?: string;
  /** Opens an encrypted key; a function is called only if one is needed. */
  passphrase?: Passphrase;
  /**
   * What the key is called in messages, for instance with its path.
   *
   * @default {"key"}
   */
  keySource?: string;
  /**
   * What the certificate is called in messages.
   *
   * @default {"certificate"}
   */
  certificateSource?: string;
}

/**
 * Signed when a key is loaded, to check that its private and public halves fit; no other signed
 * text has this form.
 */
const SELF_TEST = new TextEncoder().encode("verack/1 self-test");

/**
 * The key of a node, with its certificate.
 *
 * @example
 * ```ts
 * import { shortId } from "../core/peer_id.ts";
 * import { Identity } from "./identity.ts";
 *
 * const identity = await Identity.generate();
 * console.assert(shortId(identity.id).length === 8);
 * ```
 */
export class Identity {
  /** SHA-256 of the public key. */
  readonly id: PeerId;
  /** DER; passes `verifyCertificate`. Not to be written to. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** The kind of key. */
  readonly keyType: KeyType;
  /** Whether it was made in memory and ends with the process. */
  readonly ephemeral: boolean;
  readonly #privateKey: KeyObject;
  readonly #publicKey: PublicKey;

  private constructor(
    key: LoadedKey,
    certificate: Uint8Array<ArrayBuffer>,
    ephemeral: boolean,
  ) {
    this.id = key.id;
    this.certificate = certificate;
    this.keyType = key.publicKey.type;
    this.ephemeral = ephemeral;
    this.#privateKey = key.privateKey;
    this.#publicKey = key.publicKey;
  }

  /**
   * Makes a new key.
   *
   * @throws {TypeError} when the key type is none of {@linkcode KEY_TYPES}.
   */
  static async generate(options: GenerateOptions = {}): Promise<Identity> {
    const { keyType = "Ed25519", ephemeral = true } = options;
    if (!KEY_TYPES.includes(keyType)) {
      throw new TypeError(
        `Cannot generate identity: key type is "${keyType}", must be one of ${
          KEY_TYPES.join(", ")
        }`,
      );
    }
    const { privateKey } = await generateKey(keyType);
    const key = examine(privateKey, "key");
    return new Identity(key, await certify(key), ephemeral);
  }

  /**
   * Loads a key from PEM text: PKCS #8, SEC 1 or PKCS #1, encrypted or not. Other content
   * (certificates, curve parameters, comments) is skipped.
   *
   * @throws {VerackError} `bad-key` when there is not exactly one private key of a supported
   * type; `encrypted-key` when its passphrase is missing or wrong; `bad-certificate` when the
   * certificate cannot be read; `mismatched-key` when it belongs to another key.
   */
  static async fromPem(
    keyPem: string,
    options: FromPemOptions = {},
  ): Promise<Identity> {
    const { keySource = "key", certificateSource = "certificate" } = options;
    const key = examine(
      await readPrivateKey(keyPem, options.passphrase, keySource),
      keySource,
    );
    const given = options.certificatePem === undefined
      ? undefined
      : readOwnCertificate(options.certificatePem, key, certificateSource);
    return new Identity(key, given ?? await certify(key), false);
  }

  /** The certificate in PEM. */
  get certificatePem(): string {
    return writePem("CERTIFICATE", this.certificate);
  }

  /**
   * The private key in PKCS #8 PEM, unencrypted, as `Deno.listenTls` takes it.
   * A getter, so that neither `console.log` nor `JSON.stringify` shows it.
   */
  get privateKeyPem(): string {
    return this.#privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  /**
   * Signs: ECDSA with SHA-256 in DER, Ed25519, or RSA-PSS with SHA-256 and a salt
   * of 32 bytes, by the type of the key. Synchronous; some hundred microseconds.
   */
  sign(data: Uint8Array): Uint8Array<ArrayBuffer> {
    return signBytes(this.#publicKey, this.#privateKey, data);
  }
}

function generateKey(type: KeyType): Promise<{ privateKey: KeyObject }> {
  const generate = promisify(generateKeyPair);
  if (type === "Ed25519") return generate("ed25519");
  return type === "P-256"
    ? generate("ec", { namedCurve: "P-256" })
    : generate("rsa", { modulusLength: 2_048 });
}

/** The public facts of a key. */
export interface PublicIdentity {
  readonly id: PeerId;
  readonly keyType: KeyType;
  /** What the text contained. */
  readonly foundIn: "key" | "certificate";
}

/**
 * The identity of the private key in `pem` or, where there is none, of the first
 * certificate, self-made or not. For display: the result is neither pinned nor trusted.
 *
 * @param source What the text is called in messages.
 * @throws {VerackError} `bad-key`, `encrypted-key`, `bad-certificate`.
 */
export async function readPublicIdentity(
  pem: string,
  source: string,
  passphrase?: Passphrase,
): Promise<PublicIdentity> {
  const fault = (detail: string) => keyError("bad-certificate", source, detail);
  const blocks = readPemBlocks(pem, fault);
  const certificate = blocks.find(({ label }) => label === "CERTIFICATE");
  const hasKey = blocks.some(({ label }) => label.endsWith("PRIVATE KEY"));
  if (certificate === undefined || hasKey) {
    const privateKey = await readPrivateKey(pem, passphrase, source);
    const { id, publicKey } = examine(privateKey, source);
    return { id, keyType: publicKey.type, foundIn: "key" };
  }
  const spki = readCertificateKey(certificate.der, fault);
  const keyType = readPublicKey(spki, fault).type;
  return { id: peerIdOf(spki), keyType, foundIn: "certificate" };
}

/** A private key that can be an identity, and what follows from it. */
interface LoadedKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
  readonly spki: Uint8Array<ArrayBuffer>;
  readonly id: PeerId;
}

/** Checks that a private key can be an identity, and returns that. */
function examine(privateKey: KeyObject, source: string): LoadedKey {
  const fault = (detail: string) => keyError("bad-key", source, detail);
  let spki: Uint8Array<ArrayBuffer>;
  let publicHalf: KeyObject;
  try {
    publicHalf = createPublicKey(privateKey);
    spki = spkiOf(publicHalf);
  } catch (cause) {
    throw fault(`its public half cannot be computed (${messageOf(cause)})`);
  }
  const publicKey = readPublicKey(spki, fault);
  // Deno 2.9 refuses halves that do not fit itself, but that is not documented; with a wrong
  // identity a node would be refused by all others as an impostor.
  let fits = false;
  try {
    const signature = signBytes(publicKey, privateKey, SELF_TEST);
    fits = verifyBytes(publicKey, publicHalf, SELF_TEST, signature);
  } catch {
    // Treated as not fitting.
  }
  if (!fits) {
    throw fault("its private and public halves do not belong together");
  }
  return { privateKey, publicKey, spki, id: peerIdOf(spki) };
}

function certify(key: LoadedKey): Promise<Uint8Array<ArrayBuffer>> {
  return makeCertificate(key.privateKey, key.publicKey.type, key.id);
}

/**
 * The certificate in `pem` if it may be presented, `undefined` if it is of our key but not a
 * verack certificate. Of a chain the first counts, as in TLS.
 */
function readOwnCertificate(
  pem: string,
  { id, spki }: LoadedKey,
  source: string,
): Uint8Array<ArrayBuffer> | undefined {
  const fault = (detail: string) => keyError("bad-certificate", source, detail);
  if (pem.length > MAX_KEY_FILE_BYTES) {
    throw fault(
      `it has ${pem.length} characters, must have at most ${MAX_KEY_FILE_BYTES}`,
    );
  }
  const block = readPemBlocks(pem, fault)
    .find(({ label }) => label === "CERTIFICATE");
  if (block === undefined) {
    throw fault("it holds no certificate, must be a certificate in PEM");
  }
  const theirs = readCertificateKey(block.der, fault);
  if (!equalBytes(theirs, spki)) {
    const other = shortId(peerIdOf(theirs));
    throw keyError(
      "mismatched-key",
      source,
      `it is for key ${other}, must be for ${
        shortId(id)
      }, the key that was loaded with it`,
    );
  }
  try {
    return verifyCertificate(block.der, id).der;
  } catch (error) {
    if (error instanceof VerackError) return undefined;
    throw error;
  }
}

/** The public key of any X.509 certificate, re-encoded in its usual form. */
function readCertificateKey(
  der: Uint8Array<ArrayBuffer>,
  fault: Fault,
): Uint8Array<ArrayBuffer> {
  try {
    // A lenient parser is enough: the result is only compared with our own key, or displayed.
    return spkiOf(new X509Certificate(Buffer.from(der)).publicKey);
  } catch (cause) {
    throw fault(`it cannot be read (${messageOf(cause)})`);
  }
}

function spkiOf(publicKey: KeyObject): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
}
