// Types of what is used of `@std/text/closest-string`; the npm build ships none.

/** The nearest of some words, regardless of capitals; there must be at least one. */
export declare function closestString(
  givenWord: string,
  possibleWords: readonly string[],
): string;
