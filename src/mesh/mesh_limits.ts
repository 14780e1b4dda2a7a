/** Bounds of the sessions, invites and names of a node, with the reason of each. */
import {
  MAX_ADDRESSES_PER_ENTRY,
  MAX_PEERS_PER_MESSAGE,
} from "../wire/wire_limits.ts";
import { MAX_PEERS } from "../limits.ts";

/**
 * At most this share of the sessions of a node is kept for peers with standing,
 * connected or away, so that a usual one finds room without another giving way.
 */
export const MAX_RESERVED_SHARE = 0.5;

/**
 * Of `MAX_EXTRA_SESSIONS`, those of all peers without standing together, so that a
 * peer with standing gets a new session while its old one hangs.
 */
export const MAX_STRANGER_EXTRA_SESSIONS = 128;

/**
 * Handshakes of accepted connections that go on at once, of sources at which a peer
 * with standing was and of all others. Each takes some milliseconds of the processor
 * at both ends: what comes meanwhile waits for 16 of them, not for 256.
 */
export const MAX_HANDSHAKES_AT_ONCE = 16;

/**
 * One that takes longer waits for the network or for nothing at all: the next begins.
 * 64 a second begin even if all are silent.
 */
export const HANDSHAKE_TURN_MS = 250;

/** How often it is told how many connections found no room; the first is told at once. */
export const FULL_REPORT_MS = 60_000;

// --- Invites ------------------------------------------------------------------

/** Invites that have not ended, at one node: a hundred bytes each. */
export const MAX_INVITES = 1_000;

/** An invite may be named by so many of the first digits of its id. */
export const MIN_INVITE_DIGITS = 8;

/** Longest line that is read as an invite: identity, a host name, port and code. */
export const MAX_INVITE_CHARS = 512;

/** How long an invite lasts unless told, and at the most. */
export const INVITE_TTL_MS = 24 * 60 * 60 * 1_000;
export const MAX_INVITE_TTL_MS = 30 * 24 * 60 * 60 * 1_000;

// --- Names --------------------------------------------------------------------

/**
 * Names bound to one peer with standing: what it was called before stays its own
 * after it was renamed. A peer without standing has one, its last.
 */
export const MAX_NAMES_PER_PEER = 4;

/**
 * Names bound to peers without standing, together. As many as there can be on
 * record, so that none of a peer on record has to go.
 */
export const MAX_NAMES_WITHOUT_STANDING = MAX_PEERS;

/** So many more may come before they are counted again, which takes a walk over all. */
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
 * Of these, those at which it answered, and those that it named itself: the last
 * ones each. All that one entry can name are kept, and a peer that has moved often
 * still leaves room for the word of others where it is now.
 */
export const MAX_VERIFIED_ADDRESSES = 3;
export const MAX_ADVERTISED_ADDRESSES = MAX_ADDRESSES_PER_ENTRY;

/**
 * Peer entries a session may have judged at once, and how often one more: a forged
 * certificate costs us up to half a millisecond, and its sender nothing.
 */
export const PEER_ENTRY_BURST = MAX_PEERS_PER_MESSAGE;
export const PEER_ENTRY_REFILL_MS = 10;
