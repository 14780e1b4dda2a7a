/** Prints the demo: aligned and coloured lines, or JSON lines. */
import type { Clock } from "../../core/clock.ts";
import { escapeText, jsonLine } from "../../core/escape.ts";
import { shortId } from "../../core/peer_id.ts";
import { TRUST_WORDS } from "../event_lines.ts";
import type { Palette } from "../terminal.ts";
import { wrapWords } from "../wrap.ts";
import type { DemoEvent, DemoEventOf, LinkCount } from "./demo_event.ts";
import { IMPOSTOR_NAME } from "./demo_script.ts";

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

/**
 * How a line's verb is coloured, the verb, and the rest of the sentence. Of many nodes it is
 * counted how many did the same, behind the last text; without it each has a line of its own.
 */
type Wording = readonly [
  tone: "good" | "bad" | "warn" | "plain" | "dim",
  verb: string,
  rest: string,
  counted?: string,
];

/** The types of events that are lines of text; the others have a layout of their own. */
type LineType = Exclude<
  DemoEvent["type"],
  "demo" | "phase" | "page" | "node" | "summary"
>;

/** With more nodes than this, what all of them do is counted instead of listed. */
const MANY_NODES = 8;
/** Pause between two lines of the same count on its way to the full number. */
const COUNT_PAUSE_MS = 250;
const MIN_COLUMNS = 80;
const MAX_COLUMNS = 100;
const TIME_CHARS = 5;
const VERB_CHARS = "recognised".length;
const GAP = "  ";
const MAX_TEXT_CHARS = 320;

const trusted = (trust: keyof typeof TRUST_WORDS) => `(${TRUST_WORDS[trust]})`;
const told = (name: string, reason: string) =>
  `${name}: ${escapeText(reason, { max: MAX_TEXT_CHARS })}`;

const WORDINGS: {
  readonly [T in LineType]: (event: DemoEventOf<T>) => Wording | undefined;
} = {
  starting: ({ again, via }) => {
    const where = via === null ? "alone" : `knowing only where ${via} is`;
    return [
      "dim",
      "starts",
      (again ? "again with the same key, " : "") + where,
    ];
  },
  started: (
    it,
  ) => ["plain", "listens", `at ${it.address} as ${shortId(it.id)}`, ""],
  restarted: (it) => [
    ...["plain", "listens"] as const,
    `now at ${it.address}, as ${shortId(it.id)} again`,
  ],
  joined: (it) => ["good", "joined", `through ${it.via} ${trusted(it.trust)}`],
  links: ({ peer }) => ["good", "linked", `with ${peer}`, ""],
  apart: ({ peer }) => ["warn", "misses", `${peer}, which others reach`],
  complete: () => ["good", "complete", "every node linked with every other"],
  pings: ({ from }) => ["good", "heard", from.join(", "), "all others: "],
  killed: () => ["bad", "killed", "by SIGKILL"],
  lost: ({ peer, reason }) => [
    ...["bad", "lost"] as const,
    told(peer, reason),
    `${peer}: `,
  ],
  left: ({ peer, reason }) => [
    ...["plain", "sees off"] as const,
    told(peer, reason),
    `${peer}: `,
  ],
  recognised: ({ peer, trust }) => {
    const how = `${peer} by its key ${trusted(trust)}`;
    const tone = trust === "first-use" ? "warn" : "good";
    return [tone, "recognised", how, `${how}: `];
  },
  refused: ({ address, reason }) => ["bad", "refused", told(address, reason)],
  dialed: (
    it,
  ) => ["plain", "dials", `${it.to} from ${it.address}, as ${it.as}`],
  impostor: ({ refused, impostorSays }) => [
    refused ? "plain" : "bad",
    refused ? "was told" : "GOT IN",
    escapeText(impostorSays, { max: MAX_TEXT_CHARS }),
  ],
  ended: ({ reason }) => ["bad", "crashed", reason],
  /** Other events of nodes, most of them about strangers with `--keep`. */
  other: ({ event }) => {
    switch (event.type) {
      case "unreachable": {
        const where = `${event.address}, keeps trying`;
        return ["dim", "waits for", told(where, event.reason)];
      }
      case "overflow":
        return ["warn", "lags", `${event.dropped} events not shown`];
      case "peer:up": {
        const where = `with ${shortId(event.id)} at ${event.address}`;
        return ["good", "linked", `${where} ${trusted(event.trust)}`];
      }
      case "peer:down": {
        const rest = told(shortId(event.id), event.reason);
        return event.left ? ["plain", "sees off", rest] : ["bad", "lost", rest];
      }
      case "ping":
        return ["plain", "heard", told(shortId(event.id), event.text)];
      default:
        return undefined;
    }
  },
};

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
  return printer.print.bind(printer);
}

