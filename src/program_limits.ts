/**
 * Every bound of programs that receive messages (`run --exec`) and of chats, with its reason; a
 * part of `limits.ts`, from which they are imported and which names the other parts.
 */

/** Programs that run at the same time by default: enough for a few cores. */
export const EXEC_JOBS = 4;

/** The most that can be set: each is a process with three pipes. */
export const MAX_EXEC_JOBS = 256;

/** Default time after which a program gets SIGTERM. */
export const EXEC_TIMEOUT_MS = 60_000;

/** A program that got SIGTERM is killed after this. */
export const EXEC_KILL_AFTER_MS = 2_000;

/**
 * Programs that run may finish within this when the node leaves, and are killed this long after
 * SIGTERM: container runtimes kill the node itself after 10 s, and some supervisors after 5.
 */
export const EXEC_LEAVE_MS = 2_000;
export const EXEC_KILL_AFTER_LEAVING_MS = 1_000;

/** Delay before a process that the system could not start is tried again. */
export const EXEC_RETRY_MS = 1_000;

/**
 * Output is read for this long after a program's end: its child processes may keep the pipes
 * open.
 */
export const EXEC_OUTPUT_AFTER_END_MS = 500;

/** Lines shown of each stream of a run, and characters of each line. */
export const MAX_EXEC_OUTPUT_LINES = 100;
export const MAX_EXEC_OUTPUT_LINE_CHARS = 1_000;

// --- Chat -----------------------------------------------------------------------

/** Default time for a chat from a pipe to join, and to be acknowledged at the end. */
export const CHAT_TIMEOUT_MS = 10_000;

/** A mesh whose size has not changed for this time counts as joined. */
export const CHAT_SETTLE_MS = 300;

/** Lines of a pipe that are unacknowledged at once: a round trip at some 10,000 lines a second. */
export const MAX_CHAT_LINES_IN_FLIGHT = 256;

/** How long a chat waits, before it leaves, for its last lines to be acknowledged. */
export const CHAT_FAREWELL_MS = 1_000;

/** Name conflicts that a chat remembers; a megabyte or two. */
export const MAX_NAME_CLAIMS = 10_000;
