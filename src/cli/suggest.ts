/** Guesses what somebody meant who mistyped a flag, a command or a value. */

/** Words longer than this are no typing mistakes, and would cost time to compare. */
const MAX_WORD_CHARS = 40;

/**
 * The word of `words` nearest to `word`, or `undefined` when none is near.
 *
 * Near is: the same but for capitals, `_` and `-`; or the only one that begins so;
 * or one typing mistake away for short words and one in three letters for long.
 */
export function suggest(
  word: string,
  words: Iterable<string>,
): string | undefined {
  if (word.length > MAX_WORD_CHARS) return undefined;
  const wanted = fold(word);
  const candidates = [...new Set(words)];
  const same = candidates.find((it) => fold(it) === wanted);
  if (same !== undefined) return same;

  const [longer, ...others] = candidates.filter((it) =>
    wanted.length > 1 && fold(it).startsWith(wanted)
  );
  if (longer !== undefined && others.length === 0) return longer;

  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: { word: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, fold(candidate));
    if (distance <= limit && distance < (best?.distance ?? Infinity)) {
      best = { word: candidate, distance };
    }
  }
  return best?.word;
}

/**
 * How many letters must be added, dropped, replaced or swapped with their neighbour
 * (optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] &&
        a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, at(beforeLast, j - 2) + 1);
      row.push(least);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, "");
}
