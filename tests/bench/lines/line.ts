/** What a line of the benchmark is, and how contestants take turns. */
import type { OpeningSizes, Setup } from "../contestant.ts";
import { Remote } from "../remote.ts";
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

/** A contestant as a line runs it. */
export type Entrant = Pick<Setup, "kind" | "acknowledged">;

/** A process of a contestant. */
export function remoteOf(
  file: string,
  entrant: Entrant,
  { opening }: Pick<Settings, "opening">,
): Remote {
  const setup: Setup = { ...entrant, opening };
  return new Remote(file, [JSON.stringify(setup)], {
    name: `${file} of ${entrant.kind}` +
      (entrant.acknowledged ? ", acknowledged," : ""),
  });
}

/** What was measured, by contestant, round by round. */
export type Rounds<Name extends string, Result> = Record<Name, Result[]>;

/** The two that nearly every line compares. */
export const VERACK_AND_BARE = ["verack", "bare"] as const;

/** One of them. */
export type VerackOrBare = typeof VERACK_AND_BARE[number];

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
  { warmUp = true } = {},
): Promise<Rounds<Name, Result>> {
  const results = new Map(contestants.map((name) => [name, [] as Result[]]));
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    const turn = round % contestants.length;
    const order = [...contestants.slice(turn), ...contestants.slice(0, turn)];
    for (const name of order) {
      const result = await measure(name);
      if (round > 0) results.get(name)!.push(result);
    }
  }
  return Object.fromEntries(results) as Rounds<Name, Result>;
}
