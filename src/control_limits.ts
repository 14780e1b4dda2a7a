/**
 * Every bound of the control API, with its reason; a part of `limits.ts`, from
 * which they are imported and which names the other parts.
 *
 * What those that control a node may hold at the most: MAX_CONTROL_JOURNAL_BYTES
 * by watching, all together, whether they read or not, and
 * MAX_CONTROL_BODIES_BYTES for what is being sent. All of them have shown that
 * they may; a stranger is refused by its first line.
 */

/** Requests to the control API that are carried out at once, streams not counted. */
export const MAX_CONTROL_REQUESTS = 256;

/** Watchers of events at once. */
export const MAX_CONTROL_STREAMS = 16;

/**
 * Events that wait for those that watch, all together; the oldest go first, and are
 * counted. The largest message fits as base64.
 */
export const MAX_CONTROL_JOURNAL_EVENTS = 20_000;
export const MAX_CONTROL_JOURNAL_BYTES = 16_000_000;

/** Events are kept for so long after the last watcher has gone, so that it can go on. */
export const CONTROL_JOURNAL_KEEP_MS = 60_000;

/** Events are sent together up to this; one may be longer. */
export const CONTROL_STREAM_CHUNK_BYTES = 65_536;

/** A line on quiet streams, so that both ends notice when the other is gone. */
export const CONTROL_HEARTBEAT_MS = 15_000;

/** A request in JSON; bodies of messages come as they are, and may be larger. */
export const MAX_CONTROL_JSON_BYTES = 65_536;

/** Bodies of requests that are being read, together: four of the largest. */
export const MAX_CONTROL_BODIES_BYTES = 16_000_000;

/** A body must have come by then. */
export const CONTROL_BODY_TIMEOUT_MS = 10_000;

/** An answer of a node that is larger is not taken from it. */
export const MAX_CONTROL_ANSWER_BYTES = 16_000_000;

/** What a list shows of the body of each dead letter. */
export const DEAD_LETTER_PREVIEW_BYTES = 256;

/** Path of a Unix socket; macOS has the least, 104 with a NUL. */
export const MAX_UNIX_PATH_BYTES = 103;

/** Shortest token that is accepted from a file: 128 bits in hex. */
export const MIN_CONTROL_TOKEN_CHARS = 32;
export const MAX_CONTROL_TOKEN_CHARS = 512;

/** A request that sends may wait so long for the receiver; a message is kept for longer. */
export const MAX_CONTROL_WAIT_MS = 600_000;

/** A node that does not answer within this stands still, or is no node. */
export const CONTROL_ANSWER_TIMEOUT_MS = 10_000;

/** A stream of events without a sign of life for so long is dead: three heartbeats. */
export const CONTROL_SILENCE_MS = 3 * CONTROL_HEARTBEAT_MS;

/** Connections to each way into the control API, also of strangers, about 100 KiB each with TLS. */
export const MAX_CONTROL_CONNECTIONS = 64;

/** A connection that has not shown the token by then goes; two round trips and a handshake. */
export const CONTROL_STRANGER_MS = 10_000;

/** A connection that asks nothing, or does not read its answer, goes after this: 16 MB at a megabit a second. */
export const CONTROL_IDLE_MS = 120_000;

/** First line and headers of a request; ours have 300 bytes, real ones up to 8 KiB. */
export const MAX_CONTROL_HEAD_BYTES = 16_384;

/** Read at once from a connection to the control API. */
export const CONTROL_READ_BYTES = 16_384;

/** Headers of a request; ours have six, browsers some twenty. */
export const MAX_CONTROL_HEADERS = 64;
