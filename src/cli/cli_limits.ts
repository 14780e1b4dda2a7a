/** Bounds of what the command line prints, of `run --exec` and of chats, with the reason of each. */

/** Bytes that wait for a reader of standard output, and of standard error; a longer line waits alone. */
export const MAX_OUTPUT_BYTES = 1_048_576;

/** Bytes of one write to either: the size of a pipe of Linux. */
export const OUTPUT_WRITE_BYTES = 65_536;

/** A node that has left waits this long for a reader of its last lines. */
export const OUTPUT_FLUSH_MS = 1_000;

// --- Lines that peers cause ---------------------------------------------------

/** A budget of lines: the burst, and the period of one more. */
export interface LineRate {
  readonly burst: number;
  readonly refillMs: number;
}

/**
 * Of a peer without standing. The rate is that of pings by default, one in 5 s, so
 * that nothing is left out of an ordinary mesh.
 */
export const STRANGER_LINES: LineRate = { burst: 20, refillMs: 5_000 };

/** Of all peers without standing together: 50 of them at that rate. */
export const ALL_STRANGERS_LINES: LineRate = { burst: 1_000, refillMs: 100 };

/**
 * Of a peer with standing: only a faulty program exceeds it. A peer gets standing by being up
 * for long, so that the rate must be acceptable from every session.
 */
export const KNOWN_PEER_LINES: LineRate = { burst: 1_000, refillMs: 1_000 };

/** Of one host at a responder, which is run to watch what hosts do; of all together. */
export const HOST_LINES: LineRate = { burst: 1_000, refillMs: 100 };
export const ALL_HOSTS_LINES: LineRate = { burst: 4_000, refillMs: 25 };

/** The size of the mesh; what comes faster is printed when the last one is due. */
export const MESH_LINES: LineRate = { burst: 200, refillMs: 1_000 };

/** Counters of lines, one a peer, without standing and with it; the least recent is dropped. */
export const MAX_COUNTED_STRANGERS = 1_024;
export const MAX_COUNTED_PEERS = 4_096;

/** Least time between two reports of lines left out. */
export const LEFT_OUT_TOLD_MS = 10_000;

/** How often a command that shows events of a node requests which peers have standing. */
export const KNOWN_PEERS_ASKED_MS = 10_000;

// --- Programs (`run --exec`) -----------------------------------------------------

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

/** Time without a change of its size after which a mesh counts as joined. */
export const CHAT_SETTLE_MS = 300;

/** Lines of a pipe that are unacknowledged at once: a round trip at some 10,000 lines a second. */
export const MAX_CHAT_LINES_IN_FLIGHT = 256;

/** How long a chat waits, before it leaves, for its last lines to be acknowledged. */
export const CHAT_FAREWELL_MS = 1_000;

/** Name conflicts that a chat remembers; a megabyte or two. */
export const MAX_NAME_CLAIMS = 10_000;

/** Messages of a kept topic that a command asks for, or acks, at once. */
export const RECEIVE_BATCH = 100;

/** How often `health --wait` tries. */
export const HEALTH_POLL_MS = 200;

/** A program that opens a browser and has not failed by then is taken to have opened it. */
export const OPENER_WAIT_MS = 2_000;
