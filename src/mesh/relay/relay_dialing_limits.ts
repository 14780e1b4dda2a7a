/** Bounds of an end that is relayed to its peers by others, with the reason of each. */

// --- Dialing -----------------------------------------------------------------

/**
 * How long a member must be reported live before it is dialed through a relay, if it has no
 * address or a round of dials to it has failed; the end with the greater identity waits twice as
 * long, as two sessions of one pair would collide.
 */
export const RELAY_AFTER_MS = 500;

/** How long a crowd that arrives may postpone that: a mesh of 200 has met by then. */
export const RELAY_CROWD_MS = 15_000;

/** Relays that are asked at once for one peer: as many offers as are compared. */
export const MAX_RELAYS_ASKED = 3;

/** Rounds of asking in one attempt, so that an attempt asks nine relays at most. */
export const MAX_RELAY_ROUNDS = 3;

/** How long an offer is waited for; and how long others are once there is one. */
export const RELAY_ANSWER_MS = 5_000;
export const RELAY_COMPARE_MS = 250;

/** Attempts that go on at once; of all peers without standing, and of what one source gossiped. */
export const MAX_RELAY_ATTEMPTS = 16;
export const MAX_STRANGER_RELAY_ATTEMPTS = 8;
export const MAX_RELAY_ATTEMPTS_PER_SOURCE = 4;

/** After a failed attempt: exponential backoff with full jitter between these. */
export const RELAY_RETRY = { minMs: 1_000, maxMs: 60_000 };

/** Least time between two attempts of which the second has a relay that reported meanwhile. */
export const RELAY_NEWS_MS = 2_000;

/**
 * How long a relay that has failed for a peer is taken after all others, and one that has
 * refused is asked after all others.
 */
export const RELAY_FAILED_MS = 600_000;
export const RELAY_REFUSED_MS = 60_000;

/** How long another relay is looked for after the loss of a relayed session without a report. */
export const RELAY_ORPHAN_MS = 10_000;

/** Time for the handshake through a relay that has failed lately, which may do so again. */
export const RELAY_RETRIED_MS = 3_000;

/** Relays remembered for one peer, as failed or with a measured round trip. */
export const MAX_RELAYS_REMEMBERED = 16;

/** Offers are close if they differ by less: jitter, or a part of the shortest round trip. */
export const CLOSE_BID_MS = 10;
export const CLOSE_BID_SHARE = 0.25;

/** A relay that uses more of its bounds is taken last. */
export const FULL_RELAY_LOAD = 0.8;

// --- Accepting ---------------------------------------------------------------

/** Relayed connections before the proof of the peer: in all, of one relay, of all without standing. */
export const MAX_PENDING_RELAYED = 64;
export const MAX_PENDING_RELAYED_PER_RELAY = 16;
export const MAX_PENDING_RELAYED_STRANGERS = 32;

/** Streams of one relay that are accepted at once, and the time until one more. */
export const RELAYED_BURST = 64;
export const RELAYED_REFILL_MS = 250;

/** Relays of which the streams are counted. */
export const MAX_RELAYED_BUCKETS = 1_024;
