/** Bounds of the sessions, invites and names of a node, with the reason of each. */
import {
  MAX_ADDRESSES_PER_ENTRY,
  MAX_PEERS_PER_MESSAGE,
} from "../wire/wire_limits.ts";
import { MAX_PEERS } from "../limits.ts";

/**
 * At most this share of the sessions of a node is kept for peers with standing,
 * connected or away, so that one rarely needs an eviction.
 */
export const MAX_RESERVED_SHARE = 0.5;

/**
 * Of `MAX_EXTRA_SESSIONS`, those of all peers without standing together, so that a
 * peer with standing gets a new session while its old one hangs.
 */
export const MAX_STRANGER_EXTRA_SESSIONS = 128;

/**
 * Handshakes of accepted connections that run at once, of sources at which a peer with standing
 * was and of all others. Each takes some milliseconds of the processor at both ends: other work
 * waits for 16 of them, not for 256.
 */
export const MAX_HANDSHAKES_AT_ONCE = 16;

/**
 * A handshake that takes longer does not delay the next: 64 a second begin even if all are
 * silent.
 */
export const HANDSHAKE_TURN_MS = 250;

/** Period of reports of connections that found no room; the first is reported at once. */
export const FULL_REPORT_MS = 60_000;

// --- Invites ------------------------------------------------------------------

/** Invites that have not ended, at one node: a hundred bytes each. */
export const MAX_INVITES = 1_000;

/** Fewest first digits of an invite's id that select it. */
export const MIN_INVITE_DIGITS = 8;

/** Longest line that is read as an invite: identity, a host name, port and code. */
export const MAX_INVITE_CHARS = 512;

/** Default and longest life of an invite. */
export const INVITE_TTL_MS = 24 * 60 * 60 * 1_000;
export const MAX_INVITE_TTL_MS = 30 * 24 * 60 * 60 * 1_000;

// --- Names --------------------------------------------------------------------

/**
 * Names bound to one peer with standing, which keeps former names after a change. A peer
 * without standing has one, its last.
 */
export const MAX_NAMES_PER_PEER = 4;

/**
 * Names bound to peers without standing, together. As many as there can be on record, so that
 * no peer on record loses its name.
 */
export const MAX_NAMES_WITHOUT_STANDING = MAX_PEERS;

/** Excess before they are counted again, which takes a walk over all. */
export const NAME_TRIM_SLACK = 256;

/** `name-conflict` events of peers of one source: a burst, and then one each ten seconds. */
export const NAME_CONFLICTS_OF_SOURCE = {
  burst: 10,
  refillMs: 10_000,
};

/** The same of all sources together, once for the holders with standing and once for others. */
export const NAME_CONFLICTS_OF_ALL = {
  burst: 100,
  refillMs: 1_000,
};

/** Sources whose conflicts are counted; the least recent are forgotten. */
export const MAX_NAME_CONFLICT_SOURCES = 1_024;

/** All names that are bound. */
export const MAX_NAME_BINDINGS = MAX_NAMES_PER_PEER * MAX_PEERS +
  MAX_NAMES_WITHOUT_STANDING + NAME_TRIM_SLACK;

/**
 * Of these, those at which it answered, and those that it advertises: the last ones each. All
 * of one entry are kept, and a peer that has moved often still has room for gossiped addresses.
 */
export const MAX_VERIFIED_ADDRESSES = 3;
export const MAX_ADVERTISED_ADDRESSES = MAX_ADDRESSES_PER_ENTRY;

/**
 * Peer entries that are verified for a session at once, and the period of one more: a forged
 * certificate costs up to half a millisecond here, and nothing to its sender.
 */
export const PEER_ENTRY_BURST = MAX_PEERS_PER_MESSAGE;
export const PEER_ENTRY_REFILL_MS = 10;
