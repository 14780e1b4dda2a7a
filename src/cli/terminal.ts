/**
 * The streams of the program: whole lines, on stdout (data) and stderr (notices), in the order
 * in which they were written, and whether they have colours. Text from others was escaped by
 * `src/core/escape.ts`. Lines are queued by `line_writer.ts`.
 */
import { type Clock, deadline, systemClock } from "../core/clock.ts";
import { jsonLine } from "../core/escape.ts";
import { OUTPUT_FLUSH_MS } from "./cli_limits.ts";
import type { FlagSpec, FlagSpecs } from "./flags.ts";
import { LineWriter, OutputOrder } from "./line_writer.ts";

/** The flag of commands with colours. */
export const COLOR_FLAG = {
  type: "boolean",
  negatable: true,
  help: "Colours even when it is no terminal, or never",
} as const satisfies FlagSpec;

/** Flags of commands that print for programs too. */
export const OUTPUT_FLAGS = {
  json: {
    type: "boolean",
    help: "Print one JSON object a line instead of text",
  },
  color: COLOR_FLAG,
} as const satisfies FlagSpecs;

/** Until the notice that output was not read in time must be written. */
const LAST_WORD_MS = 100;

/** The two streams of a process. Their lines keep their order. */
export interface Output {
  /** Data. No line is lost unless a command says so with {@linkcode loseLines}. */
  readonly stdout: LineWriter;
  /** Notices; lines that are not read are lost, and counted. */
  readonly stderr: LineWriter;
}

/** The two streams of a command, and their colours. */
export interface Terminal extends Output {
  /** Colours for stdout, all of them plain when it has none. */
  readonly out: Palette;
  /** Colours for stderr, all of them plain when it has none. */
  readonly err: Palette;
  /** Columns of stdout, 80 when it is no terminal. */
  readonly columns: number;
}

/** The streams of this process; there must be one of these only. */
export function openOutput(): Output {
  const options = { clock: systemClock, order: new OutputOrder() };
  const stdout = new LineWriter(Deno.stdout, options);
  const stderr = new LineWriter(Deno.stderr, options);
  stderr.onLoss = (lines) => lossLine(lines, "standard error");
  // Read for each line, since the window may change.
  if (Deno.stdout.isTerminal()) stdout.columns = () => columnsOf(Deno.stdout);
  if (Deno.stderr.isTerminal()) stderr.columns = () => columnsOf(Deno.stderr);
  return { stdout, stderr };
}

/** Adds the colours of a command; `color` is the value of `--color` or `--no-color`. */
export function openTerminal(output: Output, color?: boolean): Terminal {
  const colors = (stream: { isTerminal(): boolean }): Palette =>
    palette(
      useColor({ color, terminal: stream.isTerminal(), noColor: Deno.noColor }),
    );
  return {
    ...output,
    out: colors(Deno.stdout),
    err: colors(Deno.stderr),
    columns: columnsOf(Deno.stdout),
  };
}

/**
 * For commands that cannot wait for the reader of stdout: lines beyond the bound are lost, and
 * their number is written in their place. Programs get an event of the type that a node has for
 * events that were not read in time.
 */
export function loseLines(
  { stdout }: Output,
  { json, clock = systemClock }: {
    readonly json: boolean;
    readonly clock?: Clock;
  },
): void {
  stdout.onLoss = (dropped) =>
    json
      ? jsonLine({
        time: new Date(clock.now()).toISOString(),
        type: "overflow",
        dropped,
      })
      : lossLine(dropped, "standard output");
}

function lossLine(lines: number, stream: string): string {
  return `verack: ${lines} ${
    lines === 1 ? "line was" : "lines were"
  } lost: ${stream} was not read`;
}

/**
 * Waits until the readers have read everything: a second at the most for stderr, and for stdout
 * if its lines may be lost or once `signal` aborts. Reports how many lines were not read.
 */
export async function flushOutput(
  { stdout, stderr }: Output,
  signal: AbortSignal,
): Promise<void> {
  const late = new AbortController();
  let cancel = () => {};
  const limit = () => {
    cancel = systemClock.after(OUTPUT_FLUSH_MS, () => late.abort());
  };
  if (stdout.onLoss !== undefined || signal.aborted) limit();
  else signal.addEventListener("abort", limit, { once: true });
  await stdout.flushed(late.signal);
  cancel();
  signal.removeEventListener("abort", limit);
  const { pending } = stdout;
  if (pending > 0) stderr.line(lossLine(pending, "standard output"));
  const limitMs = late.signal.aborted ? LAST_WORD_MS : OUTPUT_FLUSH_MS;
  using last = deadline(systemClock, limitMs);
  await stderr.flushed(last.signal);
}

/** Whether to use colours: by the flag, or on a terminal without `NO_COLOR`. */
export function useColor(
  context: {
    /** The value of the flag. */
    readonly color: boolean | undefined;
    readonly terminal: boolean;
    readonly noColor: boolean;
  },
): boolean {
  return context.color ?? (context.terminal && !context.noColor);
}

/** SGR parameters (ECMA-48) that begin and end a style. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const;

/** Colours for text by name. */
export type Palette =
  & { readonly [S in keyof typeof STYLES]: (text: string) => string }
  & {
    /** Whether the other functions have an effect. */
    readonly enabled: boolean;
  };

/** Functions that colour text, or leave it alone when `enabled` is false. */
export function palette(enabled: boolean): Palette {
  const styles = Object.entries(STYLES).map(([name, [begin, end]]) => [
    name,
    (text: string) => enabled ? `\x1b[${begin}m${text}\x1b[${end}m` : text,
  ]);
  return { enabled, ...Object.fromEntries(styles) };
}

function columnsOf(stream: { isTerminal(): boolean }): number {
  if (!stream.isTerminal()) return 80;
  try {
    return Deno.consoleSize().columns || 80; // 0 where none was ever set.
  } catch {
    return 80; // The default of a terminal without a size, such as a serial line.
  }
}