class TextPrinter {
  readonly #options: TextPrinterOptions;
  readonly #startedAt: number;
  readonly #columns: number;
  readonly #nameChars: number;
  readonly #styles: ReadonlyMap<string, (text: string) => string>;
  readonly #anyName: RegExp;
  #inProcess = false;
  #periodS = 1;
  #parts = 0;
  #tableBegun = false;
  #stays = false;
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
    const { line, colors, names } = this.#options;
    switch (event.type) {
      case "demo": {
        this.#inProcess = event.inProcess;
        this.#periodS = event.period;
        const { discover, inProcess, nodes } = event;
        const where = inProcess ? "all in this process" : "a process each";
        const on = discover ? "announced on the local network" : "on 127.0.0.1";
        const what = `${nodes} nodes, ${where}, over TLS ${on}`;
        return line(`${colors.bold("verack demo")}: ${what}`);
      }
      case "phase": {
        this.#stays = event.phase === "keep";
        const [title, text] = headingOf(event, this.#periodS);
        const number = `${++this.#parts}`;
        const start = colors.bold(number) + GAP + colors.bold(title) + GAP;
        line("");
        const indent = number.length + title.length + 2 * GAP.length;
        return this.#wrapped(start, indent, text);
      }
      case "page":
        return this.#page(event);
      case "node":
        return this.#row(event);
      case "summary":
        return this.#summary(event);
    }
    const wording =
      (WORDINGS[event.type] as (it: DemoEvent) => Wording | undefined)(event);
    if (wording === undefined) return;
    const [tone, verb, text, counted] = wording;
    const rest = event.type === "killed" && this.#inProcess
      ? "all its connections cut at once"
      : text;
    const name = "name" in event ? event.name : "";
    const links = "links" in event ? event : undefined;
    const isMany = names.length > MANY_NODES;
    if (isMany && event.type === "starting" && !event.again) return;
    if (event.type === "killed") this.#counts.clear();
    if (!isMany || counted === undefined) {
      return this.#event(name, [tone, verb, rest], links);
    }
    const count = (this.#counts.get(verb) ?? 0) + 1;
    this.#counts.set(verb, count);
    const total = names.length - ("peer" in event ? 1 : 0);
    const ofNodes = `${counted}${count} of ${total} nodes`;
    const [what, isLast] = event.type === "links"
      ? ["", event.links === event.of] as const
      : [ofNodes, count === total] as const;
    if (this.#isWorthALine(verb, isLast)) {
      this.#event("", [tone, verb, what], links);
    }
  }

  /** The last count always is, others after a pause. */
  #isWorthALine(what: string, last: boolean): boolean {
    const now = this.#options.clock.monotonic();
    const toldAt = this.#toldAt.get(what);
    const due = toldAt !== undefined && now - toldAt >= COUNT_PAUSE_MS;
    if (toldAt === undefined || last || due) this.#toldAt.set(what, now);
    return last || due;
  }

