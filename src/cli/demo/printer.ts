/** Prints the demo: aligned and coloured lines, worded by `event_formatter.ts`, or JSON lines. */
import type { Clock } from "../../core/clock.ts";
import { jsonLine } from "../../core/escape.ts";
import { shortId } from "../../identity/identity.ts";
import type { Palette } from "../terminal.ts";
import { wrapWords } from "../wrap.ts";
import type { DemoEvent, DemoEventOf } from "./demo_event.ts";
import {
  headingOf,
  type Line,
  type LineEvent,
  lineOf,
  type Tone,
  verdictOf,
} from "./event_formatter.ts";
import { IMPOSTOR_NAME } from "./plan.ts";

/** Prints an event. */
export type Printer = (event: DemoEvent) => void;

/** Settings of {@linkcode textPrinter}. */
export interface TextPrinterOptions {
  readonly line: (text: string) => void;
  readonly colors: Palette;
  /** Columns of the terminal; 80 to 100 of them are used. */
  readonly columns: number;
  /** Names of all nodes. */
  readonly names: readonly string[];
  readonly clock: Clock;
}

/** With more nodes than this, what all of them do is counted instead of listed. */
const MANY_NODES = 8;
/** Pause between two lines of the same count on its way to the full number. */
const COUNT_PAUSE_MS = 250;
const MIN_COLUMNS = 80;
const MAX_COLUMNS = 100;
const TIME_CHARS = 5;
const VERB_CHARS = "recognised".length;
const GAP = "  ";

/** Prints one JSON object a line, see `demo_event.ts`. */
export function jsonPrinter(
  line: (text: string) => void,
  clock: Clock,
): Printer {
  return (event) =>
    line(jsonLine({ time: new Date(clock.now()).toISOString(), ...event }));
}

/** Prints lines of text. */
export function textPrinter(options: TextPrinterOptions): Printer {
  const printer = new TextPrinter(options);
  return (event) => printer.print(event);
}

class TextPrinter {
  readonly #options: TextPrinterOptions;
  readonly #startedAt: number;
  readonly #columns: number;
  readonly #nameChars: number;
  readonly #styles: ReadonlyMap<string, (text: string) => string>;
  /** Every name where it stands as a word of its own. */
  readonly #anyName: RegExp;
  #inProcess = false;
  #periodS = 1;
  #parts = 0;
  #tableBegun = false;
  /** How many nodes did something, by verb. */
  readonly #counts = new Map<string, number>();
  readonly #toldAt = new Map<string, number>();

  constructor(options: TextPrinterOptions) {
    const { names, colors, columns, clock } = options;
    this.#options = options;
    this.#startedAt = clock.monotonic();
    this.#columns = Math.min(Math.max(columns, MIN_COLUMNS), MAX_COLUMNS);
    const all = [...names, IMPOSTOR_NAME];
    this.#nameChars = Math.max(...all.map((name) => name.length));
    this.#styles = nameStyles(names, colors);
    const longestFirst = all.sort((a, b) => b.length - a.length).join("|");
    this.#anyName = new RegExp(`(?<![\\w-])(${longestFirst})(?![\\w-])`, "g");
  }

  print(event: DemoEvent): void {
    switch (event.type) {
      case "demo":
        return this.#title(event);
      case "phase":
        return this.#heading(event);
      case "node":
        return this.#row(event);
      case "summary":
        return this.#summary(event);
      default: {
        const line = this.#options.names.length > MANY_NODES
          ? this.#counted(event)
          : lineOf(event, this.#inProcess);
        if (line !== undefined) this.#event(line);
      }
    }
  }

  // --- Counting --------------------------------------------------------------

  /** The line when there are too many nodes to list what each does. */
  #counted(event: LineEvent): Line | undefined {
    const nodes = this.#options.names.length;
    const line = lineOf(event, this.#inProcess);
    if (line === undefined) return undefined;
    switch (event.type) {
      case "starting":
        return event.again ? line : undefined;
      case "started":
        return this.#tally(nodes, { ...line, verb: "listen", rest: "" });
      case "pings":
        return this.#tally(nodes, { ...line, rest: "all others: " });
      case "joined":
        return { ...line, count: undefined };
      case "links":
        return this.#isWorthALine("links", event.links === event.of)
          ? { ...line, name: "", rest: "" }
          : undefined;
      case "lost":
      case "left":
        return this.#tally(nodes - 1, { ...line, rest: `${event.peer}: ` });
      case "recognised":
        return this.#tally(nodes - 1, { ...line, rest: `${line.rest}: ` });
      case "killed":
        this.#counts.clear();
        return line;
      default:
        return line;
    }
  }

  /** The line with how many of `total` nodes did so, if that is worth a line. */
  #tally(total: number, line: Line): Line | undefined {
    const count = (this.#counts.get(line.verb) ?? 0) + 1;
    this.#counts.set(line.verb, count);
    return this.#isWorthALine(line.verb, count === total)
      ? { ...line, name: "", rest: `${line.rest}${count} of ${total} nodes` }
      : undefined;
  }

  /** The last count always is, others after a pause. */
  #isWorthALine(what: string, last: boolean): boolean {
    const now = this.#options.clock.monotonic();
    const toldAt = this.#toldAt.get(what);
    const due = toldAt !== undefined && now - toldAt >= COUNT_PAUSE_MS;
    if (toldAt === undefined || last || due) this.#toldAt.set(what, now);
    return last || due;
  }

