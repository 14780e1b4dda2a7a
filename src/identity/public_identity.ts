/**
 * Whose key a file is about, for showing to a person: of a private key, or of any
 * certificate. Nothing that is found here is ever pinned or trusted.
 */
import { hash } from "node:crypto";
import {
  Identity,
  type KeyType,
  type Passphrase,
  type PeerId,
  readCertificateKey,
} from "./identity.ts";
import { readPemBlocks } from "./pem.ts";
import { keyError } from "./private_key.ts";
import { readPublicKey } from "./public_key.ts";

/** What can be said of a key without holding it. */
export interface PublicIdentity {
  readonly id: PeerId;
  readonly keyType: KeyType;
  /** What it was found in. */
  readonly foundIn: "key" | "certificate";
}

/** Options of {@linkcode readPublicIdentity}. */
export interface ReadPublicOptions {
  /** Opens an encrypted key; a function is called only if one is needed. */
  readonly passphrase?: Passphrase;
  /** What the text is called in messages. */
  readonly source: string;
}

/**
 * The identity of the private key in `pem` or, where there is none, of the first
 * certificate, self-made or not.
 *
 * @throws {VerackError} `bad-key`, `encrypted-key`, `bad-certificate`.
 */
export async function readPublicIdentity(
  pem: string,
  options: ReadPublicOptions,
): Promise<PublicIdentity> {
  const { source, passphrase } = options;
  const fault = (detail: string) => keyError("bad-certificate", source, detail);
  const blocks = readPemBlocks(pem, fault);
  const certificate = blocks.find(({ label }) => label === "CERTIFICATE");
  const hasKey = blocks.some(({ label }) => label.endsWith("PRIVATE KEY"));
  if (certificate === undefined || hasKey) {
    const { id, keyType } = await Identity.fromPem(pem, {
      keySource: source,
      ...(passphrase !== undefined && { passphrase }),
    });
    return { id, keyType, foundIn: "key" };
  }
  const spki = readCertificateKey(certificate.der, fault);
  return {
    id: hash("sha256", spki, "hex"),
    keyType: readPublicKey(spki, fault).type,
    foundIn: "certificate",
  };
}
