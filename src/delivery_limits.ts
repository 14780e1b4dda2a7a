/**
 * The bounds of messages, with their reasons. What they may cost a node in memory:
 * what it sends, `MAX_OUTBOX_BYTES`; what it has received and the application has
 * not taken, `MAX_SESSIONS * MIN_WINDOW_BYTES + WINDOW_BUDGET_BYTES +
 * RECEIVE_BUDGET_BYTES`; the rest of a node's bounds are in `limits.ts`, which names
 * the other parts too.
 */
import {
  MAX_PAYLOAD_BYTES,
  MAX_SESSIONS,
  WRITE_BLOCK_BYTES,
} from "./limits.ts";
import { PACING_QUEUE_MS } from "./pacing_limits.ts";

/** Body of a message: the largest payload of a frame, so that one bound is to be known. */
export const MAX_BODY_BYTES = MAX_PAYLOAD_BYTES;

/** Topic of a message, UTF-8 bytes. */
export const MAX_TOPIC_BYTES = 128;

/**
 * Bytes of a body in one frame. Two frames fill a write block, and a ping waits for
 * a third of a millisecond behind one of them at a gigabit a second.
 */
export const MAX_CHUNK_BYTES = 32_000;

/** And on the slowest links: half a second's worth of 64 kbit/s. */
export const MIN_CHUNK_BYTES = 4_000;

/**
 * What a message counts besides its topic and body while it waits at its receiver:
 * about what the objects that hold a short one take.
 */
export const MESSAGE_OVERHEAD_BYTES = 512;

/**
 * Short messages share arrays of this size. Each of those a session has not taken
 * may keep a whole one, at the very worst: what a session may have waiting counts
 * `MESSAGE_OVERHEAD_BYTES` for each, so that is eight times what it counts.
 */
export const POOL_BLOCK_BYTES = 4_096;

/**
 * Longer messages, and what is sent while so many wait, have arrays of their own.
 * Three of a kilobyte share a slab.
 */
export const MAX_POOLED_BYTES = 1_280;
export const MAX_POOLED_MESSAGES = 4_096;

/**
 * Messages that may wait at the receiver of a session, bytes as above. A session
 * starts with the least, so that a thousand silent ones have promised 64 MiB, and a
 * busy one grows to the most: one stream, which may have half of it, then moves 30
 * kB messages at 56 Mbit/s over a round trip of 600 ms. Processes that share a
 * processor, and wait for each other for 12 ms, move 300 MB/s.
 */
export const MIN_WINDOW_BYTES = 65_536;
export const MAX_WINDOW_BYTES = 8_388_608;

/** A longer body asks for room when the window is full, though its stream has more of it. */
export const MAX_WAITING_BODY_BYTES = MIN_WINDOW_BYTES / 2;

/** What all windows of a node may have beyond the least: four sessions as busy as can be. */
export const WINDOW_BUDGET_BYTES = 33_554_432;

/**
 * A window grows when this share of it, which is almost what one stream may have, was
 * taken within the round trip and this time: what a sender has on the way
 * (`PACING_QUEUE_MS`), and some time to take it. Idle sessions fall back to the least
 * after the longer time.
 */
export const WINDOW_GROWTH_SHARE = 0.4;
export const WINDOW_GROWTH_MS = PACING_QUEUE_MS + 300;
export const WINDOW_IDLE_MS = 1_000;

/** No round trip counts as longer there, whatever a peer that answers late makes of it. */
export const MAX_WINDOW_RTT_MS = 3_000;

/**
 * Bodies too large for their window: all of a node, and those of one session. Bodies
 * up to `SHORT_BODY_BYTES` do not wait for longer ones, which leave them the
 * last of the room.
 */
export const SHORT_BODY_BYTES = 262_144;
export const SHORT_BODY_RESERVE_BYTES = MAX_BODY_BYTES;
export const RECEIVE_BUDGET_BYTES = 16 * MAX_BODY_BYTES +
  SHORT_BODY_RESERVE_BYTES;
export const MAX_CREDIT_PER_SESSION_BYTES = 2 * MAX_BODY_BYTES;

/**
 * What sessions of peers without standing may have of it together. So peers with
 * standing always have the rest, and all that these do not use. Of what windows may
 * have beyond the least each kind has half.
 */
export const STRANGERS_CREDIT_BYTES = 9 * MAX_BODY_BYTES;

/**
 * A sender of messages stops filling a session's queue at this, and goes on when
 * the share below is left of it: so much is in front of a ping, and so much keeps
 * the wire busy.
 */
export const SEND_AHEAD_BYTES = 4 * WRITE_BLOCK_BYTES;
export const SEND_REFILL_SHARE = 0.5;

/** What all senders of a node together put on the way, which with many is less for each. */
export const SEND_AHEAD_TOTAL_BYTES = 1_024 * WRITE_BLOCK_BYTES;

/**
 * A body whose session ended is held for this long for the next one, on which its
 * sender goes on where it was: of all peers and of one, out of the room for large
 * bodies, to which it gives way.
 */
export const HELD_BODY_MS = 60_000;
export const MAX_HELD_BYTES = 4 * MAX_BODY_BYTES;
export const MAX_HELD_BYTES_PER_PEER = MAX_BODY_BYTES;

