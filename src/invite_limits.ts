/**
 * Every bound of invites, with its reason; a part of `limits.ts`, from which they are
 * imported and which names the other parts.
 */

/** Invites that have not ended, at one node: a hundred bytes each. */
export const MAX_INVITES = 1_000;

/** An invite may be named by so many of the first digits of its id. */
export const MIN_INVITE_DIGITS = 8;

/** Longest line that is read as an invite: identity, a host name, port and code. */
export const MAX_INVITE_CHARS = 512;

/** How long an invite lasts unless told, and at the most. */
export const INVITE_TTL_MS = 24 * 60 * 60 * 1_000;
export const MAX_INVITE_TTL_MS = 30 * 24 * 60 * 60 * 1_000;
