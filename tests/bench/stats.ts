/** Percentiles, medians and ratios. Pure. */

/**
 * The value below which a share of the samples lies, by nearest rank: an actual
 * sample, never an average of two.
 *
 * @param share From 0 to 1: 0.99 is p99.
 * @throws {RangeError} when there are no samples or the share is no share.
 */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) {
    throw new RangeError("Cannot take percentile: there are no samples");
  }
  if (!(share >= 0 && share <= 1)) {
    throw new RangeError(
      `Cannot take percentile: share is ${share}, must be 0 to 1`,
    );
  }
  const sorted = Float64Array.from(samples).sort();
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1]!;
}

/**
 * The middle sample, or the mean of both middle ones.
 *
 * @throws {RangeError} when there are no samples.
 */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) {
    throw new RangeError("Cannot take median: there are no samples");
  }
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Median of the ratios of rounds that ran side by side, so that a slow moment of
 * the machine, which hits both, counts for neither.
 *
 * @throws {RangeError} when the lists differ in length or are empty.
 */
export function medianRatio(
  ours: readonly number[],
  theirs: readonly number[],
): number {
  if (ours.length !== theirs.length) {
    throw new RangeError(
      `Cannot compare: ${ours.length} rounds against ${theirs.length}, must be as many`,
    );
  }
  return median(ours.map((value, round) => value / theirs[round]!));
}

/** Samples of a slice; short, as a processor changes its state often. */
const SLICE = 100;

/**
 * The median of the quickest quarter of the slices of a long run: a processor that
 * has slept takes twice as long to answer as one that is awake, and changes between
 * the two every few milliseconds by itself.
 */
export function wakefulMedian(times: readonly number[]): number {
  const medians: number[] = [];
  for (let start = 0; start < times.length; start += SLICE) {
    medians.push(median(times.slice(start, start + SLICE)));
  }
  return percentile(medians, 0.25);
}
