/** What a line of the benchmark is, and how both contestants take turns. */
import type { Kind, OpeningSizes } from "../contestant.ts";
import type { Row } from "../report.ts";

/** Settings of a run. */
export interface Settings {
  /** Rounds a figure; each runs both contestants, one after the other. */
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

/** What both contestants measured, round by round. */
export interface Rounds<Result> {
  readonly verack: Result[];
  readonly bare: Result[];
}

/**
 * Runs both, by turns and taking turns in going first, so that what else happens
 * on the machine hits both alike. A first round of each is not counted.
 *
 * @param options `warmUp`: false where every round has processes of its own.
 */
export async function alternate<Result>(
  rounds: number,
  measure: (kind: Kind) => Promise<Result>,
  options: { warmUp?: boolean } = {},
): Promise<Rounds<Result>> {
  const results: Rounds<Result> = { verack: [], bare: [] };
  const first = options.warmUp === false ? 1 : 0;
  for (let round = first; round <= rounds; round++) {
    const order: Kind[] = round % 2 === 0
      ? ["bare", "verack"]
      : ["verack", "bare"];
    for (const kind of order) {
      const result = await measure(kind);
      if (round > 0) results[kind].push(result);
    }
  }
  return results;
}
