/**
 * The id of a node: the SHA-256 of its public key, as text, as bytes and as the DNS name in its
 * certificate. `public_key.ts` computes it; that a peer holds the key is verified in
 * `certificate.ts` and `proof.ts`.
 */

import { escapeText } from "./escape.ts";

/**
 * The id of a peer: 64 lower-case hex digits, the SHA-256 of the DER
 * SubjectPublicKeyInfo of its key. {@linkcode parsePeerId} makes one of a string.
 */
export type PeerId = string & { readonly __brand: "PeerId" };

/** Bytes of an id. */
export const PEER_ID_BYTES = 32;

const PEER_ID = /^[0-9a-f]{64}$/;

/** Hex digits of an id that people see. */
const SHORT_DIGITS = 8;

/** Characters of a refused text that an error message repeats. */
const SHOWN_CHARACTERS = 80;

/**
 * Parses the id of a peer.
 *
 * @throws {SyntaxError} when the text is anything but 64 lower-case hex digits.
 * @throws {TypeError} when it is no text.
 */
export function parsePeerId(text: string): PeerId {
  requireText("peer id", text);
  if (isPeerId(text)) return text;
  const shown = escapeText(text, { max: SHOWN_CHARACTERS });
  throw new SyntaxError(
    `Cannot parse peer id: it is "${shown}" (${text.length} characters), ` +
      "must be 64 lower-case hex digits",
  );
}

/** Whether `text` is the id of a peer. */
export function isPeerId(text: string): text is PeerId {
  return PEER_ID.test(text);
}

/**
 * The first 8 digits, for people to read. Never compare by it and never authorise
 * by it: anyone can make keys until theirs begins with the same eight digits.
 */
export function shortId(id: PeerId): string {
  return id.slice(0, SHORT_DIGITS);
}

/**
 * The DNS name of an identity in its certificate, which TLS checks: `<first 32 digits>.<last 32
 * digits>.verack.invalid`.
 *
 * Two labels, because a label holds 63 characters at most (RFC 1035 §2.3.4);
 * `.invalid`, because no public CA can issue for it (RFC 6761 §6.4).
 */
export function serverNameOf(id: PeerId): string {
  return `${id.slice(0, 32)}.${id.slice(32)}.verack.invalid`;
}

/**
 * The 32 bytes of an identity, as they stand on the wire.
 *
 * @throws {SyntaxError} when `id` has not the form of an identity.
 */
export function peerIdBytes(id: PeerId): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(parsePeerId(id));
}

/**
 * The identity of 32 bytes from the wire.
 *
 * @throws {RangeError} when there are not exactly 32.
 */
export function peerIdFromBytes(bytes: Uint8Array): PeerId {
  if (bytes.length !== PEER_ID_BYTES) {
    throw new RangeError(
      `Cannot read peer id: it has ${bytes.length} bytes, must be ${PEER_ID_BYTES}`,
    );
  }
  return bytes.toHex() as PeerId;
}

/** @throws {TypeError} when `text`, a name or an id of a peer, is none: JavaScript is not checked. */
export function requireText(what: string, text: unknown): void {
  if (typeof text === "string") return;
  const type = text === null ? "null" : typeof text;
  throw new TypeError(`Cannot parse ${what}: it is ${type}, must be a string`);
}
