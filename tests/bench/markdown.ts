/** The tables of `docs/benchmarks.md`, from what was measured. Pure. */
import type { Records } from "./records.ts";
import {
  bound,
  type Comparison,
  digits,
  quantity,
  ratioOf,
  reachesAim,
  reachesRatio,
  roundsText,
  type Row,
  summarize,
  times,
} from "./report.ts";

/** Lines in which other peer networks are compared, a column each. */
const MESSAGES: readonly string[] = ["messages", "answers", "broadcast"];
const STREAMS: readonly string[] = ["request", "stream"];
export const AMONG_NETWORKS: readonly string[] = [...MESSAGES, ...STREAMS];
/** Lines about what is built on streams. */
const SERVICES: readonly string[] = [
  "file",
  "file-memory",
  "forward",
  "fairness",
];
const RELAY = "relay";
const GROWING = "growing";
/** Lines that have tables of their own. */
const APART: readonly string[] = [
  ...AMONG_NETWORKS,
  ...SERVICES,
  RELAY,
  GROWING,
];

/** Parts of the page by the name of their place in it. */
export function tables(records: Records): Record<string, string> {
  const { rows, notes } = records;
  const of = (lines: readonly string[]) =>
    rows.filter(({ line }) => lines.includes(line));
  return {
    run: runText(records),
    messages: networksTable(of(MESSAGES)),
    streams: networksTable(of(STREAMS)),
    services: linesTable(of(SERVICES)),
    relay: linesTable(of([RELAY])),
    lines: linesTable(rows.filter(({ line }) => !APART.includes(line))),
    growing: growingTable(of([GROWING])),
    notes: notes.map((it) => `- ${it}`).join("\n"),
  };
}

/**
 * Puts parts of a page into their places, `<!-- bench: NAME -->` to `<!-- end -->`.
 *
 * @throws {RangeError} when the page has no place of that name.
 */
export function fill(
  page: string,
  parts: Readonly<Record<string, string>>,
): string {
  return Object.entries(parts).reduce((text, [name, part]) => {
    const start = `<!-- bench: ${name} -->`;
    const from = text.indexOf(start);
    const to = text.indexOf("<!-- end -->", from);
    if (from < 0 || to < 0) {
      throw new RangeError(`Cannot fill in ${name}: the page has no ${start}`);
    }
    return `${text.slice(0, from)}${start}\n\n${part}\n\n${text.slice(to)}`;
  }, page);
}

function runText({ run }: Records): string {
  const date = new Date(run.date).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
  return `${date}, ${run.cores} cores, loopback, Deno ${run.deno} on ` +
    `${run.system}, ${roundsText(run, "interleaved ")}.`;
}

/** One comparison a row; the figure stands in the first. */
function linesTable(rows: readonly Row[]): string {
  const head = [
    ...["what", "best", "median [min..max]", "aim", "beside", "best"],
    ...["ratio of best", "aim", "median ratio"],
  ];
  return markdown(
    head,
    rows.flatMap((row) => {
      const { better, unit, aim } = row;
      const { best, median, least, most } = summarize(row.rounds, better);
      const figure = [
        `${row.line}: ${row.figure}`,
        quantity(best, unit),
        `${digits(median)} [${digits(least)}..${digits(most)}]`,
        judged(bound(aim, better, unit), reachesAim(row)),
      ];
      if (row.comparisons.length === 0) {
        return [[...figure, "", "", "", "", ""]];
      }
      return row.comparisons.map((it, i) => {
        const ratio = ratioOf(row, it);
        return [
          ...i === 0 ? figure : figure.map(() => ""),
          it.with,
          quantity(summarize(it.rounds, better).best, unit),
          times(ratio.best),
          judged(bound(it.aim, better, "×"), reachesRatio(row, it)),
          times(ratio.median),
        ];
      });
    }),
  );
}

/** A column for each of the others: ratio of the best rounds, and median ratio. */
function networksTable(rows: readonly Row[]): string {
  const names = [
    ...new Set(
      rows.flatMap(({ comparisons }) => comparisons.map((it) => it.with)),
    ),
  ];
  const head = ["what", "best", "median [min..max]", "aim of bare", ...names];
  return markdown(
    head,
    rows.map((row) => {
      const { better, unit, comparisons } = row;
      const { best, median, least, most } = summarize(row.rounds, better);
      const find = (name: string) => comparisons.find((it) => it.with === name);
      return [
        `${row.line}: ${row.figure}`,
        quantity(best, unit),
        `${digits(median)} [${digits(least)}..${digits(most)}]`,
        bound(find("bare")?.aim, better, "×"),
        ...names.map((name) => ratioCell(row, find(name))),
      ];
    }),
  );
}

function ratioCell(row: Row, other: Comparison | undefined): string {
  if (other === undefined) return "";
  const { best, median } = ratioOf(row, other);
  const text = judged(times(best), reachesRatio(row, other));
  return `${text} (${times(median)})`;
}

/** One row a size of the mesh; figures are named by it, then by what they are. */
function growingTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const [nodes = "", what = ""] = row.figure.split(": ");
    const { best } = summarize(row.rounds, row.better);
    return { nodes, what, text: quantity(best, row.unit) };
  });
  const columns = [...new Set(cells.map(({ what }) => what))];
  const lines = [...new Set(cells.map(({ nodes }) => nodes))];
  return markdown(
    ["mesh of", ...columns],
    lines.map((nodes) => [
      nodes,
      ...columns.map((what) =>
        cells.find((it) => it.nodes === nodes && it.what === what)?.text ?? ""
      ),
    ]),
  );
}

/** Bold where an aim is missed. */
function judged(text: string, reached: boolean): string {
  return reached ? text : `**${text}**`;
}

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  if (rows.length === 0) return "Not measured.";
  const escaped = (cells: readonly string[]) =>
    cells.map((it) => it.replaceAll("|", "\\|")).join(" | ");
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${escaped(cells)} |`).join("\n");
}
