/**
 * Prints the demo: aligned and coloured lines for people, whose words are in
 * `words.ts`, or one JSON object a line for programs.
 */
import type { Clock } from "../../core/clock.ts";
import { jsonLine } from "../../core/escape.ts";
import { shortId } from "../../identity/identity.ts";
import type { Palette } from "../terminal.ts";
import type { DemoEvent } from "./demo_event.ts";
import { countText, namePattern, nameStyles, toned, wrap } from "./layout.ts";
import { IMPOSTOR_NAME } from "./plan.ts";
import {
  heading,
  summaryWords,
  type Words,
  wordsOf,
} from "./event_formatter.ts";

/** Takes each thing that happens, and prints it. */
export type Printer = (happening: DemoEvent) => void;

/** Prints one JSON object a line, see `happenings.ts`. */
export function jsonPrinter(
  line: (text: string) => void,
  clock: Clock,
): Printer {
  return (happening) => {
    const time = new Date(clock.now()).toISOString();
    line(jsonLine({ time, ...happening }));
  };
}

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

/** With more nodes than this, what all of them do is counted and not told singly. */
const MANY_NODES = 8;
/** Pause between two lines of the same count on its way to the full number. */
const COUNT_PAUSE_MS = 250;
const MIN_COLUMNS = 80;
const MAX_COLUMNS = 100;
const TIME_CHARS = 5;
const VERB_CHARS = "recognised".length;
const GAP = "  ";

/** Prints lines for people. */
export function textPrinter(options: TextPrinterOptions): Printer {
  const printer = new TextPrinter(options);
  return (happening) => printer.show(happening);
}

class TextPrinter {
  readonly #options: TextPrinterOptions;
  readonly #startedAt: number;
  readonly #columns: number;
  readonly #nameChars: number;
  readonly #many: boolean;
  readonly #styles: ReadonlyMap<string, (text: string) => string>;
  readonly #anyName: RegExp;
  #opening: Extract<DemoEvent, { type: "demo" }> | undefined;
  #parts = 0;
  #tableBegun = false;
  /** How many nodes did something, when they are only counted, and when it was told. */
  readonly #counts = new Map<string, number>();
  readonly #toldAt = new Map<string, number>();

  constructor(options: TextPrinterOptions) {
    const { names, colors, columns, clock } = options;
    this.#options = options;
    this.#startedAt = clock.monotonic();
    this.#columns = Math.min(Math.max(columns, MIN_COLUMNS), MAX_COLUMNS);
    const all = [...names, IMPOSTOR_NAME];
    this.#nameChars = Math.max(...all.map((name) => name.length));
    this.#many = names.length > MANY_NODES;
    this.#styles = nameStyles(names, colors);
    this.#anyName = namePattern(names);
  }

  show(happening: DemoEvent): void {
    switch (happening.type) {
      case "demo":
        this.#opening = happening;
        return this.#line(this.#title(happening));
      case "phase":
        return this.#heading(happening);
      case "node":
        return this.#row(happening);
      case "summary":
        return this.#summary(happening);
    }
    const inProcess = this.#opening?.inProcess ?? false;
    const words = this.#many
      ? this.#counted(happening, inProcess)
      : wordsOf(happening, inProcess);
    if (words !== undefined) this.#event(words);
  }

  // --- Counting --------------------------------------------------------------

