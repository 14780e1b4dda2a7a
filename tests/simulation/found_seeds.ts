/**
 * Seeds whose schedules once did not hold, and what they found. A seed means the
 * same schedule only as long as `schedule.ts` draws in the same order; what it
 * found is therefore kept as a test of its own too, where it can be.
 */

/** Newest last. */
export const FOUND_SEEDS: readonly {
  readonly seed: number;
  readonly found: string;
}[] = [];