  #event(
    name: string,
    [tone, verb, rest]: Wording,
    count: LinkCount | undefined,
  ): void {
    const { colors, clock } = this.#options;
    const seconds = (clock.monotonic() - this.#startedAt) / 1_000;
    const toned = {
      good: colors.green,
      bad: (text: string) => colors.bold(colors.red(text)),
      warn: colors.yellow,
      dim: colors.dim,
      plain: (text: string) => text,
    }[tone](verb.padEnd(VERB_CHARS));
    const start = [
      colors.dim(seconds.toFixed(2).padStart(TIME_CHARS)),
      this.#padded(name),
      toned,
      "",
    ].join(GAP);
    const indent = TIME_CHARS + this.#nameChars + VERB_CHARS + 3 * GAP.length;
    const room = this.#columns - indent;
    // Always as wide as the full count, so that all counts are aligned.
    const beside = count === undefined ? "" : `${count.links}/${count.of} links`
      .padStart(GAP.length + `${count.of}/${count.of} links`.length);
    // Text that fits on one line without the count is not broken for it.
    const fitsAlone = rest.length > room - beside.length && rest.length <= room;
    this.#wrapped(start, indent, rest, fitsAlone ? "" : beside);
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

  #page({ name, url, opened, reason }: DemoEventOf<"page">): void {
    const text = opened === undefined
      ? this.#stays
        ? "for one browser more, once, within five minutes"
        : "for one browser, once; --open waits for it"
      : opened
      ? "opened in your browser, or open this there:"
      : `open this in a browser, as none was opened: ${reason}`;
    this.#event(name, ["plain", "page", text], undefined);
    // Whole, so that it can be clicked and copied.
    this.#options.line(GAP + url);
  }

  #row(row: DemoEventOf<"node">): void {
    const { line, colors } = this.#options;
    const cells = (name: string, ...[id, address, links, pings]: string[]) =>
      [
        "",
        this.#padded(name),
        id?.padEnd(8),
        address?.padEnd("127.0.0.1:65535".length),
        links?.padStart(8),
        pings?.padStart(11),
      ].join(GAP);
    const heads = ["name", "identity", "address", "links", "pings shown"];
    if (!this.#tableBegun) line(colors.dim(cells(...heads as [string])));
    this.#tableBegun = true;
    const address = row.address === "" ? "not there" : row.address;
    const links = `${row.links} of ${row.of}`;
    const pings = `${row.pings} from ${row.heard}`;
    line(cells(row.name, shortId(row.id), address, links, pings));
  }

  #summary(summary: DemoEventOf<"summary">): void {
    const { line, colors } = this.#options;
    const { ok, interrupted } = summary;
    const [verdict, rest] = verdictOf(summary);
    const text = `${verdict} ${rest}`;
    const [first = "", ...more] = wrapWords(text, this.#columns);
    const color = ok ? colors.green : interrupted ? colors.yellow : colors.red;
    line("");
    line(colors.bold(color(verdict)) + first.slice(verdict.length));
    for (const each of more) line(each);
    if (ok || interrupted) return;
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

/** The heading of a part: a word, and the rest of the sentence. */
function headingOf(
  { phase, name, peer }: DemoEventOf<"phase">,
  periodS: number,
): readonly [title: string, text: string] {
  return ({
    start: [
      "Meet",
      "one node starts alone, every other knows the address of just one member",
    ],
    pings: [
      "Talk",
      `every node pings all others, each ${periodS} s, and shows what it hears`,
    ],
    restart: [
      "Return",
      `${name} is killed, then starts again with its key, through ${peer}`,
    ],
    impostor: [
      "Fraud",
      `${IMPOSTOR_NAME} has ${name}'s certificate but not its key, and dials ${peer}`,
    ],
    end: ["Result", "the mesh as its nodes see it"],
    keep: [
      "Open end",
      "all of it happened; the nodes stay up until Ctrl-C, for others to --connect to",
    ],
  } as const)[phase];
}

/** The last sentence; without success, `missing` follows it. */
function verdictOf(
  summary: DemoEventOf<"summary">,
): readonly [verdict: string, rest: string] {
  const { nodes, links, of, pingPairs } = summary;
  const time = `${summary.seconds.toFixed(1)} s`;
  if (summary.interrupted) {
    return ["Interrupted", `after ${time}; all nodes left.`];
  }
  if (!summary.ok) return ["Not all of it happened", `(${time}), missing:`];
  const pairs = `${pingPairs} of ${nodes * (nodes - 1)} pairs`;
  return [
    "All of it happened",
    `in ${time}: ${nodes} nodes, ${links} of ${of} links, pings shown for ${pairs}, ` +
    "1 node lost and recognised, 1 impostor refused.",
  ];
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
    const isBold = i % (2 * hues.length) >= hues.length;
    return [name, isBold ? (text: string) => bold(hue(text)) : hue];
  }));
  return styles.set(IMPOSTOR_NAME, red);
}
