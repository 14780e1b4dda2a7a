/**
 * Identities that are the same in every run: Ed25519 keys made from a number,
 * which sign the same data in the same way each time. For simulations only.
 */
import { hash } from "node:crypto";
import { Identity } from "../../src/identity/identity.ts";
import { deriveNetworkKey } from "../../src/identity/shared_secret.ts";

/** PKCS #8 of an Ed25519 key but for its 32 bytes (RFC 8410 §7). */
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b657004220420");

const made = new Map<string, Promise<Identity>>();

let network: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** The key that all secrets of simulations make. */
export function networkKey(): Promise<Uint8Array<ArrayBuffer>> {
  const secret = new TextEncoder().encode("verack simulation secret");
  return network ??= deriveNetworkKey(secret, "main");
}

/** The identity with a number; an `ephemeral` one claims to be gone with its process. */
export function numberedIdentity(
  number: number,
  options: { ephemeral?: boolean } = {},
): Promise<Identity> {
  const { ephemeral = false } = options;
  const name = `verack simulation ${ephemeral ? "ephemeral " : ""}${number}`;
  return made.getOrInsertComputed(name, () => make(name, ephemeral));
}

async function make(name: string, ephemeral: boolean): Promise<Identity> {
  const key = Uint8Array.fromHex(hash("sha256", name, "hex"));
  const der = new Uint8Array([...PKCS8_PREFIX, ...key]);
  const identity = await Identity.fromPem(
    `-----BEGIN PRIVATE KEY-----\n${der.toBase64()}\n-----END PRIVATE KEY-----\n`,
  );
  // A loaded key is meant to last; the simulator needs keys that repeat and do not.
  if (ephemeral) Object.defineProperty(identity, "ephemeral", { value: true });
  return identity;
}
