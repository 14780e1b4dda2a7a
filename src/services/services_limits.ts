/** Bounds of services on streams, with the reason of each. */

/** Longest host in a request to forward: a DNS name in text (RFC 1035 §2.3.4). */
export const MAX_FORWARD_HOST_BYTES = 253;

/** Longest text in a reply to a request to forward; its length takes one byte. */
export const MAX_FORWARD_TEXT_BYTES = 250;

/** Rules to forward at one node; each new connection is compared with all. */
export const MAX_FORWARD_RULES = 1_024;

/**
 * Forwarded connections that peers have at one node. Each takes a descriptor and two buffers.
 */
export const MAX_FORWARDED = 2_048;

/** Of those, of one peer: as many as a session has streams, and half of all. */
export const MAX_FORWARDED_PER_PEER = 1_024;

/** Of those, of all peers without standing together; one alone has half of it at most. */
export const MAX_FORWARDED_STRANGERS = 512;

/**
 * Forwarded connections for which descriptors are not counted, so that light use costs nothing;
 * with more, up to so many free ones are counted now and then (5 ms), and not again within this
 * time after a refusal.
 */
export const UNCOUNTED_FORWARDED = 16;
export const MAX_PROBED_DESCRIPTORS = 256;
export const RECOUNT_DESCRIPTORS_MS = 100;

/** Sockets that peers have this node listen on. */
export const MAX_FORWARD_LISTENERS = 64;

/** Of those, for one peer. */
export const MAX_FORWARD_LISTENERS_PER_PEER = 16;

/** Of those, for all peers without standing together. */
export const MAX_FORWARD_LISTENERS_STRANGERS = 16;

/** First and longest buffer of each direction of a connection; it grows when reads fill it. */
export const MIN_FORWARD_BUFFER_BYTES = 2_048;
export const MAX_FORWARD_BUFFER_BYTES = 32_768;

/** Time to look a target up and connect to it; less than clients wait by default. */
export const FORWARD_CONNECT_MS = 10_000;

/** How often idle connections are looked for. */
export const FORWARD_SWEEP_MS = 30_000;

/**
 * A connection of which one direction has ended is closed after this time without a byte: as
 * long as most servers keep one for a slow answer.
 */
export const HALF_CLOSED_IDLE_MS = 600_000;

/** A connection with a peer without standing is closed after this time without a byte. */
export const STRANGER_IDLE_MS = 600_000;

/** Refused requests of one peer that are logged, as a burst, and then one in this time. */
export const MAX_LOGGED_REFUSALS = 16;
export const LOGGED_REFUSAL_MS = 10_000;

/** Events of a forward that wait to be taken; then the oldest are dropped. */
export const MAX_FORWARD_EVENTS = 1_000;

/** Delays before a reverse forward that ended is requested again. */
export const MIN_RELISTEN_MS = 250;
export const MAX_RELISTEN_MS = 30_000;
