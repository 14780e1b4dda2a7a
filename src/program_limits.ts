/**
 * Every bound of programs that take messages (`run --exec`) and of chats, with its reason; a part
 * of `limits.ts`, from which they are imported and which names the other parts.
 */

/** Programs that run at the same time, unless told: a few cores' worth. */
export const EXEC_JOBS = 4;

/** The most that can be asked for: each is a process with three pipes. */
export const MAX_EXEC_JOBS = 256;

/** A program is told to end after this, unless told otherwise. */
export const EXEC_TIMEOUT_MS = 60_000;

/** A program that was told to end is killed after this. */
export const EXEC_KILL_AFTER_MS = 2_000;

/**
 * Programs that run may finish within this when the node leaves, and are killed so
 * long after they were told to end: container runtimes kill the node itself after
 * 10 s, and some supervisors after 5.
 */
export const EXEC_LEAVE_MS = 2_000;
export const EXEC_KILL_AFTER_LEAVING_MS = 1_000;

/** A process that the system has no room for is tried again after this. */
export const EXEC_RETRY_MS = 1_000;

/**
 * Output is read for so long after a program's end: what it has started may live on
 * and keep the pipes open.
 */
export const EXEC_OUTPUT_AFTER_END_MS = 500;

/** Of each stream of a run so many lines are shown, and of each line so much. */
export const MAX_EXEC_OUTPUT_LINES = 100;
export const MAX_EXEC_OUTPUT_LINE_CHARS = 1_000;

// --- Chat -----------------------------------------------------------------------

/** A chat from a pipe joins within this, and is heard within this at the end, unless told. */
export const CHAT_TIMEOUT_MS = 10_000;

/** A mesh whose size has not changed for so long counts as joined. */
export const CHAT_SETTLE_MS = 300;

/** Lines of a pipe that are being said at once: a round trip at some 10,000 lines a second. */
export const MAX_CHAT_LINES_IN_FLIGHT = 256;

/** What was said last may be heard for so long before a chat leaves. */
export const CHAT_FAREWELL_MS = 1_000;

/** Claims of names that a chat remembers; a megabyte or two. */
export const MAX_NAME_CLAIMS = 10_000;
