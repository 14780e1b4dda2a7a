/**
 * Bounds of messages. What they can cost a node in memory: outgoing messages,
 * `MAX_OUTBOX_BYTES`; received ones, `MAX_SESSIONS * MIN_WINDOW_BYTES +
 * WINDOW_BUDGET_BYTES + RECEIVE_BUDGET_BYTES`.
 */
import { MAX_SESSIONS, PACING_QUEUE_MS } from "../session/session_limits.ts";
import { MAX_BODY_BYTES } from "../wire/wire_limits.ts";

// --- Messages and chunks -----------------------------------------------------

/** Chunks on the slowest links: half a second at 64 kbit/s. */
export const MIN_CHUNK_BYTES = 4_000;

/** A body that was begun must go on within this, or the session ends. */
export const CHUNK_TIMEOUT_MS = 30_000;

/**
 * Credit of a message besides its topic and body: about the size of the objects that
 * represent a short message.
 */
export const MESSAGE_OVERHEAD_BYTES = 512;

/**
 * Outgoing messages up to a length share blocks of memory. At worst each waiting message keeps
 * a whole block, so that beyond so many blocks, 16 MiB, each has an array of its own.
 */
export const FRAME_BLOCK_BYTES = 16_384;
export const MAX_SHARING_FRAME_BYTES = FRAME_BLOCK_BYTES / 4;
export const MAX_FRAME_BLOCKS = 1_024;

/** Blocks that are kept to be used again while any message is in the outbox. */
export const MAX_SPARE_FRAME_BYTES = 2_097_152;

// --- Credit ------------------------------------------------------------------

/**
 * Credit of one session. It starts with the least, so that a thousand silent sessions
 * were granted 64 MiB. At the most, one stream, which may use half of it, moves 30 kB
 * messages at 56 Mbit/s over a round trip of 600 ms, and processes that share a
 * processor and wait 12 ms for each other move 300 MB/s.
 */
export const MIN_WINDOW_BYTES = 65_536;
export const MAX_WINDOW_BYTES = 8_388_608;

/** A longer body requests credit when the window is full, even if its stream has some in use. */
export const MAX_WAITING_BODY_BYTES = MIN_WINDOW_BYTES / 2;

/** Credit of all windows of a node beyond the least: four of the largest windows. */
export const WINDOW_BUDGET_BYTES = 33_554_432;

/**
 * A window grows when this share of it, almost all that one stream may use, was settled
 * within the round trip and this time: the queue of the sender (`PACING_QUEUE_MS`), and
 * some time to handle the messages. Idle windows shrink after `WINDOW_IDLE_MS`.
 */
export const WINDOW_GROWTH_SHARE = 0.4;
export const WINDOW_GROWTH_MS = PACING_QUEUE_MS + 300;
export const WINDOW_IDLE_MS = 1_000;

/** Longest round trip that counts there, so that late answers do not keep a window large. */
export const MAX_WINDOW_RTT_MS = 3_000;

/** Bodies up to this length do not wait for longer ones, which leave them the reserve. */
export const SHORT_BODY_BYTES = 262_144;
export const SHORT_BODY_RESERVE_BYTES = MAX_BODY_BYTES;

/** Credit for bodies that do not fit a window, of a node and of one session. */
export const RECEIVE_BUDGET_BYTES = 16 * MAX_BODY_BYTES +
  SHORT_BODY_RESERVE_BYTES;
export const MAX_CREDIT_PER_SESSION_BYTES = 2 * MAX_BODY_BYTES;

/**
 * What sessions of peers without standing may have of it together, so that the rest is
 * always left to peers with standing. Of the window budget each kind has half.
 */
export const STRANGERS_CREDIT_BYTES = 9 * MAX_BODY_BYTES;

/**
 * While others wait, a session with credit must bring so many bytes in each period:
 * 27 kbit/s, a chunk from a line of 512 kbit/s that nine peers share. A session that has
 * completed no body for the grace period must be as fast as half of such a line.
 */
export const CREDIT_PROGRESS_MS = 6_000;
export const CREDIT_PROGRESS_BYTES = 20_000;
export const CREDIT_GRACE_MS = 60_000;
export const CREDIT_LATE_PROGRESS_BYTES = 200_000;

/**
 * The beginning of a body whose session ended is held for this long, out of the credit
 * for large bodies: bytes of all peers, and of one.
 */
export const HELD_BODY_MS = 60_000;
export const MAX_HELD_BYTES = 4 * MAX_BODY_BYTES;
export const MAX_HELD_BYTES_PER_PEER = MAX_BODY_BYTES;

// --- Sending and acknowledging -----------------------------------------------

/** How long an ack waits for others while messages are being acked. */
export const ACK_DELAY_MS = 1;

/**
 * Most duplicate messages, and acks on a session that is not sent on, in one session: they cost
 * their sender nothing. When one session follows another some are normal, at most half as many.
 */
export const MAX_REPEATED_FRAMES = 8_192;

