/**
 * Every bound of a node, with its reason. Those of one part each stand in the
 * `*_limits.ts` file of its folder, or beside this one. Nothing else in `src/` bounds what others may
 * cause; `tests/helpers/worst_case.ts` adds up what it comes to.
 */

export * from "./control_limits.ts";
export * from "./descriptor_limits.ts";
export * from "./dial_limits.ts";
export * from "./exchange_limits.ts";
export * from "./health_limits.ts";
export * from "./program_limits.ts";

// --- Frames ---------------------------------------------------------------

/** Header of a frame: magic, command, length, checksum (bitcoin `src/protocol.h`). */
export const FRAME_HEADER_BYTES = 24;

/** Largest payload of an open session; Core's `MAX_PROTOCOL_MESSAGE_LENGTH` (`src/net.h`). */
export const MAX_PAYLOAD_BYTES = 4_000_000;

/**
 * Largest payload before a session is open. A proof with a 2 KiB certificate and
 * an RSA-4096 signature fits four times; a stranger can hold no more than this.
 */
export const MAX_HANDSHAKE_PAYLOAD_BYTES = 16_384;

/** Most frames a peer may send before its session is open; real ones send at most 8. */
export const MAX_HANDSHAKE_FRAMES = 64;

/** User agent in `version`, bytes; Core's `MAX_SUBVERSION_LENGTH` (`src/net_processing.h`). */
export const MAX_USER_AGENT_BYTES = 256;

/** Core's `MAX_SIZE` for any CompactSize length (`src/serialize.h`). */
export const MAX_COMPACT_SIZE = 0x02000000;

/** Text that a mesh `ping` may carry, UTF-8 bytes; it is shown on one line. */
export const MAX_PING_TEXT_BYTES = 256;

/** Reason text in `bye` and `reject`, UTF-8 bytes; it is shown on one line. */
export const MAX_REASON_TEXT_BYTES = 256;

/** Name and data of a `feature` (BIP434), bytes. */
export const MAX_FEATURE_ID_BYTES = 80;
export const MAX_FEATURE_DATA_BYTES = 512;

/** Entries in one `addr`, `addrv2` or `peers`; Core's `MAX_ADDR_TO_SEND`. */
export const MAX_PEERS_PER_MESSAGE = 1_000;

/** Length of an address in BIP155's encoding, bytes. */
export const MAX_ADDRESS_BYTES = 512;

/** The longest `addrv2` there can be: 1,000 entries with addresses of 512 bytes. */
export const MAX_ADDR_PAYLOAD_BYTES = 3 +
  MAX_PEERS_PER_MESSAGE * (4 + 9 + 1 + 3 + MAX_ADDRESS_BYTES + 2);

/** Addresses in one entry of `peers`; a node has a public, a private and a DNS one at most. */
export const MAX_ADDRESSES_PER_ENTRY = 4;

/** Fewest digits of an identity by which a person may mean it; what people are shown. */
export const MIN_IDENTITY_DIGITS = 8;

/** Name of a node in `peers`, UTF-8 bytes; it is shown in one column. */
export const MAX_PEER_NAME_BYTES = 64;

/** Statement by which a member admits a peer: identity, time, an RSA-4096 signature. */
export const MAX_ATTESTATION_BYTES = 32 + 8 + 3 + 512;

/** Fingerprints in one `getpeers` or `peerids`; twice the peers a node remembers, 64 KB. */
export const MAX_FINGERPRINTS = 8_000;

/** Extension block of a proof; two HMACs fit ten times. */
export const MAX_EXTENSION_BLOCK_BYTES = 1_024;

// --- Identity ---------------------------------------------------------------

/** Largest certificate; ours are about 450 bytes (P-256) to 1.4 KiB (RSA-4096). */
export const MAX_CERTIFICATE_BYTES = 2_048;

/** Largest signature in a proof: RSA-4096. */
export const MAX_SIGNATURE_BYTES = 512;

/**
 * Identities that proved themselves and wait to be admitted, in all and from one
 * host; the oldest give way. Each is about 1 KiB with its certificate.
 */
export const MAX_PENDING_PEERS = 256;
export const MAX_PENDING_PEERS_PER_HOST = 32;

/** Peers without a record that a closed node has admitted: identity and attestation, 1 KiB each. */
export const MAX_FORMER_MEMBERS = 1_024;

/** How often it is written down that one of them came again. */
export const PENDING_UPDATE_MS = 60_000;

// --- Transports ---------------------------------------------------------------

/** Simulated connections that wait for `accept()`; more are dropped, as a kernel does. */
export const MAX_ACCEPT_BACKLOG = 511;

