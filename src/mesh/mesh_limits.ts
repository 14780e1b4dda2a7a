/**
 * Bounds of a node, its peers and their names, with the reason of each. Those of dialing,
 * discovery and connections alone are in the folder of that wing.
 */
import {
  MAX_ADDRESSES_PER_ENTRY,
  MAX_PEERS_PER_MESSAGE,
} from "../wire/wire_limits.ts";

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

/** A peer whose key lived in memory is dropped from the record when not seen for a day. */
export const EPHEMERAL_KEPT_MS = 24 * 60 * 60 * 1_000;

/** Addresses on record for one peer; verified ones before advertised ones. */
export const MAX_ADDRESSES_PER_PEER = 8;

/**
 * Of these, those at which it answered, and those that it advertises: the last ones each. All
 * of one entry are kept, and a peer that has moved often still has room for gossiped addresses.
 */
export const MAX_VERIFIED_ADDRESSES = 3;
export const MAX_ADVERTISED_ADDRESSES = MAX_ADDRESSES_PER_ENTRY;

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

/** Least time between two updates of the time at which a join request was last seen. */
export const PENDING_UPDATE_MS = 60_000;

/** Bounds of durations in options: the resolution of timers, and a day. */
export const MIN_DURATION_MS = 10;
export const MAX_DURATION_MS = 86_400_000;

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

/** Peers that one source may introduce by gossip and that are not verified yet. */
export const MAX_GOSSIP_PEERS_PER_SOURCE = 1_000;

/** Connections whose peer is not verified yet, in total. Each holds about 100 KiB with TLS. */
export const MAX_PENDING_CONNECTIONS = 256;

/** Events that wait for one slow listener; then the oldest are dropped and counted. */
export const MAX_QUEUED_EVENTS = 1_000;

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
 * Most failures that count for a node that is not admitted yet, so that it dials at least every
 * 6 s.
 */
export const MAX_FAILURES_AT_THE_DOOR = 5;

/** A session must have been open this long for the backoff to restart (Hyperswarm: 15 s). */
export const STABLE_SESSION_MS = 10_000;

/** A peer that sent bye is first dialed again after this, then by the backoff. */
export const RECONNECT_LEFT_MS = 10_000;

/** How often lists of peers are requested, besides at every connection. */
export const PEER_EXCHANGE_MS = 30_000;

/**
 * Failed dials to one IP address and port, of all peers without standing together, at once, and
 * the period of one more. A peer that is down is dialed some ten times in its first minute,
 * then twice a minute at most.
 */
export const DIALS_PER_TARGET = 16;
export const DIALS_PER_TARGET_REFILL_MS = 15_000;

/** Least time between dials that are brought forward by gossip that a peer is live. */
export const DIAL_HINT_INTERVAL_MS = 10_000;

/**
 * Least time until a lost peer is dialed at an address that it only advertised, and between two
 * such dials: it had dialed us, and should do so again first.
 */
export const RECONNECT_CLAIMED_MS = 5_000;

/**
 * The same for a peer that others cannot dial, by its own entry. It notices by itself when that
 * has changed (`REACH_RETRY_MS`), and sends its entry again.
 */
export const RECONNECT_UNREACHABLE_MS = 10 * 60 * 1_000;

/** Peers whose report that another one is live is kept, to ask them again; a few are enough. */
export const MAX_REPORTERS_PER_PEER = 4;

/** Least time between two requests for peer lists; peers accept one a second. */
export const PEER_EXCHANGE_MIN_MS = 2_000;

/**
 * When two nodes join at the same time, how long the one that is told of the other last lets
 * that dial first: this, and more for each known peer, up to the last; and that long while
 * unverified connections are arriving, since one may be from the other node. The last must be
 * less than `DIAL_HINT_INTERVAL_MS`.
 */
export const COLLISION_GRACE_MIN_MS = 250;
export const COLLISION_GRACE_PER_PEER_MS = 15;
export const COLLISION_GRACE_MAX_MS = 5_000;

/**
 * A fact that is noticed by attempts, such as a copied key, is over after this time without
 * one: the time between two is `RECONNECT_MAX_MS` at most.
 */
export const ALARM_QUIET_MS = 180_000;

/** Facts about its health from which on a node takes none about peers. */
export const MAX_HEALTH_FACTS = 64;

/**
 * Facts that peers without standing have caused: a key costs nothing, and each fact is two events
 * and a row of the status.
 */