  /** The words when there are too many nodes to tell of each. */
  #counted(happening: DemoEvent, inProcess: boolean): Words | undefined {
    const nodes = this.#options.names.length;
    const words = wordsOf(happening, inProcess);
    switch (happening.type) {
      case "starting":
        return happening.again ? words : undefined;
      case "started":
        return this.#tally(nodes, { verb: "listen", rest: "", tone: "plain" });
      case "pings":
        return this.#tally(nodes, {
          verb: "heard",
          rest: "all others: ",
          tone: "good",
        });
      case "joined":
        return words && { ...words, count: undefined };
      case "links":
        return this.#isTold("links", happening.links === happening.of)
          ? { verb: "linked", rest: "", tone: "good", count: happening }
          : undefined;
      case "lost":
      case "left":
      case "recognised": {
        const rest = happening.type === "recognised"
          ? `${words?.rest}: `
          : `${happening.peer}: `;
        return words && this.#tally(nodes - 1, { ...words, rest });
      }
      case "killed":
        this.#counts.clear();
        return words;
      default:
        return words;
    }
  }

  /** `words` with how many of `total` nodes did so, if that is worth a line. */
  #tally(total: number, words: Words): Words | undefined {
    const { verb, rest } = words;
    const reached = (this.#counts.get(verb) ?? 0) + 1;
    this.#counts.set(verb, reached);
    if (!this.#isTold(verb, reached === total)) return undefined;
    return {
      ...words,
      name: "",
      rest: `${rest}${reached} of ${total} nodes`,
    };
  }

  /** Whether a count is worth a line: the last one, and others now and then. */
  #isTold(what: string, last: boolean): boolean {
    const now = this.#options.clock.monotonic();
    const toldAt = this.#toldAt.get(what);
    if (toldAt === undefined || last) this.#toldAt.set(what, now);
    if (last) return true;
    if (toldAt === undefined || now - toldAt < COUNT_PAUSE_MS) return false;
    this.#toldAt.set(what, now);
    return true;
  }

  // --- Lines -----------------------------------------------------------------

  #title({ nodes, inProcess }: Extract<DemoEvent, { type: "demo" }>): string {
    const where = inProcess ? "all in this process" : "a process each";
    return `${
      this.#options.colors.bold("verack demo")
    }: ${nodes} nodes, ${where}, over TLS on 127.0.0.1`;
  }

  #heading(happening: Extract<DemoEvent, { type: "phase" }>): void {
    const { colors } = this.#options;
    if (this.#opening === undefined) return;
    const [title, text] = heading(happening, this.#opening);
    const number = `${++this.#parts}`;
    const indent = GAP.repeat(2).length + title.length + number.length;
    const [first = "", ...more] = wrap(text, this.#columns - indent);
    this.#line("");
    this.#line(
      `${colors.bold(number)}${GAP}${colors.bold(title)}${GAP}${
        this.#colored(first)
      }`,
    );
    for (const line of more) {
      this.#line(" ".repeat(indent) + this.#colored(line));
    }
  }

  #event({ name = "", verb, rest, tone, count }: Words): void {
    const { colors, clock } = this.#options;
    const seconds = (clock.monotonic() - this.#startedAt) / 1_000;
    const time = colors.dim(seconds.toFixed(2).padStart(TIME_CHARS));
    const indent = TIME_CHARS + this.#nameChars + VERB_CHARS + 3 * GAP.length;
    const room = this.#columns - indent;
    const counted = count === undefined ? "" : GAP + countText(count);
    // Words that fill a line are worth more than the count beside them.
    const shown = rest.length > room - counted.length && rest.length <= room
      ? ""
      : counted;
    const width = room - shown.length;
    const [first = "", ...more] = wrap(rest, width);
    this.#line(
      [
        time,
        this.#colored(name) + " ".repeat(this.#nameChars - name.length),
        toned(verb.padEnd(VERB_CHARS), tone, colors),
        shown === "" ? this.#colored(first) : this.#colored(first) +
          " ".repeat(Math.max(0, width - first.length)) +
          colors.dim(shown),
      ].join(GAP).trimEnd(),
    );
    for (const line of more) {
      this.#line(" ".repeat(indent) + this.#colored(line));
    }
  }

  #row(row: Extract<DemoEvent, { type: "node" }>): void {
    const { dim } = this.#options.colors;
    if (!this.#tableBegun) {
      this.#tableBegun = true;
      const titles = ["identity", "address", "links", "pings shown"];
      this.#line(dim(this.#cells("name", titles)));
    }
    const { identity, address, links, of, pings, heard } = row;
    this.#line(this.#cells(row.name, [
      shortId(identity),
      address === "" ? "not there" : address,
      `${links} of ${of}`,
      `${pings} from ${heard}`,
    ]));
  }

  #cells(name: string, cells: readonly string[]): string {
    const [identity = "", address = "", links = "", pings = ""] = cells;
    return [
      "",
      this.#colored(name) + " ".repeat(this.#nameChars - name.length),
      identity.padEnd(8),
      address.padEnd("127.0.0.1:65535".length),
      links.padStart(8),
      pings.padStart(11),
    ].join(GAP).trimEnd();
  }

  #summary(summary: Extract<DemoEvent, { type: "summary" }>): void {
    const { bold, green, red, yellow } = this.#options.colors;
    const [verdict, rest, missing] = summaryWords(summary);
    const [first = "", ...more] = wrap(`${verdict} ${rest}`, this.#columns);
    const tone = summary.ok ? green : summary.interrupted ? yellow : red;
    this.#line("");
    this.#line(bold(tone(verdict)) + first.slice(verdict.length));
    for (const line of more) this.#line(line);
    for (const item of missing) this.#line(`${GAP}- ${item}`);
  }

  #line(text: string): void {
    this.#options.line(text);
  }

  #colored(text: string): string {
    return text.replaceAll(
      this.#anyName,
      (name) => this.#styles.get(name)?.(name) ?? name,
    );
  }
}
