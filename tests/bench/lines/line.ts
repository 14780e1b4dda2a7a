/** What a line of the benchmark is, and how contestants take turns. */
import type { OpeningSizes } from "../contestant.ts";
import type { Row } from "../report.ts";

/** Settings of a run. */
export interface Settings {
  /** Rounds a figure; each runs all contestants, one after the other. */
  readonly rounds: number;
  readonly opening: OpeningSizes;
}

/** One line: a few figures that are measured together. */
export interface Line {
  readonly name: string;
  readonly description: string;
  /** Calls `report` with each figure as it is known. */
  run(settings: Settings, report: (row: Row) => void): Promise<void>;
}

/** What was measured, by contestant, round by round. */
export type Rounds<Name extends string, Result> = Record<Name, Result[]>;

/** The two that nearly every line compares. */
export const VERACK_AND_BARE = ["verack", "bare"] as const;

/**
 * Runs all, by turns and taking turns in going first, so that what else happens
 * on the machine hits all alike. A first round of each is not counted.
 *
 * @param options `warmUp`: false where every round has processes of its own.
 */
export async function alternate<Name extends string, Result>(
  contestants: readonly Name[],
  rounds: number,
  measure: (name: Name) => Promise<Result>,
  options: { warmUp?: boolean } = {},
): Promise<Rounds<Name, Result>> {
  const results = Object.fromEntries(
    contestants.map((name) => [name, [] as Result[]]),
  ) as Rounds<Name, Result>;
  const first = options.warmUp === false ? 1 : 0;
  for (let round = first; round <= rounds; round++) {
    const turn = round % contestants.length;
    for (
      const name of [...contestants.slice(turn), ...contestants.slice(0, turn)]
    ) {
      const result = await measure(name);
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}
