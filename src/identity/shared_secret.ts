/**
 * Secrets whose knowledge two nodes prove to each other without sending them: the network's,
 * which all members share, and that of an invite (`invite.ts`). A proof is bound to the
 * listener that TLS proved and to one conversation; the messages are in
 * `wire/messages/credentials.ts`.
 */
import { createHmac, scrypt } from "node:crypto";
import { messageOf, VerackError } from "../core/errors.ts";
import { PEER_ID_BYTES, type PeerId } from "../core/peer_id.ts";
import {
  MIN_NETWORK_SECRET_BYTES,
  NETWORK_KEY_COST,
} from "./identity_limits.ts";
import { timingSafeEqual } from "../std/timing_safe_equal.ts";
import { ByteWriter } from "../wire/bytes.ts";

/** A secret: which one it is, and the key derived from it. */
export interface SharedSecret {
  readonly kind: "network" | "invite";
  /** By which the other end looks up the key, 16 bytes in hex; zeros for the network. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** All that a proof of a secret is bound to. */
export interface SecretContext {
  /** Which end proves, so that a proof cannot be reflected. */
  readonly by: "dialer" | "listener";
  /** The network's 4 bytes. */
  readonly magic: Uint8Array;
  /** The node that was dialed, proven by TLS. */
  readonly listener: PeerId;
  /** SHA-256 over the messages of both so far (`identity/proof.ts`). */
  readonly transcript: Uint8Array;
}

/** Bytes of {@linkcode SharedSecret.id}. */
export const SECRET_ID_BYTES = 16;

/** Bytes of {@linkcode SharedSecret.key}. */
export const SECRET_KEY_BYTES = 32;

const CONTEXT = new TextEncoder().encode("verack/1 secret\0");
const TRANSCRIPT_BYTES = 32;

/** scrypt's block size (RFC 7914 §2); with `NETWORK_KEY_COST` it takes 32 MiB. */
const BLOCK_SIZE = 8;

/**
 * HMAC-SHA-256 with the key over: the ASCII text `verack/1 secret` and a zero
 * byte ‖ 0 for the dialer, 1 for the listener ‖ magic (4) ‖ the listener's
 * identity (32) ‖ transcript (32).
 */
export function secretMac(
  key: Uint8Array,
  context: SecretContext,
): Uint8Array<ArrayBuffer> {
  const bytes = new ByteWriter(128)
    .bytes(CONTEXT)
    .u8(context.by === "dialer" ? 0 : 1)
    .fixedBytes("magic", context.magic, 4)
    .hex("listener", context.listener, PEER_ID_BYTES)
    .fixedBytes("transcript", context.transcript, TRANSCRIPT_BYTES)
    .finish();
  return new Uint8Array(createHmac("sha256", key).update(bytes).digest());
}

/** Whether `mac` is what {@linkcode secretMac} makes, compared in constant time. */
export function verifySecretMac(
  key: Uint8Array,
  context: SecretContext,
  mac: Uint8Array,
): boolean {
  return timingSafeEqual(secretMac(key, context), mac);
}

/** The secret of a network, from its key. */
export function networkSecret(key: Uint8Array): SharedSecret {
  return { kind: "network", id: "00".repeat(SECRET_ID_BYTES), key };
}

/**
 * The key of a network: scrypt (RFC 7914) of the secret, so that guessing a weak
 * one costs, with `verack/1 network secret`, a zero byte and the network's name as
 * salt, so that one secret for two networks makes two keys. The secret itself is used
 * for nothing else and kept nowhere.
 *
 * Line ends at the end of the secret do not count: editors add them. A secret of less
 * than 16 bytes is refused with `bad-secret`.
 */
export async function deriveNetworkKey(
  secret: Uint8Array,
  network: string,
): Promise<Uint8Array<ArrayBuffer>> {
  let end = secret.length;
  while (secret[end - 1] === 0x0a || secret[end - 1] === 0x0d) end--;
  const bytes = secret.subarray(0, end);
  if (bytes.length < MIN_NETWORK_SECRET_BYTES) {
    throw new VerackError(
      "bad-secret",
      `Cannot use network secret: it has ${bytes.length} bytes, must have at least ${MIN_NETWORK_SECRET_BYTES} (\`openssl rand -hex 32 > FILE\` makes one)`,
    );
  }
  const salt = new TextEncoder().encode(`verack/1 network secret\0${network}`);
  const maxmem = 256 * BLOCK_SIZE * NETWORK_KEY_COST;
  const options = { N: NETWORK_KEY_COST, r: BLOCK_SIZE, p: 1, maxmem };
  return await new Promise((resolve, reject) =>
    scrypt(bytes, salt, SECRET_KEY_BYTES, options, (cause, key) => {
      if (cause === null) return resolve(new Uint8Array(key));
      const why = `Cannot use network secret: ${messageOf(cause)}`;
      reject(new VerackError("bad-secret", why, { cause }));
    })
  );
}
