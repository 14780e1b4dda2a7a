/**
 * Bounds of the control API, with the reason of each.
 *
 * All authorised clients together hold at most MAX_CONTROL_JOURNAL_BYTES of events, whether
 * they read them or not, and MAX_CONTROL_BODIES_BYTES of request bodies. Other clients are
 * refused after their first line.
 */

/** Requests that are handled at once, streams not counted. */
export const MAX_CONTROL_REQUESTS = 256;

/** Streams of events at once. */
export const MAX_CONTROL_STREAMS = 16;

/**
 * Operations at once, such as a file that is sent or a port that is forwarded: each has a
 * connection for as long as it lasts, and with the streams of events they leave a quarter of
 * {@linkcode MAX_CONTROL_CONNECTIONS} to requests.
 */
export const MAX_CONTROL_OPERATIONS = 32;

/**
 * Events that wait for all streams together; the oldest are dropped first, and counted. The
 * largest message fits as base64.
 */
export const MAX_CONTROL_JOURNAL_EVENTS = 20_000;
export const MAX_CONTROL_JOURNAL_BYTES = 16_000_000;

/** Events are kept for this long after the last stream has ended, so that it can be resumed. */
export const CONTROL_JOURNAL_KEEP_MS = 60_000;

/** Events are sent together up to this size; a single one may be longer. */
export const CONTROL_STREAM_CHUNK_BYTES = 65_536;

/** Period of a comment on quiet streams, so that both ends notice a lost connection. */
export const CONTROL_HEARTBEAT_MS = 15_000;

/**
 * Files and folders of one request that sends files, and its JSON: what a shell makes of a
 * pattern. A folder counts once.
 */
export const MAX_CONTROL_PATHS = 10_000;
export const MAX_CONTROL_PATHS_BYTES = 2_000_000;

/** A request in JSON; bodies of messages come as they are, and may be larger. */
export const MAX_CONTROL_JSON_BYTES = 65_536;

/** Bodies of requests that are being read, together: four of the largest. */
export const MAX_CONTROL_BODIES_BYTES = 16_000_000;

/** Deadline of a request body. */
export const CONTROL_BODY_TIMEOUT_MS = 10_000;

/** Largest answer that a client reads. */
export const MAX_CONTROL_ANSWER_BYTES = 16_000_000;

/** Longest text in the answer of a peer that is not base64: its characters may take six bytes each. */
export const MAX_REQUEST_TEXT_CHARS = 1_000_000;

/**
 * Messages of a kept topic that one client of `receive` has without having acked them: few, so
 * that other consumers have work while it is slow, and enough to keep its pipe full.
 */
export const MAX_RECEIVED_UNACKED = 32;

/** Messages that one request acks, nacks or returns. */
export const MAX_CONTROL_IDS = 1_000;

/** Bytes of each dead letter's body in a list. */
export const DEAD_LETTER_PREVIEW_BYTES = 256;

/** Longest path of a Unix socket; macOS has the shortest, 104 with a NUL. */
export const MAX_UNIX_PATH_BYTES = 103;

/** Shortest token that is accepted from a file: 128 bits in hex. */
export const MIN_CONTROL_TOKEN_CHARS = 32;
export const MAX_CONTROL_TOKEN_CHARS = 512;

/** Bounds of the interval of `POST /v1/watch`, and the one that it has if none is given. */
export const MIN_WATCH_MS = 200;
export const MAX_WATCH_MS = 60_000;
export const WATCH_MS = 1_000;

/**
 * All readers of status and peers that need not be exact (watchers, metrics without a token) share
 * what was read this shortly before.
 */
export const SHARED_READING_MS = MIN_WATCH_MS / 2;

/** A status is sent to watchers after this also if nothing but the time has changed. */
export const WATCH_REFRESH_MS = 10_000;

/** Longest wait of a request for the receiver of a message, which is kept for longer. */
export const MAX_CONTROL_WAIT_MS = 600_000;

/** Deadline of a node's answer. */
export const CONTROL_ANSWER_TIMEOUT_MS = 10_000;

/** A stream of events that is silent for this long is dead: three comments. */
export const CONTROL_SILENCE_MS = 3 * CONTROL_HEARTBEAT_MS;

/** Connections to each way into the control API, also of strangers, about 100 KiB each with TLS. */
export const MAX_CONTROL_CONNECTIONS = 64;

/** Deadline of the first authorised request of a connection; two round trips and a handshake. */
export const CONTROL_STRANGER_MS = 10_000;

/**
 * A connection without a request, or that does not read its answer, is closed after this: 16 MB
 * at a megabit a second.
 */
export const CONTROL_IDLE_MS = 120_000;

/** First line and headers of a request; ours have 300 bytes, real ones up to 8 KiB. */
export const MAX_CONTROL_HEAD_BYTES = 16_384;

/** Bytes of one read from a connection. */
export const CONTROL_READ_BYTES = 16_384;

/** Headers of a request; ours have six, browsers some twenty. */
export const MAX_CONTROL_HEADERS = 64;

/** Requests of one connection that wait for their responses; browsers send one after the other. */
export const MAX_CONTROL_PIPELINED = 8;

/** Codes, cookies and page keys: 256 bits, which cannot be guessed however many may try. */
export const PAGE_SECRET_BYTES = 32;

/** A one-time address of the page can be used for this long. */
export const PAGE_CODE_MS = 300_000;

/** One-time addresses that can be used at a time; the oldest ends for a new one. */
export const MAX_PAGE_CODES = 16;

/** A browser is signed in for this long, then `verack open` is needed again. */
export const PAGE_SESSION_MS = 7 * 86_400_000;

/** Browsers that are signed in at a time; the one used longest ago ends for a new one. */
export const MAX_PAGE_SESSIONS = 16;

/** Cookies of the page's name in one request; another port of the host can add some. */
export const MAX_PAGE_COOKIES = 16;

/** A sign-in, which comes from a stranger: its JSON has 60 bytes. */
export const MAX_SIGN_IN_BYTES = 1_024;
