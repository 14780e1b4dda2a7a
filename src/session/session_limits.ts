/**
 * Bounds of sessions with the reason of each: what a peer may send besides messages,
 * what all sessions of a node hold together, and what one has in flight.
 */

/** Bytes that may wait for all peers of a node together; then the longest queue goes. */
export const MAX_TOTAL_QUEUE_BYTES = 134_217_728;

/**
 * Buffers of frames above `READ_BUFFER_MAX_BYTES`, all sessions of a node
 * together; the longest lists of peers, half a megabyte each, come in by the
 * hundred.
 */
export const MAX_TOTAL_FRAME_BYTES = 67_108_864;

/** Share of it for all peers without standing together. */
export const STRANGERS_FRAME_SHARE = 0.5;

/** A large frame that has taken so long makes room when another one needs it. */
export const LARGE_FRAME_GRACE_MS = 1_000;

/** A frame that was begun must be complete after this; the largest then needs a megabit a second. */
export const FRAME_TIMEOUT_MS = 30_000;

/**
 * What a peer may say besides messages, which have a flow control of their own: so
 * much at once, then so much a second. A member of a mesh of a thousand says some
 * ten frames a second, and at most `PEER_REQUEST_BURST` long lists at once.
 */
export const CONTROL_BURST_FRAMES = 10_000;
export const CONTROL_FRAMES_PER_S = 1_000;
export const CONTROL_BURST_BYTES = 16_777_216;
export const CONTROL_BYTES_PER_S = 1_048_576;

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

/** Who sends more is not read for a while, at most this long; it is not long enough to seem dead. */
export const MAX_STALL_MS = 250;

/** Whose bucket runs over so many times does not heed that, and is closed. */
export const FLOOD_FACTOR = 2;

/** How soon a session that waits for room for a large frame looks again. */
export const LARGE_FRAME_RETRY_MS = 50;

// --- In flight ------------------------------------------------------------------

/**
 * What a sender of messages has on the way to one peer: the bytes of the shortest
 * round trip and of this many milliseconds, at the rate at which the peer takes
 * them; a ping waits for no longer. Within the bounds below, and the first for as
 * long as no rate is known.
 */
export const PACING_QUEUE_MS = 200;
export const INITIAL_FLIGHT_BYTES = 32_768;
export const MIN_FLIGHT_BYTES = 16_384;
export const MAX_FLIGHT_BYTES = 67_108_864;

/** Pings that measure that rate: at most so many wait, and this much is between two of them. */
export const MAX_PACING_PINGS = 8;
export const MIN_PACING_STEP_BYTES = 4_096;

/**
 * The rate is the highest of so many round trips, and of this time and two round
 * trips; the shortest round trip is measured anew so often, with little on the way.
 */
export const PACING_RATE_ROUNDS = 6;
export const PACING_RATE_MS = 2_000;
export const BASE_RTT_PERIOD_MS = 10_000;

/** A write that took so long had to wait for the peer's TCP, and shows that it goes on. */
export const WAITED_WRITE_MS = 20;
