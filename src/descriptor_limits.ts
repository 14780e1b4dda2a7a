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

/** They are counted once a node holds so many connections: a small mesh never pays for it. */
export const COUNT_DESCRIPTORS_FROM = 32;

/** Connections that a node holds however few descriptors there are. */
export const MIN_CONNECTIONS = 8;

/**
 * Of the connections that descriptors allow, those that peers with standing, and
 * all others, leave to newcomers that are not proven yet; at most a quarter of them,
 * and a half.
 */
export const MIN_PENDING_CONNECTIONS = 8;
export const PENDING_SHARE = 24;

/** Connections that are being closed before another one is accepted. */
export const MAX_ENDING_CONNECTIONS = 16;

/** How often room is made when there is no descriptor left; what was closed needs a moment to be free. */
export const SHED_INTERVAL_MS = 1_000;

/** How long it is remembered at how many connections there was none left. */
export const SHORTAGE_KEPT_MS = 600_000;
