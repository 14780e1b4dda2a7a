/**
 * Bounds of sessions with the reason of each: frames besides messages, memory of all sessions
 * together, and bytes in flight of one.
 */
import { WRITE_BLOCK_BYTES } from "../transport/transport_limits.ts";
import { FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES } from "../wire/wire_limits.ts";

/**
 * Bytes that may wait for all peers of a node together; then the session with the longest queue
 * is closed.
 */
export const MAX_TOTAL_QUEUE_BYTES = 134_217_728;

/**
 * Buffers of frames above `READ_BUFFER_MAX_BYTES`, all sessions of a node
 * together; the longest lists of peers, half a megabyte each, come in by the
 * hundred.
 */
export const MAX_TOTAL_FRAME_BYTES = 67_108_864;

/** Share of it for all peers without standing together. */
export const STRANGERS_FRAME_SHARE = 0.5;

/** A large frame that has taken this long is evicted when another one needs the memory. */
export const LARGE_FRAME_GRACE_MS = 1_000;

/** A frame that was begun must be complete after this; the largest then needs a megabit a second. */
export const FRAME_TIMEOUT_MS = 30_000;

/**
 * What a peer may send besides messages, which have a flow control of their own: a burst, then
 * a rate. A member of a mesh of a thousand sends some ten frames a second, and at most
 * `PEER_REQUEST_BURST` long lists at once.
 */
export const CONTROL_BURST_FRAMES = 10_000;
export const CONTROL_FRAMES_PER_S = 1_000;
export const CONTROL_BURST_BYTES = 16_777_216;
export const CONTROL_BYTES_PER_S = 1_048_576;

/**
 * A ping without a text for so many bytes of messages or streams does not count: it measures the
 * rate. So many of these bytes are remembered.
 */
export const MAX_FREE_PING_BYTES = 16;
export const BYTES_PER_FREE_PING = 32_768;
export const MAX_UNPINGED_BYTES = 16_777_216;

/**
 * The same for all peers without standing together, which are read by turns of their
 * addresses above it: twice the traffic of a mesh of a thousand of them, and some
 * hundredths of a slow core. One turn handles `STRANGERS_TURN_FRAMES`.
 */
export const STRANGERS_BURST_FRAMES = 20_000;
export const STRANGERS_FRAMES_PER_S = 20_000;
export const STRANGERS_BURST_BYTES = 33_554_432;
export const STRANGERS_BYTES_PER_S = 8_388_608;
export const STRANGERS_TURN_FRAMES = 64;

/**
 * A peer that sends more is not read for a while, at most this long, which is too short to seem
 * dead.
 */
export const MAX_STALL_MS = 250;

/** A peer that sends this many bursts in spite of it is disconnected. */
export const FLOOD_FACTOR = 2;

/** How soon a session that waits for memory for a large frame checks again. */
export const LARGE_FRAME_RETRY_MS = 50;

/**
 * Senders stop filling a session's queue at this size, since a ping waits for all of it, and
 * resume when the share below is left, which keeps the connection busy.
 */
export const SEND_AHEAD_BYTES = 4 * WRITE_BLOCK_BYTES;
export const SEND_REFILL_SHARE = 0.5;

/** Bytes in the queues of all sessions of a node; with many sessions each has less. */
export const SEND_AHEAD_TOTAL_BYTES = 1_024 * WRITE_BLOCK_BYTES;

// --- In flight ------------------------------------------------------------------

/**
 * Bytes in flight to one peer: those of the shortest round trip and of this many milliseconds,
 * at the rate at which the peer receives them; a ping waits for no longer. Within the bounds
 * below, and the first for as long as no rate is known.
 */
export const PACING_QUEUE_MS = 200;
export const INITIAL_FLIGHT_BYTES = 32_768;
export const MIN_FLIGHT_BYTES = 16_384;
export const MAX_FLIGHT_BYTES = 67_108_864;

/** Pings that measure that rate: the most that wait, and the bytes between two of them. */
export const MAX_PACING_PINGS = 8;
export const MIN_PACING_STEP_BYTES = 4_096;

/**
 * The rate is the highest of this many round trips, and of this time and two round trips; the
 * period after which the shortest round trip is measured anew, with little in flight.
 */
export const PACING_RATE_ROUNDS = 6;
export const PACING_RATE_MS = 2_000;
export const BASE_RTT_PERIOD_MS = 10_000;

/**
 * While short pieces are sent beside bulk, each waits for all in flight: that is at most two round
 * trips' worth, and on paths shorter than a millisecond what keeps both ends busy. What
 * has been idle may exceed it by half, with so many bytes between two turns of others. The last
 * is the share between two pings that measure it: three whole blocks of the least, as writes of
 * parts cost as much.
 */
export const SHORT_FLIGHT_ROUND_TRIPS = 2;
export const MIN_SHORT_FLIGHT_BYTES = 8 * WRITE_BLOCK_BYTES;
export const OVERTAKE_SHARE = 1.5;
export const OVERTAKE_BYTES = 16_384;
export const SHORT_STEP_SHARE = 0.375;

/** A write that took this long has waited for the peer's TCP, and shows progress. */
export const WAITED_WRITE_MS = 20;

/** Most frames a peer may send before its session is open; real ones send at most 8. */
export const MAX_HANDSHAKE_FRAMES = 64;

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

/**
 * From the start of a connection to its second `verack`; Core allows 60 s, a mesh peer needs
 * milliseconds.
 */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** A peer has stopped reading if a write makes no progress for this time (NATS uses the same). */
export const WRITE_TIMEOUT_MS = 10_000;

/** How long a session that closes with `bye` may take to send its queue. */
export const FLUSH_TIMEOUT_MS = 1_000;

/** A session is pinged after this long without traffic. */
export const HEARTBEAT_MS = 1_000;

/** A session is dead after this long without traffic: three heartbeats. */
export const DEAD_AFTER_MS = 3_000;

/**
 * Turns of the event loop before a peer is declared dead, half a second on an idle machine:
 * with them 50 nodes that join in one process succeed on two slow cores, with a tenth of them
 * they do not.
 */
export const SILENCE_CHECK_TURNS = 400;

/** An older session must answer a probe within this, or a newer one replaces it. */
export const PROBE_TIMEOUT_MS = 1_000;

/** Pings of one session that wait for their pong; more are a bug or a dead peer. */
export const MAX_PENDING_PINGS = 16;

/** Sessions of one node. A larger full mesh needs another design, see docs. */
export const MAX_SESSIONS = 1_024;
