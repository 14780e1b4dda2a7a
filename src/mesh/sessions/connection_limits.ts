/** Bounds of the connections and sessions of a node, with the reason of each. */

/** Sessions that one identity may hold at once; two meet in a collision, more are abuse. */
export const MAX_SESSIONS_PER_PEER = 4;

/** Second sessions of peers that have one, in total: so many pairs may collide at once. */
export const MAX_EXTRA_SESSIONS = 256;

/** Connections of one address without a verified session whose peer is not verified yet; many members may share one address. */
export const MAX_PENDING_PER_ADDRESS = 128;

/** Hosts that are remembered for a verified session. */
export const MAX_PROVEN_HOSTS = 4_096;

/**
 * Descriptors that the mesh leaves free, or half of them if that is less: for the
 * control API, the database, logs, programs and up to `MAX_CONCURRENT_DIALS` dials
 * and as many to gossip.
 */
export const RESERVED_DESCRIPTORS = 64;

/**
 * They are counted once a node holds this many connections, so that a small mesh saves the
 * time.
 */
export const COUNT_DESCRIPTORS_FROM = 32;

/** Connections that a node may hold in any case. */
export const MIN_CONNECTIONS = 8;

/**
 * Of the connections that descriptors allow, those that sessions of peers with standing, and
 * those of all others, leave to unverified connections; at most a quarter of them, and a half.
 */
export const MIN_PENDING_CONNECTIONS = 8;
export const PENDING_SHARE = 24;

/** Most connections that are closing while another one is accepted. */
export const MAX_ENDING_CONNECTIONS = 16;

/** Period of evictions when there is no descriptor left; a closed one takes a moment to be free. */
export const SHED_INTERVAL_MS = 1_000;

/** How long the number of connections at which none was left is remembered. */
export const SHORTAGE_KEPT_MS = 600_000;

/** A shortage of descriptors is over when no connection was refused for it for this time. */
export const NO_DESCRIPTORS_QUIET_MS = 15_000;

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

/** Least time between two own entries of this node that peers are sent in open sessions. */
export const OWN_ENTRY_PAUSE_MS = 5_000;

/** A relayed session that a direct one has replaced lasts so long at most while streams run on it. */
export const REPLACED_SESSION_MS = 30_000;
