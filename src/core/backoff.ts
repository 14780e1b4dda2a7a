/** The one backoff of `src/`: a pure function. */

/** The delay after one failure, and the longest one, in milliseconds. */
export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Exponential backoff: `minMs × 2^(failures-1)`, capped; 0 without a failure.
 *
 * With `chance`, a random number in [0, 1), it has full jitter, which spreads a crowd
 * that lost the same peer best (M. Brooker, "Exponential Backoff And Jitter").
 */
export function backoffMs(
  failures: number,
  { minMs, maxMs }: BackoffLimits,
  chance = 1,
): number {
  if (failures <= 0) return 0;
  // 2^30 exceeds every ratio of limits, and stays finite.
  return chance * Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
}
