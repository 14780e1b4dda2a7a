/**
 * Bounds of streams and requests, with the reason of each. What they can cost a node in memory:
 * `MAX_UNREAD_BYTES`, `MAX_WRITE_QUEUES_BYTES`, and some kilobytes for each of
 * `MAX_HANDLED_STREAMS` of each protocol.
 */
import {
  MAX_BODY_BYTES,
  MAX_STREAM_DATA_BYTES,
  UNCREDITED_STREAM_BYTES,
} from "../wire/wire_limits.ts";

// --- Streams of a session ----------------------------------------------------

/** Streams that one end has opened in a session and that have not ended: a busy proxy's. */
export const MAX_STREAMS_PER_SESSION = 1_024;

/**
 * Streams of one protocol that are handled at the same time, unless set. One peer may have as
 * many as are left to others, so that it can open all of `MAX_STREAMS_PER_SESSION`; all peers
 * without standing together may have half.
 */
export const MAX_HANDLED_STREAMS = 4 * MAX_STREAMS_PER_SESSION;
export const STRANGERS_HANDLED_SHARE = 0.5;

// --- Flow control ------------------------------------------------------------

/**
 * Bytes that the other end may send of one stream and that are not read. A window is at first
 * what the opener may send uncredited, and grows to at most the second while it limits the
 * rate: then a stream moves 50 MB/s over a round trip of 80 ms.
 */
export const MIN_STREAM_WINDOW_BYTES = UNCREDITED_STREAM_BYTES;
export const MAX_STREAM_WINDOW_BYTES = 4_194_304;

/** Credit beyond the least, all streams of a node together: 16 of the largest windows. */
export const STREAM_WINDOW_BUDGET_BYTES = 67_108_864;
/** Of these, of all peers without standing together. */
export const STRANGERS_WINDOW_BYTES = STREAM_WINDOW_BUDGET_BYTES / 2;

/** Share of a window that is granted again at once: a smaller one costs more frames. */
export const CREDIT_SHARE = 0.5;

/**
 * A window of which half was read within this many round trips and this time, in which two busy
 * processes take turns, has limited the rate, and is doubled. What is in flight is bounded by
 * the session (`SHORT_FLIGHT_ROUND_TRIPS`), so that a large window makes no queue.
 */
export const WINDOW_GROWTH_ROUND_TRIPS = 2;
export const WINDOW_GROWTH_MS = 2;

/** Credit of a stream that its sender has not used; more is no honest peer's. */
export const MAX_CREDIT_BYTES = 0x7fff_ffff;

/** Bytes of one stream that wait for credit or for their turn; a writer then waits. */
export const MAX_WRITE_QUEUE_BYTES = 65_536;

/** A stream's share of a turn, one `data` frame. */
export const TURN_BYTES = MAX_STREAM_DATA_BYTES;

/**
 * How long the queue of a session is kept short after a stream has sent less than a turn beside
 * others with a backlog: requests that come now and then do not wait behind bulk.
 */
export const SHORT_QUEUE_KEPT_MS = 5_000;

/**
 * The same for a stream that a relay joins to another: a window that moves 26 MB/s over a round
 * trip of 80 ms to the relay, credit beyond the least for all of these together, and a queue.
 */
export const MAX_RELAYED_WINDOW_BYTES = 2_097_152;
export const RELAYED_WINDOW_BUDGET_BYTES = STREAM_WINDOW_BUDGET_BYTES / 4;
export const MAX_RELAYED_QUEUE_BYTES = MAX_WRITE_QUEUE_BYTES;

// --- Memory ------------------------------------------------------------------

/**
 * Bytes of all streams of a node that have come and are not read. When they are used up, the
 * peer that holds most loses the stream that holds most, peers without standing first.
 */
export const MAX_UNREAD_BYTES = 67_108_864;

/**
 * Bytes of all streams of a node that wait to be sent: above it a write resolves when all of it is
 * sent, so that each stream holds at most what its user writes at once.
 */
export const MAX_WRITE_QUEUES_BYTES = 67_108_864;

/** Blocks of that memory: the least, and those that are kept to be used again. */
export const MIN_BLOCK_BYTES = 512;
export const MAX_SPARE_BLOCKS = 256;

// --- Floods ------------------------------------------------------------------

/**
 * Streams that a peer opens and resets, or that are refused: a burst, then a rate. They cost
 * their opener little and the other end a handler (CVE-2023-44487, "HTTP/2 rapid reset").
 * All streams of a session may be reset at once, and once more.
 */
export const ABANDONED_BURST = 2 * MAX_STREAMS_PER_SESSION;
export const ABANDONED_PER_S = 500;

/**
 * What this end allows itself of these, with what it has open, which it may still give up: less,
 * since frames that had to wait come at once, and a peer that counts too many ends the session.
 */
export const OWN_ABANDONED_BURST = 0.75 * ABANDONED_BURST;
export const OWN_ABANDONED_PER_S = ABANDONED_PER_S / 2;

/**
 * Frames of a stream that had ended here when they came: what its sender had sent before the
 * last bytes and the end reached it, which is three `credit`s, each of half a window or more,
 * and a `reset`. And `credit` frames beyond one for each `data` that was sent.
 */
export const LATE_FRAMES_PER_STREAM = 4;
export const LATE_BURST_FRAMES = 64;

// --- Requests ----------------------------------------------------------------

/** Body of a request and of an answer: as large as a message. More is for a stream. */
export const MAX_REQUEST_BYTES = MAX_BODY_BYTES;

/** Name of a method, UTF-8 bytes: as long as a topic. */
export const MAX_METHOD_BYTES = 128;

/** Code of an application's error; message, UTF-16 units; both and data as JSON, bytes. */
export const MAX_ERROR_CODE_CHARS = 64;
export const MAX_ERROR_MESSAGE_CHARS = 1_024;
export const MAX_ERROR_BYTES = 65_536;

/** Issues of a schema that an error names: a screen of text. */
export const MAX_SHOWN_ISSUES = 4;

/** How long a request may take if the caller does not say, and the longest: a timer's, 24 days. */
export const REQUEST_TIMEOUT_MS = 30_000;
export const MAX_REQUEST_TIMEOUT_MS = 2_147_483_647;

/** Requests to one peer at a time; more wait for these. */
export const MAX_REQUESTS_PER_PEER = 128;

/**
 * Requests of one peer that are served at a time: a caller that has given all of its requests up
 * sends others before the end of those has arrived, and is not refused.
 */
export const MAX_SERVED_REQUESTS_PER_PEER = 2 * MAX_REQUESTS_PER_PEER;

/** Requests that wait to be sent to one peer. */
export const MAX_WAITING_REQUESTS = 16_384;

/** Requests served at a time if the application does not say: those of eight busy peers, or four that give theirs up. */
export const MAX_SERVED_REQUESTS = 1_024;

/**
 * Bodies that come in and answers that go out, all peers together and of one peer: room for
 * sixteen and for four of the largest.
 */
export const MAX_SERVED_BYTES = 67_108_864;
export const MAX_SERVED_BYTES_PER_PEER = 16_777_216;

/** Bodies and answers that are not counted in it: those of all requests take 16 MiB. */
export const UNCOUNTED_BODY_BYTES = 16_384;

/** Share of both for all peers without standing together. */
export const STRANGERS_REQUEST_SHARE = 0.5;

/** A body must have come, and an answer gone, within this; the largest then needs a third of a megabit a second. */
export const REQUEST_TRANSFER_MS = 120_000;
