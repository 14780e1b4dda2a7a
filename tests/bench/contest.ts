/**
 * How a line is run: round by round, in each of which every contender has its turn
 * in fresh processes, so that what else happens on the machine hits all alike.
 */
import {
  type Contender,
  type Line,
  type Settings,
  type Values,
  VERACK,
} from "./lines/line.ts";
import type { Row } from "./report.ts";

/** What contenders measured, by their name, round by round. */
export type Results = ReadonlyMap<string, readonly Values[]>;

/** Rounds that a line takes when so many are asked for. */
export function roundsOf(line: Line, rounds: number): number {
  return Math.min(rounds, line.maxRounds ?? rounds);
}

/** Runs a line and gives its rows. */
export async function contest(
  line: Line,
  settings: Settings,
  rounds: number,
): Promise<Row[]> {
  const contenders = await line.contenders(settings);
  const results = await alternate(
    contenders,
    roundsOf(line, rounds),
    settings.note,
  );
  return rowsOf(line, contenders, results);
}

/**
 * Has contenders measure by turns, each of them first in some rounds. One that is
 * optional and fails has no results.
 *
 * @throws {Error} when one fails that is needed.
 */
export async function alternate(
  contenders: readonly Contender[],
  rounds: number,
  note: (text: string) => void,
): Promise<Results> {
  const left = [...contenders];
  const results = new Map(contenders.map(({ name }) => [name, [] as Values[]]));
  for (let round = 0; round < rounds; round++) {
    const turn = round % left.length;
    for (const it of [...left.slice(turn), ...left.slice(0, turn)]) {
      try {
        results.get(it.name)!.push(await it.measure());
      } catch (error) {
        if (!it.optional) throw error;
        note(`${it.name} is left out: ${(error as Error).message}`);
        left.splice(left.indexOf(it), 1);
        results.delete(it.name);
      }
    }
  }
  return results;
}

/** One row a figure that verack has values of. */
export function rowsOf(
  line: Pick<Line, "name" | "figures">,
  contenders: readonly Contender[],
  results: Results,
): Row[] {
  const others = contenders.filter(({ name }) => name !== VERACK);
  return line.figures.flatMap(({ name: figure, unit, better, aim, ratios }) => {
    const rounds = valuesOf(results.get(VERACK), figure);
    if (rounds.length === 0) return [];
    const comparisons = others.flatMap(({ name, doing }) => {
      const theirs = valuesOf(results.get(name), figure);
      if (theirs.length === 0) return [];
      const ratioAim = ratios?.[name];
      return [{
        with: name,
        doing,
        rounds: theirs,
        ...(ratioAim !== undefined && { aim: ratioAim }),
      }];
    });
    return [{
      line: line.name,
      figure,
      unit,
      better,
      rounds,
      ...(aim !== undefined && { aim }),
      comparisons,
    }];
  });
}

function valuesOf(rounds: readonly Values[] = [], figure: string): number[] {
  return rounds.flatMap((values) => values[figure] ?? []);
}
