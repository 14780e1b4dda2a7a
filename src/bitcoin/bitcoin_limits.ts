/** Bounds of the Bitcoin prober, responder and crawler, with the reason of each. */

// What a peer costs in buffers: BITCOIN_READ_BUFFER_BYTES to read into, which grow
// with what it sends up to 2 * (MAX_HANDSHAKE_PAYLOAD_BYTES + 24) bytes (longer
// payloads pass through unkept), and one FIRST_WRITE_BLOCK_BYTES while our 300
// bytes leave. So a thousand slow peers cost 2 MB of buffers, and a thousand that send as much
// as they can 34 MB. An open session that sends requests and never reads holds
// MAX_BITCOIN_QUEUE_BYTES before it is closed.

/** Read buffer of a Bitcoin session while little comes: a whole handshake has 300 to 900 bytes. */
export const BITCOIN_READ_BUFFER_BYTES = 1_024;

/** Handshake of a probe, from dialing on; nodes far away or on old machines need a second or two. */
export const BITCOIN_PROBE_TIMEOUT_MS = 5_000;

/** Probes under way at once, unless asked for more; each is a descriptor and the buffers above. */
export const BITCOIN_PROBE_CONCURRENCY = 64;

/** The most that can be set: half of the descriptors that most systems allow. */
export const MAX_BITCOIN_CONCURRENCY = 32_768;

/** Messages of one handshake that a result lists; real ones have 8, a hostile peer sends millions. */
export const MAX_PROBE_EVENTS = 256;

/** Connections of a responder at once, unless told otherwise (Core: 125). */
export const BITCOIN_MAX_CONNECTIONS = 1_000;

/** From accepting a connection to its `verack`; Core's `-peertimeout`. */
export const BITCOIN_HANDSHAKE_TIMEOUT_MS = 60_000;

/** A silent peer is pinged, and is given up (Core's `PING_INTERVAL`, `TIMEOUT_INTERVAL`). */
export const BITCOIN_PING_MS = 120_000;
export const BITCOIN_IDLE_TIMEOUT_MS = 1_200_000;

/** How often a responder looks for silent peers. */
export const BITCOIN_TICK_MS = 1_000;

/** Pongs and addresses that may wait for a peer that does not read; then it is closed. */
export const MAX_BITCOIN_QUEUE_BYTES = 262_144;

/** Pause of the behaviours that pause: four of them fit a probe's deadline. */
export const BEHAVIOUR_DELAY_MS = 1_000;

/** Addresses taken from one DNS seed; seeds answer with some 25 to 40. */
export const MAX_SEED_ADDRESSES = 256;

/** Nodes that a crawl visits, unless asked for more. */
export const CRAWL_MAX_NODES = 1_000;

/**
 * How long a crawl waits for the answer to `getaddr`. Core sends addresses at
 * random moments, 30 s apart on average (`MaybeSendAddr`): 86% come within this.
 */
export const CRAWL_ADDR_TIMEOUT_MS = 60_000;

/** `addr` messages taken from one node: its own address and the answer come apart. */
export const CRAWL_MAX_ADDR_MESSAGES = 8;

/** An address is not dialed again before a day has passed. */
export const CRAWL_REPEAT_AFTER_MS = 86_400_000;

/**
 * Different addresses that one crawl remembers, about 200 bytes each: 50 MB. The
 * network has some 100,000; a node that makes addresses up fills the rest, and
 * no more than `CRAWL_MAX_ADDR_MESSAGES` thousand by itself.
 */
export const MAX_CRAWL_ADDRESSES = 250_000;

/** Addresses in one event of a crawl, which is one line of output. */
export const CRAWL_HEARD_PER_EVENT = 1_000;