/**
 * Messages that a sender may have unsettled on a session: its receiver remembers as many
 * ids. The last few are shared, and of these each stream leaves half to the others.
 */
export const MAX_UNSETTLED_MESSAGES = 4_096;
export const SHARED_UNSETTLED_MESSAGES = 128;

/** From this size on a body is freed as soon as its handler is done; others cost little to collect. */
export const MIN_FREED_BODY_BYTES = 4_096;

/** Topics of a peer that are kept while they have no messages. */
export const MAX_IDLE_STREAMS = 16;

// --- Outbox ------------------------------------------------------------------

/** Unacknowledged messages of a node, and to one peer; all can be set. */
export const MAX_OUTBOX_MESSAGES = 100_000;
export const MAX_OUTBOX_BYTES = 64 * 1_048_576;
export const MAX_OUTBOX_MESSAGES_PER_PEER = 10_000;
export const MAX_OUTBOX_BYTES_PER_PEER = 16 * 1_048_576;

/** Share of these for absent peers, so that connected ones have a quarter without eviction. */
export const ABSENT_SHARE = 0.75;

/**
 * Share for peers without standing, absent or connected: a peer that acknowledges
 * nothing costs as much when it stays. Half, so that one alone reaches its own bound.
 */
export const STRANGERS_SHARE = 0.5;

/** Age at which a message expires, and the longest that can be set. */
export const OUTBOX_AGE_MS = 7 * 86_400_000;
export const MAX_OUTBOX_AGE_MS = 30 * 86_400_000;

/** Period of the search for messages to peers that do not come back, milliseconds. */
export const OUTBOX_SWEEP_MS = 5_000;

/** Messages to a lost peer whose key lives in memory only are given up within a minute. */
export const IN_MEMORY_PEER_KEPT_MS = 60_000 - OUTBOX_SWEEP_MS;

/**
 * How long a broadcast waits for connected receivers. Once all with standing have it, or
 * if there are none any other, the rest get as long again, at least `BROADCAST_REST_MS`:
 * a stranger that acknowledges nothing must not make each broadcast slow.
 */
export const BROADCAST_WAIT_MS = 5_000;
export const BROADCAST_REST_MS = 1_000;

// --- Senders -----------------------------------------------------------------

/**
 * Ids of acked messages of one sender: as many as can be unsettled on a session, since
 * only those come again. 112 KiB for a sender that has sent so many.
 */
export const SEEN_IDS_PER_SENDER = MAX_UNSETTLED_MESSAGES;

/** Ids that may be kept beyond that, so that surplus ones are dropped together. */
export const SEEN_IDS_SLACK = SEEN_IDS_PER_SENDER / 4;

/** Senders that are remembered, in memory and on disk: more than can be connected. */
export const MAX_SEEN_SENDERS = MAX_SESSIONS + 64;

/** Ids are remembered for longer than any sender keeps a message. */
export const SEEN_AGE_MS = MAX_OUTBOX_AGE_MS + 86_400_000;

/** Period of the search for expired ids, which reads an index. */
export const SEEN_EXPIRY_PERIOD_MS = 3_600_000;

// --- Delivery to consumers ---------------------------------------------------

/** Deliveries of a message, unless set, before it becomes a dead letter. */
export const MAX_DELIVERIES = 5;

/** Nacked messages whose deliveries are counted; others start anew. */
export const MAX_DELIVERY_COUNTS = 4_096;

/** A nacked message is delivered again after this time, doubled each time. */
export const REDELIVERY_MIN_MS = 500;
export const REDELIVERY_MAX_MS = 30_000;

/** Dead letters that are kept. */
export const MAX_DEAD_LETTERS = 1_000;
export const MAX_DEAD_LETTER_BYTES = 4 * MAX_BODY_BYTES;

// --- Kept topics -------------------------------------------------------------

/** Topics that are kept. */
export const MAX_KEPT_TOPICS = 64;

/** Their messages, which wait in the store, and the bodies of these: as many as the outbox has, twice the bytes. */
export const MAX_KEPT_MESSAGES = MAX_OUTBOX_MESSAGES;
export const MAX_KEPT_BYTES = 2 * MAX_OUTBOX_BYTES;

/** Messages of one sender and topic that are committed together. */
export const MAX_KEPT_BATCH = 256;

/** Messages of one topic that consumers have at once; their bodies are not in memory. */
export const MAX_LEASED_MESSAGES = 10_000;

/** How long a consumer has a message, unless set: half a minute, as with SQS and NATS JetStream. */
export const LEASE_MS = 30_000;
export const MIN_LEASE_MS = 100;
export const MAX_LEASE_MS = 12 * 3_600_000;

/** Period after which the standing of senders of kept messages is looked up again. */
export const KEPT_REFRESH_MS = 5_000;

/**
 * While messages of peers with and of peers without standing wait, one of the latter is
 * delivered after so many of the former.
 */
export const STANDING_TURNS = 7;

/** Empty lists of topics that are kept because they are often used again. */
export const MAX_EMPTY_LISTS = 64;
