/**
 * An invite as it is passed from person to person: one line with the host's identity
 * and address, and the code that lets one guest in. The host keeps only values derived from the
 * code; invites are made and redeemed in `mesh/admission/invites.ts`.
 */
import { hkdfSync } from "node:crypto";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../transport/address.ts";
import { parsePeerId, type PeerId } from "../core/peer_id.ts";
import { decodeBase32, encodeBase32 } from "../std/base32.ts";
import {
  SECRET_ID_BYTES,
  SECRET_KEY_BYTES,
  type SharedSecret,
} from "./shared_secret.ts";

/** The fields of the line. */
export interface Invite {
  /** The node that invites, which must be the one at that address. */
  readonly host: PeerId;
  readonly address: Address;
  /** {@linkcode INVITE_CODE_BYTES} random bytes. */
  readonly code: Uint8Array;
}

/** 160 bits cannot be guessed, and are base32 without padding. */
export const INVITE_CODE_BYTES = 20;

/** RFC 4648 §6 in lower case: a double click selects all of it, and it can be read aloud. */
const CODE = /^[a-z2-7]{32}$/;

/**
 * Parses `identity@host:port#code`, where the code is 32 letters and digits of
 * base32. Throws SyntaxError, which never has the code in its message.
 */
export function parseInvite(text: string): Invite {
  const trimmed = text.trim();
  const at = trimmed.indexOf("@");
  const hash = trimmed.lastIndexOf("#");
  if (at < 0 || hash < at) {
    throw new SyntaxError(
      "Cannot parse invite: must be identity@host:port#code, the line that `verack invite` prints",
    );
  }
  const code = trimmed.slice(hash + 1).toLowerCase();
  if (!CODE.test(code)) {
    throw new SyntaxError(
      `Cannot parse invite: its code has ${code.length} characters, must be 32 of a to z and 2 to 7`,
    );
  }
  return {
    host: parsePeerId(trimmed.slice(0, at)),
    address: parseAddress(trimmed.slice(at + 1, hash)),
    code: decodeBase32(code.toUpperCase()),
  };
}

/** The line {@linkcode parseInvite} reads. */
export function formatInvite(invite: Invite): string {
  const { host, address, code } = invite;
  return `${host}@${formatAddress(address)}#${
    encodeBase32(code).toLowerCase()
  }`;
}

/**
 * What guest and host prove to each other: HKDF-SHA-256 (RFC 5869) of the code,
 * without salt, with `verack/1 invite key` for the key and `verack/1 invite id`
 * for the id.
 */
export function inviteSecret(code: Uint8Array): SharedSecret {
  const expand = (purpose: string, bytes: number) =>
    new Uint8Array(
      hkdfSync(
        "sha256",
        code,
        new Uint8Array(0),
        `verack/1 invite ${purpose}`,
        bytes,
      ),
    );
  return {
    kind: "invite",
    id: expand("id", SECRET_ID_BYTES).toHex(),
    key: expand("key", SECRET_KEY_BYTES),
  };
}