/** Decrypted bytes of an accepted connection that nobody has read, before its socket is no longer read. */
export const MAX_UNREAD_BYTES = 65_536;

/** Addresses taken from one DNS answer; nobody needs to try more. */
export const MAX_RESOLVED_ADDRESSES = 16;

/** Hosts remembered because a TLS handshake with them hung (`transport/stalled_hosts.ts`). */
export const MAX_STALLED_HOSTS = 1_024;

/** Ports of one host whose handshakes hung; from so many on none of them is dialed. */
export const MAX_STALLED_PORTS_PER_HOST = 8;

/** How long such a port is left alone, doubled each time it hangs again. */
export const MIN_STALL_PENALTY_MS = 60_000;
export const MAX_STALL_PENALTY_MS = 86_400_000;

/** Window of a simulated connection, each direction; about what Linux starts with. */
export const MEMORY_WINDOW_BYTES = 262_144;

// --- Buffers ----------------------------------------------------------------

/** Read buffer of an idle session. Small, because a mesh is mostly idle sessions: a ping fits. */
export const READ_BUFFER_MIN_BYTES = 1_024;

/** The same when busy, and the step in which large frames are read; a read that fills it makes it grow so fast. */
export const READ_BUFFER_MAX_BYTES = 131_072;
export const READ_BUFFER_GROWTH = 4;

/** So many small reads in a row make it small again; or silence, before so many large ones. */
export const READ_BUFFER_SHRINK_READS = 4;
export const READ_BUFFER_KEEP_READS = 16;

/** Frames are gathered into writes of this size; rustls splits them into 16 KiB records. */
export const WRITE_BLOCK_BYTES = 65_536;

/**
 * Bytes that may wait for one slow peer before its session is closed: two of the
 * largest frames, so that one can be queued while another is on its way.
 */
export const MAX_QUEUE_BYTES = 2 * (MAX_PAYLOAD_BYTES + FRAME_HEADER_BYTES);

/** The first block of a queue that was empty; a handshake fits. */
export const FIRST_WRITE_BLOCK_BYTES = 1_024;

/** Write blocks kept for reuse by all sessions of the process. */
export const MAX_SPARE_WRITE_BLOCKS = 16;

/** First blocks kept for reuse: as many sessions as answer in one turn of a busy node. */
export const MAX_SPARE_FIRST_BLOCKS = 64;

// --- Deadlines, milliseconds -------------------------------------------------

/** From a connection's first sign to its second `verack`; Core allows 60 s, a mesh peer needs milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** How long `Node.joined` waits unless told. */
export const JOIN_TIMEOUT_MS = 30_000;

/** A TCP connection, a certificate look-up or a TLS handshake while dialing. */
export const DIAL_TIMEOUT_MS = 10_000;

/** A write that makes no progress for so long means a peer that stopped reading (NATS uses the same). */
export const WRITE_TIMEOUT_MS = 10_000;

/** What is queued when a session ends politely may take this long to leave. */
export const FLUSH_TIMEOUT_MS = 1_000;

/** Durations that can be chosen are between these: a timer fires that soon; a day is for ever. */
export const MIN_DURATION_MS = 10;
export const MAX_DURATION_MS = 86_400_000;

/** A session is pinged after this long without traffic. */
export const HEARTBEAT_MS = 1_000;

/** A session is dead after this long without traffic: three heartbeats. */
export const DEAD_AFTER_MS = 3_000;

/**
 * Turns of the event loop before that is believed, half a second where little
 * happens: with them 50 nodes that join in one process settle on two slow cores,
 * with a tenth of them they do not.
 */
export const SILENCE_CHECK_TURNS = 400;

/** An older session must answer a probe within this, or a newer one replaces it. */
export const PROBE_TIMEOUT_MS = 1_000;

/** Pings of one session that wait for their pong; more are a bug or a dead peer. */
export const MAX_PENDING_PINGS = 16;

// --- Mesh --------------------------------------------------------------------

/** Peers of one node, connected or remembered; each record is a few KiB. */
export const MAX_PEERS = 4_096;

/**
 * Those without standing together: three times as many as can be connected, which
 * leaves as many for others. See `mesh/peers/table_room.ts`.
 */
export const MAX_STRANGER_PEERS = 3_072;

/** Of these, those that are away and kept because a message waits for them alone. */
export const MAX_AWAITED_STRANGERS = 1_024;

/** When gossip has found no room in the table, it does not look again for so long. */
export const TABLE_LOOK_MS = 1_000;

/** How long a session must be up for its peer to have standing, see `mesh/peers/standing.ts`. */
export const STANDING_AFTER_UP_MS = 60 * 60 * 1_000;

