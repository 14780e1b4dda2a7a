/** What is printed: one row a figure, as a table or as JSON. */

/** One figure. */
export interface Row {
  /** Which line of the benchmark: `session`, `mesh`, … */
  readonly line: string;
  /** What was measured. */
  readonly figure: string;
  readonly unit: string;
  readonly verack: number;
  readonly bare: number;
  /** verack ÷ bare, the median over rounds where rounds were paired. */
  readonly ratio: number;
  /** What `bare` did. */
  readonly against: string;
  readonly aim?: Aim;
}

/** What is aimed at. */
export interface Aim {
  /** Whether the figure itself is judged, or its ratio to bare. */
  readonly of: "verack" | "ratio";
  readonly is: "at most" | "at least";
  readonly value: number;
}

/** Whether a row reaches its aim; true when it has none. */
export function isReached(row: Row): boolean {
  if (row.aim === undefined) return true;
  const { of, is, value } = row.aim;
  return is === "at most" ? row[of] <= value : row[of] >= value;
}

const HEAD = [
  "line",
  "figure",
  "verack",
  "bare",
  "ratio",
  "aim",
  "",
  "compared with",
];

/** The rows under a head, columns aligned. */
export function table(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(rowCells)];
  const widths = HEAD.map((_, column) =>
    Math.max(...cells.map((row) => row[column]!.length))
  );
  return cells.map((row) =>
    row.map((cell, column) =>
      column >= 2 && column <= 4
        ? cell.padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

function rowCells(row: Row): string[] {
  const { aim } = row;
  return [
    row.line,
    row.figure,
    quantity(row.verack, row.unit),
    quantity(row.bare, row.unit),
    `${row.ratio.toFixed(2)} ×`,
    aim === undefined
      ? ""
      : `${aim.is === "at most" ? "≤" : "≥"} ${
        aim.of === "ratio" ? `${aim.value} ×` : quantity(aim.value, row.unit)
      }`,
    aim === undefined ? "" : isReached(row) ? "ok" : "MISSED",
    row.against,
  ];
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
