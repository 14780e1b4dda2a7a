/**
 * What `--help` shows, made from the same table that arguments are read by, and
 * the one line that a usage error becomes. Where it is written is up to the caller.
 */
import type { Command, PositionalSpec } from "./args.ts";
import { EXIT_HELP } from "./exit.ts";
import { flagName, type FlagSpec, type UsageError } from "./flags.ts";
import { palette } from "./terminal.ts";

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
/** Longer labels stand on a line of their own, so that one does not narrow all. */
const MAX_LABEL_CHARS = 30;

type Row = readonly [label: string, help: string];

/** The help of one command, without a line feed at the end. */
export function renderHelp(
  command: Command,
  options: HelpOptions = {},
): string {
  const page = new Page(options);
  page.paragraph(`${PROGRAM} ${command.name}: ${command.summary}`);
  for (const text of command.description ?? []) page.paragraph(text);
  page.section("USAGE", [`${PROGRAM} ${command.usage ?? usageOf(command)}`]);
  page.table(
    "ARGUMENTS",
    (command.positionals ?? []).map((it) => [it.name, it.help]),
  );
  page.table("OPTIONS", [
    ...Object.entries(command.flags).map(([key, spec]) => rowOf(key, spec)),
    ["-h, --help", "Show this help"] as const,
  ]);
  page.table("ENVIRONMENT", environmentOf(command));
  page.examples(command.examples ?? []);
  page.table("EXIT CODES", EXIT_HELP);
  return page.toString();
}

/** The list of commands, without a line feed at the end. */
export function renderOverview(
  commands: readonly Command[],
  overview: {
    /** What the program is, one sentence without a full stop. */
    readonly summary: string;
    /** First word of the commands to list; all if empty. */
    readonly group?: string;
    /** How it is called, and what happens then. */
    readonly examples?: Command["examples"];
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
  page.examples(overview.examples ?? []);
  page.table("EXIT CODES", EXIT_HELP);
  page.paragraph(`${PROGRAM} COMMAND --help shows the options of a command.`);
  return page.toString();
}

/** The line on stderr that a usage error becomes. */
export function usageLine(error: UsageError): string {
  const name = error.command === undefined
    ? PROGRAM
    : `${PROGRAM} ${error.command}`;
  return `${name}: ${error.message} (see ${name} --help)`;
}

function usageOf(command: Command): string {
  const required = Object.entries(command.flags).flatMap(([key, spec]) =>
    spec.type !== "boolean" && spec.required
      ? [`--${flagName(key)} ${spec.value}`]
      : []
  );
  return [
    command.name,
    ...required,
    "[OPTIONS]",
    ...(command.positionals ?? []).map(shapeOf),
  ].join(" ");
}

function shapeOf(spec: PositionalSpec): string {
  const name = spec.variadic ? `${spec.name}…` : spec.name;
  return spec.optional ? `[${name}]` : name;
}

function rowOf(key: string, spec: FlagSpec): Row {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const name = spec.type === "boolean" && spec.negatable
    ? `--[no-]${flagName(key)}`
    : `--${flagName(key)}`;
  const label = spec.type === "boolean"
    ? `${short}${name}`
    : `${short}${name} ${spec.value}`;
  const notes = [
    ...(spec.type === "enum" ? [`one of ${spec.values.join(", ")}`] : []),
    ...(spec.type === "list" ? ["may be repeated"] : []),
    ...(spec.type !== "boolean" && spec.required ? ["required"] : []),
    ...(spec.default === undefined || spec.default === false
      ? []
      : [`default ${spec.default === true ? "on" : spec.default}`]),
  ];
  const note = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return [label, spec.help + note];
}

function environmentOf(command: Command): Row[] {
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

  constructor(options: HelpOptions) {
    const columns = options.columns ?? MIN_COLUMNS;
    this.#columns = Math.max(MIN_COLUMNS, Math.min(columns, MAX_COLUMNS));
    this.#bold = palette(options.color ?? false).bold;
  }

  paragraph(text: string): void {
    this.#sections.push(wrap(text, this.#columns).join("\n"));
  }

  section(title: string, lines: readonly string[]): void {
    const indented = lines.map((line) => INDENT + line);
    this.#sections.push([this.#bold(title), ...indented].join("\n"));
  }

  table(title: string, rows: readonly Row[]): void {
    if (rows.length === 0) return;
    const widths = rows.map(([label]) => label.length);
    const width = Math.max(...widths.filter((it) => it <= MAX_LABEL_CHARS), 0);
    const left = INDENT.length + width + GAP.length;
    const lines = rows.flatMap(([label, help]) => {
      const [first = "", ...more] = wrap(help, this.#columns - left);
      const rest = more.map((line) => " ".repeat(width) + GAP + line);
      return label.length > width
        ? [label, " ".repeat(width) + GAP + first, ...rest]
        : [label.padEnd(width) + GAP + first, ...rest];
    });
    this.section(title, lines);
  }

  examples(examples: readonly Row[]): void {
    if (examples.length === 0) return;
    this.section(
      "EXAMPLES",
      examples.flatMap(([call, help]) => [call, ...this.#indented(help)]),
    );
  }

  #indented(text: string): string[] {
    const columns = this.#columns - 2 * INDENT.length;
    return wrap(text, columns).map((line) => INDENT + line);
  }

  toString(): string {
    return this.#sections.join("\n\n");
  }
}

/** Breaks between words; a word that is too long stays whole. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
