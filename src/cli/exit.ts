/** How the program ends: what its exit codes mean. Who ends it is `cli/main.ts`. */

/** Exit codes by reason. */
export const EXIT = {
  /** All that was asked for happened. */
  success: 0,
  /** It was tried and failed. */
  failure: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** SIGHUP, after a graceful leave: 128 + 1. */
  hungUp: 129,
  /** SIGINT, after a graceful leave: 128 + 2. */
  interrupted: 130,
  /**
   * Whoever read stdout went away: 128 + SIGPIPE, which is what a shell shows for
   * every other program in that place. Not 0, since nobody saw the result.
   */
  brokenPipe: 141,
  /** SIGTERM, after a graceful leave: 128 + 15. */
  terminated: 143,
} as const;

/** One of the exit codes. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** What help says of them. */
export const EXIT_HELP: readonly (readonly [codes: string, help: string])[] = [
  ["0", "success"],
  ["1", "failure"],
  ["2", "unknown flag or bad value"],
  ["129, 130, 143", "left after SIGHUP, SIGINT, SIGTERM"],
];
