/** What is printed: one figure a row with all it is compared with, as a table or as JSON. */
import { median, medianRatio } from "./stats.ts";

/** One figure of verack. */
export interface Row {
  /** Which line of the benchmark: `session`, `mesh`, … */
  readonly line: string;
  /** What was measured. */
  readonly figure: string;
  readonly unit: string;
  readonly verack: number;
  /** Of the figure itself. */
  readonly aim?: Aim;
  readonly comparisons: readonly Comparison[];
}

/** The same figure of somebody else. */
export interface Comparison {
  /** Who: `bare`, `bcoin`, … */
  readonly with: string;
  /** What it did. */
  readonly doing: string;
  readonly value: number;
  /** verack ÷ the other, the median over rounds where rounds were paired. */
  readonly ratio: number;
  /** Of the ratio. */
  readonly aim?: Aim;
}

/** What is aimed at. */
export interface Aim {
  readonly is: "at most" | "at least";
  readonly value: number;
}

/** How many aims rows have, and how many of them they miss. */
export interface Tally {
  readonly aims: number;
  readonly missed: number;
}

/** A comparison of rounds that ran side by side, by their medians. */
export function compareRounds(
  ours: readonly number[],
  theirs: readonly number[],
  who: Pick<Comparison, "with" | "doing" | "aim">,
): Comparison {
  return {
    ...who,
    value: median(theirs),
    ratio: medianRatio(ours, theirs),
  };
}

/** Whether a value reaches its aim; true when there is none. */
export function isReached(value: number, aim: Aim | undefined): boolean {
  if (aim === undefined) return true;
  return aim.is === "at most" ? value <= aim.value : value >= aim.value;
}

/** Counts the aims of some rows. */
export function tally(rows: readonly Row[]): Tally {
  const judged = rows.flatMap((row) => [
    { value: row.verack, aim: row.aim },
    ...row.comparisons.map(({ ratio, aim }) => ({ value: ratio, aim })),
  ]).filter(({ aim }) => aim !== undefined);
  const missed = judged.filter(({ value, aim }) => !isReached(value, aim));
  return { aims: judged.length, missed: missed.length };
}

/** A row as a line of JSON, with what it reaches. */
export function json(row: Row): string {
  return JSON.stringify({
    type: "row",
    ...row,
    reached: isReached(row.verack, row.aim),
    comparisons: row.comparisons.map((it) => ({
      ...it,
      reached: isReached(it.ratio, it.aim),
    })),
  });
}

const HEAD = [
  "line",
  "figure",
  "verack",
  "aim",
  "",
  "compared with",
  "",
  "ratio",
  "aim",
  "",
  "which does",
];
/** Columns of numbers: the figure, the other's, the ratio. */
const RIGHT = new Set([2, 6, 7]);

/** The rows under a head, columns aligned; comparisons below each other. */
export function table(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.flatMap(rowCells)];
  const widths = HEAD.map((_, column) =>
    Math.max(...cells.map((row) => row[column]!.length))
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
  const { unit, aim } = row;
  const figure = [
    row.line,
    row.figure,
    quantity(row.verack, unit),
    aim === undefined ? "" : limit(aim, quantity(aim.value, unit)),
    verdict(row.verack, aim),
  ];
  return row.comparisons.map((it, i) => [
    ...(i === 0 ? figure : figure.map(() => "")),
    it.with,
    quantity(it.value, unit),
    `${it.ratio.toFixed(2)} ×`,
    it.aim === undefined ? "" : limit(it.aim, `${it.aim.value} ×`),
    verdict(it.ratio, it.aim),
    it.doing,
  ]);
}

function limit({ is }: Aim, text: string): string {
  return `${is === "at most" ? "≤" : "≥"} ${text}`;
}

function verdict(value: number, aim: Aim | undefined): string {
  if (aim === undefined) return "";
  return isReached(value, aim) ? "ok" : "MISSED";
}

/** Three digits are all that a shared machine can vouch for. */
function quantity(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = Number.isInteger(value) && Math.abs(value) < 1_000
    ? `${value}`
    : value.toLocaleString("en-US", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  return `${text} ${unit}`;
}
