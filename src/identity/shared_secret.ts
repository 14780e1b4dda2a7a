/**
 * Proving to each other that both ends know a secret, without telling it: what is
 * computed from it, bound to the listener that TLS proved and to this very
 * conversation. What the secret is, the network's or an invite's, is in
 * `network_secret.ts` and `invite.ts`; the messages are in `wire/messages/secret.ts`.
 */
import { createHmac } from "node:crypto";
import { timingSafeEqual } from "../std/timing_safe_equal.ts";
import { PEER_ID_BYTES, type PeerId } from "../core/peer_id.ts";
import { ByteWriter } from "../wire/bytes.ts";

/** What a node shows or asks for: which secret, and the key derived from it. */
export interface SharedSecret {
  readonly kind: "network" | "invite";
  /** By which the other end finds the key, 16 bytes in hex; zeros for the network. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** All that a proof of a secret is bound to. */
export interface SecretContext {
  /** Who proves: an answer is never the question sent back. */
  readonly by: "dialer" | "listener";
  /** The network's 4 bytes. */
  readonly magic: Uint8Array;
  /** Who was dialed, proven by TLS. */
  readonly listener: PeerId;
  /** SHA-256 over what both have said so far (`session/transcript.ts`). */
  readonly transcript: Uint8Array;
}

/** Bytes of {@linkcode SharedSecret.id}. */
export const SECRET_ID_BYTES = 16;

/** The id of a network's secret, of which there is one. */
export const NETWORK_SECRET_ID = "00".repeat(SECRET_ID_BYTES);

const CONTEXT = new TextEncoder().encode("verack/1 secret\0");
const MAGIC_BYTES = 4;
const TRANSCRIPT_BYTES = 32;

/**
 * HMAC-SHA-256 with the key over: the ASCII text `verack/1 secret` and a zero
 * byte ‖ 0 for the dialer, 1 for the listener ‖ magic (4) ‖ the listener's
 * identity (32) ‖ transcript (32).
 *
 * @throws {RangeError} when a field does not have its length.
 */
export function secretMac(
  key: Uint8Array,
  context: SecretContext,
): Uint8Array<ArrayBuffer> {
  const bytes = new ByteWriter(128)
    .bytes(CONTEXT)
    .u8(context.by === "dialer" ? 0 : 1)
    .fixedBytes("magic", context.magic, MAGIC_BYTES)
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
