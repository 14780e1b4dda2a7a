/** How long to wait before dialing again: a pure function. */
import {
  MAX_FAILURES_AT_THE_DOOR,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from "../../limits.ts";

/**
 * Exponential backoff with full jitter: uniform in [0, base × 2^(failures-1)),
 * capped. Full jitter spreads a crowd that lost the same peer best
 * (M. Brooker, "Exponential Backoff And Jitter").
 *
 * @param failures Attempts in a row that failed; 0 means dial at once.
 * @param chance A random number in [0, 1).
 * @returns Milliseconds.
 */
export function backoffDelayMs(failures: number, chance: number): number {
  if (failures <= 0) return 0;
  const ceiling = Math.min(
    RECONNECT_MAX_MS,
    RECONNECT_MIN_MS * 2 ** Math.min(failures - 1, 30),
  );
  return chance * ceiling;
}

/** Who waits for a person to let it in should not miss it by a minute. */
export function unadmittedDelayMs(waiting: { failures: number }): void {
  waiting.failures = Math.min(waiting.failures, MAX_FAILURES_AT_THE_DOOR);
}
