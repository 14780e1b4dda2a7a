/** Bounds of dialing, with the reason of each. */

/**
 * After a pause, or when the network is back, every peer that is down is dialed within this
 * time, and not all at once.
 */
export const REVIVE_SPREAD_MS = 500;

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
 * A node that is starved of processor time has fewer dials under way, except to configured
 * addresses and peers with standing (`dial_window.ts`); so many at least, as peers that answer
 * slowly on purpose must not take all of them.
 */
export const MIN_DIALS = 8;

/** How often timers are checked while dials are under way, and what is late, milliseconds. */
export const LAG_SAMPLE_MS = 50;
export const STARVED_LAG_MS = 50;

/**
 * A dial that takes longer until its session is open shows a starved machine, too: five round
 * trips of the longest lines take less.
 */
export const SLOW_DIAL_MS = 2_000;

/** The least time in which one more dial is begun at once again. */
export const DIAL_GROWTH_MS = 500;

/**
 * Failed dials that one source of gossip may cause at once, and the period of one more; and all
 * sources together. A dial that succeeds is not counted.
 */
export const GOSSIP_CREDIT_PER_SOURCE = 128;
export const GOSSIP_CREDIT_PER_SOURCE_REFILL_MS = 1_000;
export const GOSSIP_CREDIT = 512;
export const GOSSIP_CREDIT_REFILL_MS = 250;

/** Targets whose failed dials are counted (`DIALS_PER_TARGET`): as many as peers on record that advertise one each. */
export const MAX_DIAL_TARGETS = 4_096;

/**
 * Addresses found on the local network without an identity: how many are remembered, are dialed
 * at once; how soon they are dialed, and the backoff of those that failed.
 */
export const MAX_FOUND_TARGETS = 512;
export const MAX_FOUND_DIALS = 4;
export const FOUND_CHECK_MS = 20;
export const FOUND_RETRY = { minMs: 10_000, maxMs: 640_000 };

/** Delay before the next address of a peer is tried (RFC 8305: 250 ms). */
export const ADDRESS_STAGGER_MS = 250;

/** Addresses tried at once of a peer that is known by gossip only; of others, all. */
export const MAX_GOSSIP_ADDRESSES_AT_ONCE = 2;

/**
 * Addresses at which a peer has not answered that are tried before others because they are near:
 * each that is wrong delays the next by `ADDRESS_STAGGER_MS`.
 */
export const MAX_UNVERIFIED_FIRST = 2;

/**
 * Of a peer with a relayed session: private addresses on a link of this machine that it tells of
 * itself and that are dialed; the least port, so that no service of the system is.
 */
export const MAX_NEAR_ADDRESSES = 2;
export const MIN_NEAR_PORT = 1_024;

/**
 * Such dials under way at once to all peers together that the operator has not chosen, and those
 * in vain: 60 in any hour.
 */
export const MAX_NEAR_DIALS = 4;
export const NEAR_DIAL_CREDIT = { burst: 20, refillMs: 90_000 };

/** IP addresses that are tried of a name in gossip: one of each family. */
export const MAX_NAMED_ENDPOINTS = 2;

/**
 * Members on record for one configured name: as many as addresses in one answer of its name
 * server.
 */
export const MAX_MEMBERS_PER_NAME = 16;

/**
 * How often a configured name that has led to a member is looked up again, for new members: the
 * halves of a split mesh may have no other connection.
 */
export const NAME_LOOKUP_MS = 60_000;

/** The same while dials to its addresses hang. */
export const NAME_REFRESH_MS = 3_000;

/**
 * A dial caused by gossip gives way, after this time, to one that another source waits for;
 * the second while this machine is starved, where dials that succeed take as long.
 */
export const CONTESTED_DIAL_MS = 3_000;
export const STARVED_CONTESTED_DIAL_MS = 6_000;

/**
 * How long a host that led to this node itself is not dialed; a load balancer may lead to
 * another node later.
 */
export const OWN_HOST_MS = 10_000;
