/**
 * What is printed: one figure a row with all it is compared with, as a table or as
 * lines of JSON, which can be read again.
 *
 * Aims are judged by the best round of either side: what else runs on a shared
 * machine can only make a round worse.
 */
import type { Better } from "./lines/line.ts";
import { median, medianRatio } from "./stats.ts";

/** One figure of verack. */
export interface Row {
  /** Name of a line: `session`, `mesh`, … */
  readonly line: string;
  /** What was measured. */
  readonly figure: string;
  readonly unit: string;
  readonly better: Better;
  /** Of verack, one value a round. */
  readonly rounds: readonly number[];
  /** Bound of the value in the best round. */
  readonly aim?: number;
  readonly comparisons: readonly Comparison[];
}

/** The same figure of another contender. */
export interface Comparison {
  /** Its name: `bare`, `bcoin`, … */
  readonly with: string;
  /** What it did. */
  readonly doing: string;
  /** In the same rounds as verack's. */
  readonly rounds: readonly number[];
  /** Bound of verack's value in multiples of this one, best rounds of both. */
  readonly aim?: number;
}

/** Rounds in short. */
export interface Summary {
  readonly best: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** verack's value in multiples of another's. */
export interface Ratio {
  /** Best round to best round. */
  readonly best: number;
  /** Median of the ratios in each round. */
  readonly median: number;
}

/** How many aims rows have, and how many of them they miss. */
export interface Tally {
  readonly aims: number;
  readonly missed: number;
}

/** The best, the middle and both ends of some rounds. */
export function summarize(rounds: readonly number[], better: Better): Summary {
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)];
  return {
    best: better === "lower" ? least : most,
    median: median(rounds),
    least,
    most,
  };
}

/** How verack compares in a row. */
export function ratioOf(row: Row, other: Comparison): Ratio {
  const best = (rounds: readonly number[]) =>
    summarize(rounds, row.better).best;
  return {
    best: best(row.rounds) / best(other.rounds),
    median: medianRatio(row.rounds, other.rounds),
  };
}

/** Whether a value reaches its aim; true when there is none. */
export function isReached(
  value: number,
  aim: number | undefined,
  better: Better,
): boolean {
  if (aim === undefined) return true;
  return better === "lower" ? value <= aim : value >= aim;
}

/** Whether a row's own value reaches its aim. */
export function reachesAim(row: Row): boolean {
  const { best } = summarize(row.rounds, row.better);
  return isReached(best, row.aim, row.better);
}

/** Whether a row's value reaches the aim of a comparison. */
export function reachesRatio(row: Row, other: Comparison): boolean {
  return isReached(ratioOf(row, other).best, other.aim, row.better);
}

/** How many rounds there were: `1 round`, `4 interleaved rounds`, `1 to 2 rounds`. */
export function roundsText(
  { rounds, mostRounds = rounds }: {
    readonly rounds: number;
    readonly mostRounds?: number;
  },
  kind = "",
): string {
  const number = rounds === mostRounds ? rounds : `${rounds} to ${mostRounds}`;
  return `${number} ${kind}${mostRounds === 1 ? "round" : "rounds"}`;
}

/** Counts the aims of some rows. */
export function tally(rows: readonly Row[]): Tally {
  const reached = rows.flatMap((row) => [
    ...row.aim === undefined ? [] : [reachesAim(row)],
    ...row.comparisons
      .filter(({ aim }) => aim !== undefined)
      .map((it) => reachesRatio(row, it)),
  ]);
  const missed = reached.filter((it) => !it);
  return { aims: reached.length, missed: missed.length };
}

/**
 * A row as a line of JSON: `verack` and `value` are medians, `best` and `bestRatio`
 * are of the best rounds, by which `reached` is judged.
 */
export function json(row: Row): string {
  const { rounds, aim, comparisons, ...rest } = row;
  const { median: verack, ...spread } = summarize(rounds, row.better);
  return JSON.stringify({
    type: "row",
    ...rest,
    verack,
    ...spread,
    rounds,
    aim,
    reached: reachesAim(row),
    comparisons: comparisons.map((it) => {
      const { median: value, ...spread } = summarize(it.rounds, row.better);
      const ratio = ratioOf(row, it);
      return {
        with: it.with,
        doing: it.doing,
        value,
        ...spread,
        rounds: it.rounds,
        ratio: ratio.median,
        bestRatio: ratio.best,
        aim: it.aim,
        reached: reachesRatio(row, it),
      };
    }),
  });
}

const HEAD = [
  "line",
  "figure",
  "best",
  "median [min..max]",
  "aim",
  "",
  "beside",
  "best",
  "median [min..max]",
  "ratio of best",
  "aim",
  "",
  "median ratio",
  "which does",
];
/** Columns of numbers. */
const RIGHT = new Set([2, 3, 7, 8, 9, 12]);

/** The rows under a head, columns aligned; comparisons below each other. */
export function table(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.flatMap(rowCells)];
  const widths = HEAD.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0))
  );
  return cells.map((row) =>
    row.map((cell, column) =>
      RIGHT.has(column)
        ? cell.padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

/** One line a comparison; the figure stands in the first. */
function rowCells(row: Row): string[][] {
  const { unit, aim, better } = row;
  const verdict = (reached: boolean, aim: number | undefined) =>
    aim === undefined ? "" : reached ? "ok" : "MISSED";
  const figure = [
    row.line,
    row.figure,
    ...spreadCells(row.rounds, row),
    bound(aim, better, unit),
    verdict(reachesAim(row), aim),
  ];
  if (row.comparisons.length === 0) return [figure];
  return row.comparisons.map((it, i) => {
    const ratio = ratioOf(row, it);
    return [
      ...(i === 0 ? figure : figure.map(() => "")),
      it.with,
      ...spreadCells(it.rounds, row),
      times(ratio.best),
      bound(it.aim, better, "×"),
      verdict(reachesRatio(row, it), it.aim),
      times(ratio.median),
      it.doing,
    ];
  });
}

function spreadCells(
  rounds: readonly number[],
  { better, unit }: Pick<Row, "better" | "unit">,
): [string, string] {
  const { best, median, least, most } = summarize(rounds, better);
  const [middle, from, to] = [median, least, most].map(digits);
  return [quantity(best, unit), `${middle} [${from}..${to}]`];
}

/** An aim in words; nothing when there is none. */
export function bound(
  aim: number | undefined,
  better: Better,
  unit: string,
): string {
  if (aim === undefined) return "";
  return `${better === "lower" ? "≤" : "≥"} ${
    aim.toLocaleString("en")
  } ${unit}`;
}

/** A ratio, as all tables have it. */
export function times(ratio: number): string {
  return `${ratio.toFixed(ratio >= 9.95 ? 0 : ratio >= 0.095 ? 2 : 3)} ×`;
}

/** A value with its unit, or "never". */
export function quantity(value: number, unit: string): string {
  return Number.isFinite(value) ? `${digits(value)} ${unit}` : digits(value);
}

/** Three digits are all that a shared machine can vouch for. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "never";
  const places = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  if (Number.isInteger(value) && Math.abs(value) < 1_000) return `${value}`;
  return Number(value.toPrecision(3)).toLocaleString("en-US", {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
}
