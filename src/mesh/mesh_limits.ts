/** Bounds of the sessions of a node, with the reason of each. */

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