/**
 * Peers that have standing for that alone: in all, of a node for 1,024 peers, in
 * proportion for fewer; and of one source. Waiting costs little, so that they must
 * neither fill the record and the sessions nor come from one machine.
 */
export const MAX_UP_STANDING_SHARE = 1 / 16;
export const MAX_UP_STANDING_PER_SOURCE = 4;

/** How often it is put on record that connected peers are still there; a crash forgets no more. */
export const LAST_SEEN_SAVE_MS = 60_000;

/** How often the time by which what is kept ages is written down; a crash and a step forget no more. */
export const KEPT_TIME_SAVE_MS = 600_000;

/**
 * What the time between two runs counts at most for the age of messages, and what
 * is taken for a clock that was set and not for a node that was off.
 */
export const MAX_COUNTED_OFF_MS = 24 * 60 * 60 * 1_000;
export const MAX_PLAUSIBLE_OFF_MS = 60 * 24 * 60 * 60 * 1_000;

/** A peer whose key lived in memory is dropped from the record when not seen for a day. */
export const EPHEMERAL_KEPT_MS = 24 * 60 * 60 * 1_000;

/** Sessions of one node. A full mesh of more wants another design, see docs. */
export const MAX_SESSIONS = 1_024;

/** Sessions that one identity may hold at once; two meet in a collision, more are abuse. */
export const MAX_SESSIONS_PER_PEER = 4;

/** Second sessions of peers that have one, in total: so many pairs may collide at once. */
export const MAX_EXTRA_SESSIONS = 256;

/** Addresses remembered for one peer; what was proven outranks what was only said. */
export const MAX_ADDRESSES_PER_PEER = 8;

/**
 * Of these, those at which it answered, and those that it named itself: the last
 * ones each. All that one entry can name are kept, and a peer that has moved often
 * still leaves room for the word of others where it is now.
 */
export const MAX_PROVEN_ADDRESSES = 3;
export const MAX_CLAIMED_ADDRESSES = MAX_ADDRESSES_PER_ENTRY;

/** Peers that one source may introduce which nobody has verified yet. */
export const MAX_RUMOURS_PER_SOURCE = 1_000;

/** Connections whose peer is not proven yet, in total. Each holds about 100 KiB with TLS. */
export const MAX_PENDING_CONNECTIONS = 256;

/** The same for one address without a proven session; many members may stand behind one address. */
export const MAX_PENDING_PER_ADDRESS = 128;

/** Hosts remembered for having held a proven session. */
export const MAX_PROVEN_HOSTS = 4_096;

/** Events that wait for one slow listener; then the oldest are dropped and counted. */
export const MAX_QUEUED_EVENTS = 1_000;

/** Peer requests a session may make at once, and how often one more is granted. */
export const PEER_REQUEST_BURST = 16;
export const PEER_REQUEST_REFILL_MS = 1_000;

/**
 * Peer entries a session may have judged at once, and how often one more: a forged
 * certificate costs us up to half a millisecond, and its sender nothing.
 */
export const PEER_ENTRY_BURST = MAX_PEERS_PER_MESSAGE;
export const PEER_ENTRY_REFILL_MS = 10;

/**
 * A peer that was never reached is forgotten when no member has said for so long that it
 * is live, and so are addresses at which a peer without standing never answered.
 */
export const RUMOUR_KEPT_MS = 60_000;

/** `refused` events about strangers who come in: a burst, then one each second. */
export const REFUSAL_EVENT_BURST = 100;
export const REFUSAL_EVENT_REFILL_MS = 1_000;

/** Reconnecting: exponential backoff with full jitter between these. */
export const RECONNECT_MIN_MS = 200;
export const RECONNECT_MAX_MS = 60_000;
export const RECONNECT = { minMs: RECONNECT_MIN_MS, maxMs: RECONNECT_MAX_MS };

/**
 * Once we wake, or the network comes back, everybody who is down is tried within
 * this time: soon, and not all in one instant.
 */
export const REVIVE_SPREAD_MS = 500;

/** Failures that count for a node that nobody has admitted yet: it knocks every 6 s at the latest. */
export const MAX_FAILURES_AT_THE_DOOR = 5;

/** A session must have lived this long for the backoff to start anew (Hyperswarm: 15 s). */
export const STABLE_SESSION_MS = 10_000;

/** A peer that said bye is first tried again after this, then by the backoff. */
export const RECONNECT_LEFT_MS = 10_000;

/** How long after its last proof a peer is still told to others. */
export const GOSSIP_FRESH_MS = 3 * 60 * 60 * 1_000;

/** How often peers are asked for their lists besides at every connection. */
export const PEER_EXCHANGE_MS = 30_000;
