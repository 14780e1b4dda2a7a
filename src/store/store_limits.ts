/** Bounds of the time until a database is written, with the reason of each. */

/** What is written is committed after this long if no caller waits for it: peers lose no more in a crash. */
export const COMMIT_IDLE_MS = 100;

/**
 * If a caller waits, others may join for as long as the last flush took, so that
 * at most half of the time goes to flushing, but on a slow disk no longer than this.
 */
export const MAX_COMMIT_WAIT_MS = 50;

/** What the write-ahead log keeps of the disk after a large group of writes. */
export const MAX_IDLE_LOG_BYTES = 16 * 1_048_576;

/** A copy of protecting settings that is larger is damaged; one with a welcome has about 1 kB. */
export const MAX_PROTECTION_FILE_BYTES = 65_536;
