/** The texts of `--help`, from the table by which arguments are parsed, and of usage errors. */
import type { CommandSpec, PositionalSpec } from "./command.ts";
import type { CommandEntry } from "./commands.ts";
import { EXIT_HELP } from "./exit.ts";
import { flagName, type FlagSpec, valueName } from "./flags.ts";
import { palette } from "./terminal.ts";
import { wrapWords } from "./wrap.ts";

/** Options of {@linkcode renderHelp} and {@linkcode renderOverview}. */
export interface HelpOptions {
  /** Columns of the terminal; help uses 80 to 100 of them. @default {80} */
  readonly columns?: number;
  /** Headings in bold. @default {false} */
  readonly color?: boolean;
}

/** Name of the program in help. */
const PROGRAM = "verack";
const MIN_COLUMNS = 80;
const MAX_COLUMNS = 100;
const INDENT = "  ";
const GAP = "  ";
/** A longer label has a line of its own, so that it does not narrow the texts of all. */
const MAX_LABEL_CHARS = 30;

type Row = readonly [label: string, help: string];

/** The help of one command, without a line feed at the end. */
export function renderHelp(
  { name, summary }: Pick<CommandEntry, "name" | "summary">,
  command: CommandSpec,
  options: HelpOptions = {},
): string {
  const page = new Page(options);
  page.paragraph(`${PROGRAM} ${name}: ${summary}`);
  for (const text of command.description ?? []) page.paragraph(text);
  const usage = command.usage ?? usageOf(name, command);
  page.section("USAGE", [`${PROGRAM} ${usage}`]);
  page.table(
    "ARGUMENTS",
    (command.positionals ?? []).map((it) => [it.name, it.help]),
  );
  page.table("OPTIONS", [
    ...Object.entries(command.flags).map(rowOf),
    ["-h, --help", "Show this help"],
  ]);
  page.table("ENVIRONMENT", environmentOf(command));
  page.examples(command.examples);
  page.table("EXIT CODES", EXIT_HELP);
  return page.toString();
}

/** The list of commands, without a line feed at the end. */
export function renderOverview(
  commands: readonly CommandEntry[],
  overview: {
    /** A description of the program, one sentence without a full stop. */
    readonly summary: string;
    /** First word of the commands to list; all if empty. */
    readonly group?: string;
    /** Examples of calls, with their effects. */
    readonly examples?: CommandSpec["examples"];
  },
  options: HelpOptions = {},
): string {
  const group = overview.group ?? "";
  const listed = commands.filter((it) =>
    group === "" || it.name.startsWith(`${group} `)
  );
  const page = new Page(options);
  const prefix = group === "" ? PROGRAM : `${PROGRAM} ${group}`;
  page.paragraph(`${PROGRAM}: ${overview.summary}`);
  page.section("USAGE", [`${prefix} COMMAND [OPTIONS]`]);
  page.table("COMMANDS", listed.map((it) => [it.name, it.summary]));
  page.examples(overview.examples);
  page.table("EXIT CODES", EXIT_HELP);
  page.paragraph(`${PROGRAM} COMMAND --help shows the options of a command.`);
  return page.toString();
}

function usageOf(name: string, command: CommandSpec): string {
  const required = Object.entries(command.flags).flatMap(([key, spec]) =>
    spec.required ? [`--${flagName(key)} ${valueName(spec)}`] : []
  );
  return [
    name,
    ...required,
    "[OPTIONS]",
    ...(command.positionals ?? []).map(shapeOf),
  ].join(" ");
}

function shapeOf(spec: PositionalSpec): string {
  const name = spec.variadic ? `${spec.name}…` : spec.name;
  return spec.optional ? `[${name}]` : name;
}

function rowOf([key, spec]: [string, FlagSpec]): Row {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const no = spec.negatable ? "[no-]" : "";
  const value = spec.type === "boolean" ? "" : ` ${valueName(spec)}`;
  const notes = [
    ...(spec.values ? [`one of ${spec.values.join(", ")}`] : []),
    ...(spec.type === "list" ? ["may be repeated"] : []),
    ...(spec.required ? ["required"] : []),
    ...(spec.default === undefined || spec.default === false
      ? []
      : [`default ${spec.default === true ? "on" : spec.default}`]),
  ];
  const note = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return [`${short}--${no}${flagName(key)}${value}`, spec.help + note];
}

function environmentOf(command: CommandSpec): Row[] {
  const ofFlags = Object.entries(command.flags).flatMap(([key, spec]) =>
    spec.env === undefined
      ? []
      : [[spec.env, `Used without --${flagName(key)}`] as const]
  );
  return [...ofFlags, ...Object.entries(command.environment ?? {})];
}

/** Sections of text, one below the other. */
class Page {
  readonly #sections: string[] = [];
  readonly #columns: number;
  readonly #bold: (text: string) => string;

  constructor({ columns = MIN_COLUMNS, color = false }: HelpOptions) {
    this.#columns = Math.max(MIN_COLUMNS, Math.min(columns, MAX_COLUMNS));
    this.#bold = palette(color).bold;
  }

  paragraph(text: string): void {
    this.#sections.push(wrapWords(text, this.#columns).join("\n"));
  }

  section(title: string, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const indented = lines.map((line) => INDENT + line);
    this.#sections.push([this.#bold(title), ...indented].join("\n"));
  }

  /** Labels on the left, text on the right. */
  table(title: string, rows: readonly Row[]): void {
    const widths = rows.map(([label]) => label.length);
    const width = Math.max(...widths.filter((it) => it <= MAX_LABEL_CHARS), 0);
    const columns = this.#columns - INDENT.length - width - GAP.length;
    this.section(
      title,
      rows.flatMap(([label, help]) => {
        const isLong = label.length > width;
        const lines = wrapWords(help, columns).map((line, index) =>
          (index === 0 && !isLong ? label : "").padEnd(width) + GAP + line
        );
        return isLong ? [label, ...lines] : lines;
      }),
    );
  }

  examples(rows: readonly Row[] = []): void {
    const columns = this.#columns - 2 * INDENT.length;
    this.section(
      "EXAMPLES",
      rows.flatMap(([call, help]) => [
        call,
        ...wrapWords(help, columns).map((line) => INDENT + line),
      ]),
    );
  }

  toString(): string {
    return this.#sections.join("\n\n");
  }
}
