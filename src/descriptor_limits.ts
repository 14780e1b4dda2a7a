/**
 * How a node shares out the file descriptors of its process, with the reasons; a part
 * of `limits.ts`, from which they are imported and which names the other parts.
 */

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
