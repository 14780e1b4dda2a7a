/** The exit codes of the program. */

/** Exit codes by reason. */
export const EXIT = {
  /** Success. */
  success: 0,
  /** Failure. */
  failure: 1,
  /** Misuse of the command line. */
  usage: 2,
  /** SIGHUP, after a graceful leave: 128 + 1. */
  hungUp: 129,
  /** SIGINT, after a graceful leave: 128 + 2. */
  interrupted: 130,
  /**
   * The reader of stdout is gone: 128 + SIGPIPE, which is what a shell shows for other programs
   * then. Not 0, since the result was not read.
   */
  brokenPipe: 141,
  /** SIGTERM, after a graceful leave: 128 + 15. */
  terminated: 143,
} as const;

/** One of the exit codes. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** The section of help about them. */
export const EXIT_HELP: readonly (readonly [codes: string, help: string])[] = [
  ["0", "success"],
  ["1", "failure"],
  ["2", "unknown flag or bad value"],
  ["129, 130, 143", "left after SIGHUP, SIGINT, SIGTERM"],
];