  // --- Lines -----------------------------------------------------------------

  #title({ nodes, inProcess, period }: DemoEventOf<"demo">): void {
    this.#inProcess = inProcess;
    this.#periodS = period;
    const where = inProcess ? "all in this process" : "a process each";
    this.#options.line(
      `${
        this.#options.colors.bold("verack demo")
      }: ${nodes} nodes, ${where}, over TLS on 127.0.0.1`,
    );
  }

  #heading(event: DemoEventOf<"phase">): void {
    const { colors, line } = this.#options;
    const [title, text] = headingOf(event, this.#periodS);
    const number = `${++this.#parts}`;
    const start = `${colors.bold(number)}${GAP}${colors.bold(title)}${GAP}`;
    line("");
    this.#wrapped(start, number.length + title.length + 2 * GAP.length, text);
  }

  #event({ name, verb, rest, tone, count }: Line): void {
    const { colors, clock } = this.#options;
    const seconds = (clock.monotonic() - this.#startedAt) / 1_000;
    const start = [
      colors.dim(seconds.toFixed(2).padStart(TIME_CHARS)),
      this.#padded(name),
      toned(verb.padEnd(VERB_CHARS), tone, colors),
      "",
    ].join(GAP);
    const indent = TIME_CHARS + this.#nameChars + VERB_CHARS + 3 * GAP.length;
    const room = this.#columns - indent;
    // Always as wide as the full count, so that all counts are aligned.
    const beside = count === undefined ? "" : `${count.links}/${count.of} links`
      .padStart(GAP.length + `${count.of}/${count.of} links`.length);
    // Text that fits on one line without the count is not broken for it.
    const shown = rest.length > room - beside.length && rest.length <= room
      ? ""
      : beside;
    this.#wrapped(start, indent, rest, shown);
  }

  /** `start`, `text` in the columns that are left of it, and `end` at the end of the first line. */
  #wrapped(start: string, indent: number, text: string, end = ""): void {
    const { line, colors } = this.#options;
    const width = this.#columns - indent - end.length;
    const [first = "", ...more] = wrapWords(text, width);
    const rest = end === ""
      ? ""
      : " ".repeat(Math.max(0, width - first.length)) + colors.dim(end);
    line((start + this.#colored(first) + rest).trimEnd());
    for (const each of more) line(" ".repeat(indent) + this.#colored(each));
  }

  #row(row: DemoEventOf<"node">): void {
    const { line, colors } = this.#options;
    const cells = (
      name: string,
      id: string,
      address: string,
      links: string,
      pings: string,
    ) =>
      [
        "",
        this.#padded(name),
        id.padEnd(8),
        address.padEnd("127.0.0.1:65535".length),
        links.padStart(8),
        pings.padStart(11),
      ].join(GAP);
    if (!this.#tableBegun) {
      this.#tableBegun = true;
      line(
        colors.dim(
          cells("name", "identity", "address", "links", "pings shown"),
        ),
      );
    }
    line(
      cells(
        row.name,
        shortId(row.id),
        row.address === "" ? "not there" : row.address,
        `${row.links} of ${row.of}`,
        `${row.pings} from ${row.heard}`,
      ),
    );
  }

  #summary(summary: DemoEventOf<"summary">): void {
    const { line, colors } = this.#options;
    const [verdict, rest] = verdictOf(summary);
    const [first = "", ...more] = wrapWords(
      `${verdict} ${rest}`,
      this.#columns,
    );
    const color = summary.ok
      ? colors.green
      : summary.interrupted
      ? colors.yellow
      : colors.red;
    line("");
    line(colors.bold(color(verdict)) + first.slice(verdict.length));
    for (const each of more) line(each);
    if (summary.ok || summary.interrupted) return;
    for (const item of summary.missing) line(`${GAP}- ${item}`);
  }

  #padded(name: string): string {
    return this.#colored(name) + " ".repeat(this.#nameChars - name.length);
  }

  #colored(text: string): string {
    return text.replaceAll(
      this.#anyName,
      (name) => this.#styles.get(name)?.(name) ?? name,
    );
  }
}

function toned(text: string, tone: Tone, colors: Palette): string {
  switch (tone) {
    case "good":
      return colors.green(text);
    case "bad":
      return colors.bold(colors.red(text));
    case "warn":
      return colors.yellow(text);
    case "dim":
      return colors.dim(text);
    case "plain":
      return text;
  }
}

/** A colour for each node, the same wherever its name stands; red is the impostor's. */
function nameStyles(
  names: readonly string[],
  colors: Palette,
): ReadonlyMap<string, (text: string) => string> {
  const { cyan, yellow, magenta, green, blue, bold, red } = colors;
  const hues = [cyan, yellow, magenta, green, blue];
  const styles = new Map(names.map((name, i) => {
    const hue = hues[i % hues.length] ?? cyan;
    const isBold = Math.floor(i / hues.length) % 2 === 1;
    return [name, isBold ? (text: string) => bold(hue(text)) : hue];
  }));
  return styles.set(IMPOSTOR_NAME, red);
}
