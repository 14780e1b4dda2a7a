/**
 * Every bound of what a node dials, with its reason; a part of `limits.ts`, from which
 * they are imported and which names the other parts.
 */

/**
 * Dials under way at once to configured addresses and peers with standing; and as many to peers
 * without standing that have answered before, which never delay the former.
 */
export const MAX_CONCURRENT_DIALS = 32;

/**
 * The same to gossiped and advertised addresses, in a budget of their own, so that false ones
 * delay no other dial; a node that joins 200 others needs a few rounds.
 */
export const MAX_GOSSIP_DIALS = 32;

/** Those of `MAX_GOSSIP_DIALS` that one source of gossip may cause. */
export const MAX_GOSSIP_DIALS_PER_SOURCE = 24;

/**
 * Failed dials that one source of gossip may cause at once, and the period of one more; and all
 * sources together. A dial that succeeds is not counted.
 */
export const GOSSIP_CREDIT_PER_SOURCE = 128;
export const GOSSIP_CREDIT_PER_SOURCE_REFILL_MS = 1_000;
export const GOSSIP_CREDIT = 512;
export const GOSSIP_CREDIT_REFILL_MS = 250;

/**
 * Failed dials to one IP address and port, of all peers without standing together, at once, and
 * the period of one more. A peer that is down is dialed some ten times in its first minute,
 * then twice a minute at most.
 */
export const DIALS_PER_TARGET = 16;
export const DIALS_PER_TARGET_REFILL_MS = 15_000;

/** Targets for which they are counted: as many as peers on record that advertise one each. */
export const MAX_DIAL_TARGETS = 4_096;

/** Delay before the next address of a peer is tried (RFC 8305: 250 ms). */
export const ADDRESS_STAGGER_MS = 250;

/** Addresses tried at once of a peer that is known by gossip only; of others, all. */
export const MAX_GOSSIP_ADDRESSES_AT_ONCE = 2;

/** Least time between dials that are brought forward by gossip that a peer is live. */
export const DIAL_HINT_INTERVAL_MS = 10_000;

/**
 * Least time until a lost peer is dialed at an address that it only advertised, and between two
 * such dials: it had dialed us, and should do so again first.
 */
export const RECONNECT_CLAIMED_MS = 5_000;
