/**
 * Every bound of a node, with its reason. Those of one part each are in the `*_limits.ts` file
 * of its folder, or beside this one. `tests/helpers/worst_case.ts` adds up the memory and disk
 * that they allow.
 */

export * from "./control_limits.ts";
export * from "./descriptor_limits.ts";
export * from "./dial_limits.ts";
export * from "./exchange_limits.ts";
export * from "./health_limits.ts";
export * from "./program_limits.ts";

/** Fewest digits that a user may abbreviate an identity to, which are also the digits shown. */
export const MIN_IDENTITY_DIGITS = 8;

/**
 * Join requests, in all and from one host; the oldest are evicted. Each is about 1 KiB with its
 * certificate.
 */
export const MAX_PENDING_PEERS = 256;
export const MAX_PENDING_PEERS_PER_HOST = 32;

/** Peers without a record that a closed node has admitted: identity and attestation, 1 KiB each. */
export const MAX_FORMER_MEMBERS = 1_024;

/** Least time between two updates of the time at which one of them was last seen. */
export const PENDING_UPDATE_MS = 60_000;

// --- Deadlines, milliseconds -------------------------------------------------

/** How long `Node.joined` waits by default. */
export const JOIN_TIMEOUT_MS = 30_000;

/** A TCP connection, a certificate look-up or a TLS handshake while dialing. */
export const DIAL_TIMEOUT_MS = 10_000;

/** Bounds of durations in options: the resolution of timers, and a day. */
export const MIN_DURATION_MS = 10;
export const MAX_DURATION_MS = 86_400_000;

// --- Mesh --------------------------------------------------------------------

/** Peers on record, connected or not; each record is a few KiB. */
export const MAX_PEERS = 4_096;

/**
 * Those without standing together: three times as many as can be connected, which
 * leaves as many for others. See `mesh/peers/table_room.ts`.
 */
export const MAX_STRANGER_PEERS = 3_072;

/** Of these, those that are away and kept because a message waits for them alone. */
export const MAX_AWAITED_STRANGERS = 1_024;

/** When gossip has found no room in the table, it does not look again for this time. */
export const TABLE_LOOK_MS = 1_000;

/** How long a session must be up for its peer to have standing, see `mesh/peers/standing.ts`. */
export const STANDING_AFTER_UP_MS = 60 * 60 * 1_000;

/**
 * Peers that have standing for that alone: in all, of a node for 1,024 peers, in proportion for
 * fewer; and of one source. Staying connected costs an attacker little, so these must neither
 * fill the table and the sessions nor come from one machine.
 */
export const MAX_UP_STANDING_SHARE = 1 / 16;
export const MAX_UP_STANDING_PER_SOURCE = 4;

/**
 * How often the time at which connected peers were last seen is stored, which is the most that
 * a crash loses.
 */
export const LAST_SEEN_SAVE_MS = 60_000;

/**
 * How often the store's own time is written, which is the most that a crash or a step of the
 * clock loses.
 */
export const KEPT_TIME_SAVE_MS = 600_000;

/**
 * The most that the time between two runs counts for the age of messages, and the least that is
 * taken for a clock that was set rather than a node that was off.
 */
export const MAX_COUNTED_OFF_MS = 24 * 60 * 60 * 1_000;
export const MAX_PLAUSIBLE_OFF_MS = 60 * 24 * 60 * 60 * 1_000;

/** A peer whose key lived in memory is dropped from the record when not seen for a day. */
export const EPHEMERAL_KEPT_MS = 24 * 60 * 60 * 1_000;

/** Sessions of one node. A larger full mesh needs another design, see docs. */
export const MAX_SESSIONS = 1_024;

/** Sessions that one identity may hold at once; two meet in a collision, more are abuse. */
export const MAX_SESSIONS_PER_PEER = 4;

/** Second sessions of peers that have one, in total: so many pairs may collide at once. */
export const MAX_EXTRA_SESSIONS = 256;

/** Addresses on record for one peer; verified ones before advertised ones. */
export const MAX_ADDRESSES_PER_PEER = 8;

/** Peers that one source may introduce by gossip and that are not verified yet. */
export const MAX_GOSSIP_PEERS_PER_SOURCE = 1_000;

/** Connections whose peer is not verified yet, in total. Each holds about 100 KiB with TLS. */
export const MAX_PENDING_CONNECTIONS = 256;

/** The same for one address without a verified session; many members may share one address. */
export const MAX_PENDING_PER_ADDRESS = 128;

/** Hosts that are remembered for a verified session. */
export const MAX_PROVEN_HOSTS = 4_096;

/** Events that wait for one slow listener; then the oldest are dropped and counted. */
export const MAX_QUEUED_EVENTS = 1_000;

/** Requests for peers that a session may make at once, and the period of one more. */
export const PEER_REQUEST_BURST = 16;
export const PEER_REQUEST_REFILL_MS = 1_000;

/**
 * A peer that was never reached is forgotten when no member has reported it live for this time,
 * and so are addresses at which a peer without standing never answered.
 */
export const GOSSIP_KEPT_MS = 60_000;

/** `refused` events about inbound strangers: a burst, then one each second. */
export const REFUSAL_EVENT_BURST = 100;
export const REFUSAL_EVENT_REFILL_MS = 1_000;

/** Reconnecting: exponential backoff with full jitter between these. */
export const RECONNECT_MIN_MS = 200;
export const RECONNECT_MAX_MS = 60_000;
export const RECONNECT = { minMs: RECONNECT_MIN_MS, maxMs: RECONNECT_MAX_MS };

/**
 * After a pause, or when the network is back, every peer that is down is dialed within this
 * time, and not all at once.
 */
export const REVIVE_SPREAD_MS = 500;

/**
 * Most failures that count for a node that is not admitted yet, so that it dials at least every
 * 6 s.
 */
export const MAX_FAILURES_AT_THE_DOOR = 5;

/** A session must have been open this long for the backoff to restart (Hyperswarm: 15 s). */
export const STABLE_SESSION_MS = 10_000;

/** A peer that sent bye is first dialed again after this, then by the backoff. */
export const RECONNECT_LEFT_MS = 10_000;

/** How long after its last proof a peer is still gossiped. */
export const GOSSIP_FRESH_MS = 3 * 60 * 60 * 1_000;

/** How often lists of peers are requested, besides at every connection. */
export const PEER_EXCHANGE_MS = 30_000;
