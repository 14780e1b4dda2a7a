/** Columns of text for a terminal. */
import { columnsOfText } from "./wrap.ts";

/** A cell: its text, and the function that colours it after it was filled up. */
export interface Cell {
  readonly text: string;
  readonly color?: (text: string) => string;
}

/** A column of a {@linkcode table}. */
export interface Column {
  /** Its title. */
  readonly title: string;
  /** Numbers are at the right. @default {"left"} */
  readonly align?: "left" | "right";
}

const GAP = "  ";

/** A line of titles, coloured by `dim`, and a line for each row. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  dim: (text: string) => string,
): string[] {
  const titles = columns.map(({ title }) => ({ text: title }));
  const widths = columns.map((_, at) =>
    Math.max(
      ...[titles, ...rows].map((row) => columnsOfText(row[at]?.text ?? "")),
    )
  );
  const line = (cells: readonly Cell[]) => {
    const parts = columns.map(({ align }, at) => {
      const { text, color = (it: string) => it } = cells[at] ?? { text: "" };
      const fill = " ".repeat((widths[at] ?? 0) - columnsOfText(text));
      if (align === "right") return fill + color(text);
      // Nothing follows the last column.
      return color(text) + (at === columns.length - 1 ? "" : fill);
    });
    return parts.join(GAP).trimEnd();
  };
  return [dim(line(titles)), ...rows.map(line)];
}
