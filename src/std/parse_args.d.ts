// Types of what is used of `@std/cli/parse-args`; the npm build ships none.

/** How flags are told apart; every flag that may come is named in it. */
export interface ParseOptions {
  /** Flags that take no value. */
  boolean?: readonly string[];
  /** Flags whose value stays text; `_` keeps positional arguments text. */
  string?: readonly string[];
  /** Flags gathered in an array each time they are given. */
  collect?: readonly string[];
  /** Flags that `--no-…` turns off. */
  negatable?: readonly string[];
}
/** Splits arguments into flags by name and, under `_`, the rest. */
export declare function parseArgs(
  args: string[],
  options: ParseOptions,
): { [name: string]: unknown; _: (string | number)[] };
