/**
 * Bounds of what a node relays for other members, with the reason of each. Those of the ends of
 * relayed sessions are in `relay_dialing_limits.ts`.
 */

/**
 * Direct sessions that a relayed session may consist of. Each relay adds a round trip and a
 * layer of TLS; a mesh of which no two members are farther apart needs no more.
 */
export const MAX_RELAY_HOPS = 16;

// --- A relaying node ---------------------------------------------------------

/**
 * Pairs that a node relays at a time unless set, and the most that may be set. One dialing end
 * has at most as many as it leaves to others, and peers without standing have half together.
 */
export const MAX_RELAY_PAIRS = 128;
export const MOST_RELAY_PAIRS = 4_096;
export const STRANGERS_RELAY_SHARE = 0.5;

/**
 * Offers that were made and are neither accepted nor declined, in all, of one peer, and of all
 * peers without standing. Each is a stream and a timer.
 */
export const MAX_RELAY_OFFERS = 512;
export const MAX_RELAY_OFFERS_PER_PEER = 64;
export const MAX_RELAY_OFFERS_STRANGERS = 256;

/** How long an offer holds: three offers are compared, from relays of any distance. */
export const RELAY_OFFER_MS = 10_000;

/**
 * Streams to a relay that one peer may open: a burst, as many as members may have become
 * unreachable to it at once, and then one in this time. Buckets are kept for so many peers.
 */
export const RELAY_REQUEST_BURST = 512;
export const RELAY_REQUEST_REFILL_MS = 250;
export const MAX_RELAY_REQUEST_BUCKETS = 1_024;

/**
 * Pairs to one peer that are begun, for all dialing ends with standing and for all others: a
 * burst, and then one in this time. Well below what this node allows itself to open and to give
 * up on one session (`OWN_ABANDONED_BURST`), which its own streams need.
 */
export const RELAY_TARGET_BURST = 256;
export const RELAY_TARGET_REFILL_MS = 50;

/** Time until both ends of a pair have sent something: that of a handshake. */
export const RELAY_START_MS = 15_000;

/**
 * A pair is closed after this time without a byte: the sessions of its ends send pings each
 * second unless set, and have noticed long before that nothing comes.
 */
export const RELAY_IDLE_MS = 120_000;

/** A pair of which one direction has ended is closed after this time. */
export const RELAY_HALF_CLOSED_MS = 10_000;

/** How often these are checked. */
export const RELAY_SWEEP_MS = 1_000;

/** First and longest buffer of a direction; it grows when reads fill it. */
export const MIN_RELAY_BUFFER_BYTES = 2_048;
export const MAX_RELAY_BUFFER_BYTES = 65_536;

/** The least rate of `--relay-rate`: the handshakes and the pings of some pairs. */
export const MIN_RELAY_BYTES_PER_S = 16_384;

/** Refusals of one peer that are logged, as a burst, and then one in this time. */
export const LOGGED_RELAY_REFUSALS = 4;
export const LOGGED_RELAY_REFUSAL_MS = 10_000;
