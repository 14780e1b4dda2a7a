/** Bounds of file transfers, with the reason of each. */
import type { BackoffLimits } from "../../core/backoff.ts";

/** Files and empty folders of one transfer; the sending end lists them in memory. */
export const MAX_TRANSFER_FILES = 100_000;

/** Longest relative path, bytes of UTF-8: what file systems take, with the folder in front. */
export const MAX_PATH_BYTES = 1_024;

/** The same with a number in it, as it is reported back. */
export const MAX_SAVED_PATH_BYTES = MAX_PATH_BYTES + 6;

/** Longest part of a path, bytes of UTF-8: `NAME_MAX` less " (999)". */
export const MAX_PATH_PART_BYTES = 249;

/** Folders in one another; each is looked at before a file is put there. */
export const MAX_PATH_PARTS = 64;

/** Paths that an offer shows, so that it fits a screen. */
export const MAX_OFFERED_PATHS = 8;

/** Text of an error, bytes of UTF-8. */
export const MAX_FILE_TEXT_BYTES = 256;

/** Payload of a message but data: an offer with its paths is the longest. */
export const MAX_FILE_MESSAGE_BYTES = 9_216;

/**
 * Bytes of a file in one message, and what is read and written at once: beyond this reads,
 * writes and hashes get no faster. Two such buffers are in use at either end of a transfer.
 */
export const FILE_CHUNK_BYTES = 262_144;

/**
 * Files whose result has not come, in one transfer: many small files take few round trips. The
 * receiving end remembers so many results, which may have been lost with a session.
 */
export const FILE_WINDOW = 256;

/** Files up to this size are in memory until they are complete, and written at once. */
export const SMALL_FILE_BYTES = 65_536;

/** Small files that are read at once before they are sent: 1 MiB at most. */
export const MAX_FILES_READ_AHEAD = 16;

/** Announced files of one transfer that are looked for on disk at once. */
export const MAX_FILES_LOOKED_FOR = 16;

/** Received files that are synced and put in place at once, as disks sync several together. */
export const MAX_FILES_FINISHING = 16;

/**
 * Transfers that one node receives at once, shared among peers as the streams of every protocol
 * are (`src/streams/stream_handlers.ts`); each takes up to 2.6 MiB.
 */
export const MAX_TRANSFERS = 32;

/** Transfers whose offer was accepted and that may come again after a loss. */
export const MAX_KNOWN_TRANSFERS = 256;

/** A transfer in which the peer sends nothing for this time is given up; it may come again. */
export const TRANSFER_IDLE_MS = 120_000;

/** Bytes a second that a peer is given to hash what it is to resume or to compare: a slow disk. */
export const MIN_HASH_BYTES_PER_S = 4_000_000;

/** How often silence is looked for. */
export const TRANSFER_SWEEP_MS = 10_000;

/** Parts of files that are kept to be resumed, in all; beyond it the oldest go first. */
export const MAX_PARTS = 1_024;

/** Of those, of one peer. */
export const MAX_PARTS_PER_PEER = 64;

/** Parts to which nothing was added for this time are removed. */
export const PART_AGE_MS = 7 * 86_400_000;

/**
 * How long to wait for a part that another transfer of the same file has: the session of that
 * one may be lost, which takes a moment to show.
 */
export const PART_WAIT_MS = 5_000;

/** Time between two removals of old parts. */
export const PRUNE_MS = 60_000;

/** Numbers that are tried for a file whose name is taken. */
export const MAX_NAME_NUMBER = 999;

/** Coarsest time of a file system (FAT): two seconds. */
export const FILE_TIME_SLACK_MS = 2_000;

/** Time between two `progress` events of a transfer. */
export const PROGRESS_MS = 100;

/** Events that wait to be taken; beyond it the transfers wait. */
export const MAX_WAITING_PROGRESS = 256;

/** Delays before a transfer is tried again, unless the peer comes back sooner. */
export const RETRY_DELAY: BackoffLimits = { minMs: 250, maxMs: 5_000 };

/** Attempts in a row in which the peer failed and nothing was received; then it is given up. */
export const MAX_FAILED_ATTEMPTS = 5;