/** A body that was begun must go on within this, or the session ends. */
export const CHUNK_TIMEOUT_MS = 30_000;

/**
 * While others wait for room, a session whose bodies have some must bring so many
 * bytes in each of these periods: 27 kbit/s, a chunk from a line of 512 kbit/s that
 * nine peers share. One that has finished no body for so long must be as fast as
 * half of such a line.
 */
export const CREDIT_PROGRESS_MS = 6_000;
export const CREDIT_PROGRESS_BYTES = 20_000;
export const CREDIT_GRACE_MS = 60_000;
export const CREDIT_LATE_PROGRESS_BYTES = 200_000;

/**
 * Messages that came before, and acknowledgements on a session that is not sent on,
 * that a session may bring: each time one session follows another some do, half as
 * many at most. They cost their sender nothing, so that more are a flood.
 */
export const MAX_REPEATED_FRAMES = 8_192;

/**
 * How often it is looked what waits for peers that do not come back: those that
 * are off the record, or whose key was lost with their process, milliseconds.
 */
export const OUTBOX_SWEEP_MS = 5_000;

/** What waits for a lost peer whose key lives in memory only is given up within a minute. */
export const IN_MEMORY_PEER_KEPT_MS = 60_000 - OUTBOX_SWEEP_MS;

/** Acknowledgements wait so long for others while more is being taken. */
export const ACK_DELAY_MS = 1;

/** Ranges in one `ack`: all messages that fit a window, if no two neighbours fare alike. */
export const MAX_ACK_RANGES = 2_048;

/** Messages kept until they are acknowledged: of a node, and to one peer; all settable. */
export const MAX_OUTBOX_MESSAGES = 100_000;
export const MAX_OUTBOX_BYTES = 64 * 1_048_576;
export const MAX_OUTBOX_MESSAGES_PER_PEER = 10_000;
export const MAX_OUTBOX_BYTES_PER_PEER = 16 * 1_048_576;

/**
 * What messages to absent peers may have of the two sums of a node: connected ones
 * have a quarter before anything that is kept must be given up for them.
 */
export const ABSENT_SHARE = 0.75;

/**
 * And those to absent peers without standing, which leaves the rest of it to others.
 * Half, so that one alone may have its own bound of either.
 */
export const ABSENT_STRANGERS_SHARE = 0.5;

/** How long a message is kept for a peer that is away, and the longest that can be asked for. */
export const OUTBOX_AGE_MS = 7 * 86_400_000;
export const MAX_OUTBOX_AGE_MS = 30 * 86_400_000;

/**
 * Ids by which a message that comes again is known. No more can be unacknowledged on
 * a session (`MAX_UNSETTLED_MESSAGES`), and only those come again. 112 KiB a sender
 * that has sent so many.
 */
export const SEEN_IDS_PER_SENDER = 4_096;

/** Ids that may be kept beyond that, so that surplus ones are dropped in one go. */
export const SEEN_IDS_SLACK = SEEN_IDS_PER_SENDER / 4;

/**
 * Messages that a sender has begun on a session and that are not settled: what may
 * come again must be known again. One stream may have all but the last few, of which
 * each stream leaves half to the others.
 */
export const MAX_UNSETTLED_MESSAGES = SEEN_IDS_PER_SENDER;
export const SHARED_UNSETTLED_MESSAGES = 128;

/**
 * Senders whose ids are remembered, in memory and on disk; more than can be connected.
 * Of those that are away the ones without standing go first.
 */
export const MAX_SEEN_SENDERS = MAX_SESSIONS + 64;

/** Ids are remembered for longer than any message is kept by its sender. */
export const SEEN_AGE_MS = MAX_OUTBOX_AGE_MS + 86_400_000;

/** A message is offered to the application so often, unless told otherwise; then it is set aside. */
export const MAX_DELIVERIES = 5;

/** Refused messages whose tries are counted; forgotten ones start anew. See `delivery/shares.ts`. */
export const MAX_DELIVERY_COUNTS = 4_096;

/** A refused message is offered again after this, doubled each time. */
export const REDELIVERY_MIN_MS = 500;
export const REDELIVERY_MAX_MS = 30_000;

/** Messages set aside that are kept to be looked at; see `delivery/shares.ts`. */
export const MAX_DEAD_LETTERS = 1_000;
export const MAX_DEAD_LETTER_BYTES = 4 * MAX_BODY_BYTES;

/** How long a broadcast waits for those who are connected. */
export const BROADCAST_WAIT_MS = 5_000;

/**
 * While messages of peers with and of peers without standing wait, one of the latter
 * is handed out after so many of the former.
 */
export const STANDING_TURNS = 7;

/** Topics whose empty lists of waiting messages are kept, which costs less than making them anew. */
export const MAX_EMPTY_LISTS = 64;

/** How often ids that are too old are looked for, which reads an index: they are kept for days. */
export const SEEN_EXPIRY_PERIOD_MS = 3_600_000;

/** Topics of a peer that cost nothing to come back to; busier ones are made anew. */
export const MAX_IDLE_STREAMS = 16;
