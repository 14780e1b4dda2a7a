// Types of what is used of `@std/text/levenshtein-distance`; the npm build ships none.

/** How many characters must be added, dropped or replaced. */
export declare function levenshteinDistance(a: string, b: string): number;
