/**
 * The secret that all members of a mesh share, and the key that is made of it.
 * The secret itself is used for nothing else and kept nowhere.
 */
import { scrypt } from "node:crypto";
import { messageOf, VerackError } from "../core/errors.ts";
import { MIN_NETWORK_SECRET_BYTES, NETWORK_KEY_COST } from "../limits.ts";
import { NETWORK_SECRET_ID, type SharedSecret } from "./shared_secret.ts";

/** Bytes of a derived key. */
export const NETWORK_KEY_BYTES = 32;

/** scrypt's block size (RFC 7914 §2); with `NETWORK_KEY_COST` it takes 32 MiB. */
const BLOCK_SIZE = 8;

/**
 * The key of a network: scrypt (RFC 7914) of the secret, so that guessing a weak
 * one costs, with `verack/1 network secret`, a zero byte and the network's name as
 * salt, so that one secret for two networks makes two keys.
 *
 * Line ends at the end of the secret do not count: editors add them.
 *
 * @throws {VerackError} `bad-secret` when it is shorter than 16 bytes.
 */
export async function deriveNetworkKey(
  secret: Uint8Array,
  network: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = withoutLineEnd(secret);
  if (bytes.length < MIN_NETWORK_SECRET_BYTES) {
    throw new VerackError(
      "bad-secret",
      `Cannot use network secret: it has ${bytes.length} bytes, must have at least ${MIN_NETWORK_SECRET_BYTES} (\`openssl rand -hex 32 > FILE\` makes one)`,
    );
  }
  const salt = new TextEncoder().encode(`verack/1 network secret\0${network}`);
  const options = {
    N: NETWORK_KEY_COST,
    r: BLOCK_SIZE,
    p: 1,
    maxmem: 256 * BLOCK_SIZE * NETWORK_KEY_COST,
  };
  return await new Promise((resolve, reject) => {
    scrypt(bytes, salt, NETWORK_KEY_BYTES, options, (error, key) => {
      if (error === null) return resolve(new Uint8Array(key ?? []));
      reject(
        new VerackError(
          "bad-secret",
          `Cannot use network secret: ${messageOf(error)}`,
          { cause: error },
        ),
      );
    });
  });
}

/** The key as what is shown in a handshake. */
export function networkSecret(key: Uint8Array): SharedSecret {
  return { kind: "network", id: NETWORK_SECRET_ID, key };
}

function withoutLineEnd(secret: Uint8Array): Uint8Array {
  let end = secret.length;
  while (end > 0 && (secret[end - 1] === 0x0a || secret[end - 1] === 0x0d)) {
    end--;
  }
  return secret.subarray(0, end);
}
