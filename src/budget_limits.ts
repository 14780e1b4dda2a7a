/**
 * What one peer may say besides messages, and what all sessions of a node may hold
 * together, with the reasons; the bounds of a single one are in `limits.ts`, which
 * names the other parts too.
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

/**
 * At most this share of the sessions of a node is kept for peers with standing,
 * connected or away, so that a usual one finds room without another giving way.
 */
export const MAX_RESERVED_SHARE = 0.5;

/**
 * Of `MAX_EXTRA_SESSIONS`, those of all peers without standing together, so that a
 * peer with standing gets a new session while its old one hangs.
 */
export const MAX_STRANGER_EXTRA_SESSIONS = 128;

/**
 * Handshakes of accepted connections that go on at once, of sources at which a peer
 * with standing was and of all others. Each takes some milliseconds of the processor
 * at both ends: what comes meanwhile waits for 16 of them, not for 256.
 */
export const MAX_HANDSHAKES_AT_ONCE = 16;

/**
 * One that takes longer waits for the network or for nothing at all: the next begins.
 * 64 a second begin even if all are silent.
 */
export const HANDSHAKE_TURN_MS = 250;

/** How often it is told how many connections found no room; the first is told at once. */
export const FULL_REPORT_MS = 60_000;
