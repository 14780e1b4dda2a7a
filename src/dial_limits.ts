/**
 * Every bound of what a node dials, with its reason; a part of `limits.ts`, from which
 * they are imported and which names the other parts.
 */

/**
 * Dials under way at once to addresses we were given and peers with standing; and as many
 * to peers without standing that have answered us before, which never hold up the former.
 */
export const MAX_CONCURRENT_DIALS = 32;

/**
 * The same to peers we only heard of, or that only said themselves where they are, in a
 * budget of their own, so that lies cost no other peer a dial; a joiner of 200 nodes is
 * through in a few rounds.
 */
export const MAX_GOSSIP_DIALS = 32;

/** So many of `MAX_GOSSIP_DIALS` may go to peers that one source told of: none takes them all. */
export const MAX_GOSSIP_DIALS_PER_SOURCE = 24;

/**
 * Dials in vain that one source of gossip may cause at once, and how often one
 * more; and all sources together. A source that tells the truth gets each dial back.
 */
export const GOSSIP_CREDIT_PER_SOURCE = 128;
export const GOSSIP_CREDIT_PER_SOURCE_REFILL_MS = 1_000;
export const GOSSIP_CREDIT = 512;
export const GOSSIP_CREDIT_REFILL_MS = 250;

/**
 * Dials in vain to one IP address and port, of all peers without standing together, at
 * once, and how often one more. A peer that is down is dialed some ten times in its
 * first minute, then twice a minute at most.
 */
export const DIALS_PER_TARGET = 16;
export const DIALS_PER_TARGET_REFILL_MS = 15_000;

/** Targets for which they are counted: as many as peers on record that claim one each. */
export const MAX_DIAL_TARGETS = 4_096;

/** An address of a peer that has not answered for so long does not hold up the next (RFC 8305: 250 ms). */
export const ADDRESS_STAGGER_MS = 250;

/** Addresses tried at once of a peer that is known by gossip only; of others, all. */
export const MAX_GOSSIP_ADDRESSES_AT_ONCE = 2;

/** How often others' word that a peer is alive may bring the next dial forward. */
export const DIAL_HINT_INTERVAL_MS = 10_000;

/**
 * Least time until a peer that was lost is dialed where it only said that it listens, and
 * between two such dials: it dialed us, and is first to do so again.
 */
export const RECONNECT_CLAIMED_MS = 5_000;
