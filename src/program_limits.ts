/**
 * Every bound of programs that take messages (`run --exec`), with its reason; a part
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

/** Programs that run may go on for so long when the node leaves. */
export const EXEC_LEAVE_MS = 10_000;

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