export const MAX_STRANGER_FACTS = 8;

/** How often a node looks for facts that no event brings. */
export const HEALTH_LOOK_MS = 1_000;

/** Unreachable pairs that are facts; others are in `mesh.missing` of the status alone. */
export const MAX_PAIR_FACTS = 8;

/**
 * A bounded thing is nearly full when for some time it had so much of its bound, and is not any
 * more below the second share: bursts fill queues for an instant, and are no fact.
 */
export const NEARLY_FULL_SHARE = 0.8;
export const NOT_FULL_SHARE = 0.6;
export const NEARLY_FULL_AFTER_MS = 5_000;

/**
 * A clock is wrong if most peers differ from it by this, and right again below the second:
 * beyond any round trip or slow handshake, and before invites and message ages suffer. Bitcoin
 * Core warns at ten minutes, since its blocks need no more.
 */
export const CLOCK_WRONG_MS = 60_000;
export const CLOCK_RIGHT_MS = 45_000;

/** Fewest peers with standing that say so, as one may lie. */
export const MIN_CLOCK_PEERS = 2;

/** How long a pause of the process is shown. */
export const PAUSE_SHOWN_MS = 60_000;

/** Free space of the disk that is too little, what is enough again, and how often it is read. */
export const LOW_DISK_BYTES = 64 * 1_048_576;
export const ENOUGH_DISK_BYTES = 96 * 1_048_576;
export const DISK_LOOK_MS = 30_000;

/** Period of attempts to write a disk that has failed. */
export const HEALTH_PROBE_MS = 5_000;

/**
 * Peer entries that are verified for a session at once, and the period of one more: a forged
 * certificate costs up to half a millisecond here, and nothing to its sender.
 */
export const PEER_ENTRY_BURST = MAX_PEERS_PER_MESSAGE;
export const PEER_ENTRY_REFILL_MS = 10;

// --- The network of this machine ----------------------------------------------

/**
 * How often the addresses of this machine are read, when they are read again after a change, as
 * they come and go one by one, and the longest time until a change counts.
 */
export const NETWORK_POLL_MS = 2_000;
export const NETWORK_SETTLE_MS = 500;
export const MAX_NETWORK_SETTLE_MS = 3_000;

/**
 * How often everything is dialed because the network has changed: at once, as an address that goes
 * is often followed by another, and then once in the period.
 */
export const NETWORK_CHANGE_BURST = 4;
export const NETWORK_CHANGE_REFILL_MS = 10_000;

// --- Invites ------------------------------------------------------------------

/** Invites that have not ended, at one node: a hundred bytes each. */
export const MAX_INVITES = 1_000;

/** Fewest first digits of an invite's id that select it. */
export const MIN_INVITE_DIGITS = 8;

/** Longest line that is read as an invite: identity, a host name, port and code. */
export const MAX_INVITE_CHARS = 512;

/** Default and longest life of an invite. */
export const INVITE_TTL_MS = 24 * 60 * 60 * 1_000;
export const MAX_INVITE_TTL_MS = 30 * 24 * 60 * 60 * 1_000;

// --- Names --------------------------------------------------------------------

/**
 * Names bound to one peer with standing, which keeps former names after a change. A peer
 * without standing has one, its last.
 */
export const MAX_NAMES_PER_PEER = 4;

/**
 * Names bound to peers without standing, together. As many as there can be on record, so that
 * no peer on record loses its name.
 */
export const MAX_NAMES_WITHOUT_STANDING = MAX_PEERS;

/** Excess before they are counted again, which takes a walk over all. */
export const NAME_TRIM_SLACK = 256;

/** `name-conflict` events of peers of one source: a burst, and then one each ten seconds. */
export const NAME_CONFLICTS_OF_SOURCE = {
  burst: 10,
  refillMs: 10_000,
};

/** The same of all sources together, once for the holders with standing and once for others. */
export const NAME_CONFLICTS_OF_ALL = {
  burst: 100,
  refillMs: 1_000,
};

/** Sources whose conflicts are counted; the least recent are forgotten. */
export const MAX_NAME_CONFLICT_SOURCES = 1_024;

/** All names that are bound. */
export const MAX_NAME_BINDINGS = MAX_NAMES_PER_PEER * MAX_PEERS +
  MAX_NAMES_WITHOUT_STANDING + NAME_TRIM_SLACK;
