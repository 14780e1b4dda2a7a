/** Bounds of text that is shown or logged, and of pooled memory, with the reason of each. */

/** Text from others as shown, UTF-16 units after escaping, so that it fits a line. */
export const MAX_SHOWN_TEXT_CHARS = 256;

/** Message of a log line, which may contain several such texts; then it is cut. */
export const MAX_LOG_MESSAGE_CHARS = 1_024;

/** Fields in a log line; ours have at most eight. */
export const MAX_LOG_FIELDS = 16;

/** A name after escaping; then it is cut. */
export const MAX_SHOWN_NAME_CHARS = 64;

/** Members of one name that a message lists; a flood of them must not flood a terminal. */
export const MAX_LISTED_MEMBERS = 5;

/** Combining marks on one letter; the Tibetan and Hebrew of real texts need four. */
export const MAX_COMBINING_MARKS = 4;

/**
 * Short messages that came share blocks of this size. At worst each waiting one keeps a whole
 * block alive, which is eight times the credit that it uses.
 */
export const POOL_BLOCK_BYTES = 4_096;

/** Longest pooled message; three of a kilobyte share a block. */
export const MAX_POOLED_BYTES = 1_280;

/** Such blocks that are kept to be used again by all sessions of the process: 256 KiB. */
export const MAX_SPARE_POOL_BLOCKS = 64;
