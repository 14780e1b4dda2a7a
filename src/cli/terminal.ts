/**
 * Where the program's words go: whole lines, in order, on stdout (data) and stderr
 * (talk), and whether they have colours. What the lines say is up to the commands;
 * text from others passes `src/escape.ts` before it gets here.
 *
 * Writing is synchronous: a line is out before anything else happens, also when
 * the program ends right after it, and lines of both streams keep their order.
 */
import { styleText } from "node:util";
import type { BooleanFlag } from "./flags.ts";

/** Where bytes can be written, some at a time: `Deno.stdout`, `Deno.stderr`. */
export interface SyncSink {
  /** Writes some of `data` and says how much. */
  writeSync(data: Uint8Array): number;
}

/** The flag that every command with colours has. */
export const COLOR_FLAG = {
  type: "boolean",
  negatable: true,
  help: "Colours even when it is no terminal, or never",
} as const satisfies BooleanFlag;

/** How long to wait before a full pipe is tried again. */
const FULL_PIPE_RETRY_MS = 2;

const encoder = new TextEncoder();
const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes whole lines. After the first failure it stays silent, having said so once.
 */
export class LineWriter {
  readonly #sink: SyncSink;
  readonly #onFailure: (error: Error) => void;
  #failed = false;

  /**
   * @param onFailure Told once, when nothing can be written any more;
   * `Deno.errors.BrokenPipe` means that the reader went away.
   */
  constructor(sink: SyncSink, onFailure: (error: Error) => void = () => {}) {
    this.#sink = sink;
    this.#onFailure = onFailure;
  }

  /** Whether writing failed; more lines are dropped then. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Writes `text`, which may be several lines, and a line feed. */
  line(text: string): void {
    if (this.#failed) return;
    let rest = encoder.encode(`${text}\n`);
    while (rest.length > 0) {
      try {
        rest = rest.subarray(this.#sink.writeSync(rest));
      } catch (error) {
        if (error instanceof Deno.errors.Interrupted) continue;
        if (error instanceof Deno.errors.WouldBlock) {
          // The pipe was made non-blocking by somebody who shares it.
          Atomics.wait(cell, 0, 0, FULL_PIPE_RETRY_MS);
          continue;
        }
        this.#failed = true;
        this.#onFailure(error instanceof Error ? error : new Error(`${error}`));
        return;
      }
    }
  }
}

/** The two streams of a program, and their colours. */
export interface Terminal {
  /** Data. */
  readonly stdout: LineWriter;
  /** Talk; what cannot be written there is lost without a word. */
  readonly stderr: LineWriter;
  /** Colours for stdout, all of them plain when it has none. */
  readonly out: Palette;
  /** Colours for stderr, all of them plain when it has none. */
  readonly err: Palette;
  /** Columns of stdout, 80 when it is no terminal. */
  readonly columns: number;
}

/** Options of {@linkcode openTerminal}. */
export interface TerminalOptions {
  /** What `--color` or `--no-color` said; `undefined` looks at the stream itself. */
  readonly color?: boolean | undefined;
  /**
   * Told once when stdout cannot be written: end with `EXIT.brokenPipe`, without a
   * word, on `Deno.errors.BrokenPipe`; say what happened and fail on anything else.
   */
  readonly onStdoutFailure?: (error: Error) => void;
}

/** The streams of this process. */
export function openTerminal(options: TerminalOptions = {}): Terminal {
  const { color, onStdoutFailure } = options;
  const colors = (stream: { isTerminal(): boolean }): Palette =>
    palette(
      useColor({ color, terminal: stream.isTerminal(), noColor: Deno.noColor }),
    );
  return {
    stdout: new LineWriter(Deno.stdout, onStdoutFailure),
    stderr: new LineWriter(Deno.stderr),
    out: colors(Deno.stdout),
    err: colors(Deno.stderr),
    columns: columnsOf(Deno.stdout),
  };
}

/** Whether to use colours: as told, or on a terminal without `NO_COLOR`. */
export function useColor(
  context: {
    /** What a flag said. */
    readonly color: boolean | undefined;
    readonly terminal: boolean;
    readonly noColor: boolean;
  },
): boolean {
  return context.color ?? (context.terminal && !context.noColor);
}

const STYLES = [
  "bold",
  "dim",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
] as const;

/** Colours for text by name. */
export type Palette =
  & {
    readonly [S in typeof STYLES[number]]: (text: string) => string;
  }
  & {
    /** Whether the others do anything. */
    readonly enabled: boolean;
  };

/** Functions that colour text, or leave it alone when `enabled` is false. */
export function palette(enabled: boolean): Palette {
  const style = (name: typeof STYLES[number]) => (text: string): string =>
    enabled ? styleText(name, text, { validateStream: false }) : text;
  return {
    enabled,
    bold: style("bold"),
    dim: style("dim"),
    red: style("red"),
    green: style("green"),
    yellow: style("yellow"),
    blue: style("blue"),
    magenta: style("magenta"),
    cyan: style("cyan"),
  };
}

function columnsOf(stream: { isTerminal(): boolean }): number {
  if (!stream.isTerminal()) return 80;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80; // A terminal that does not say, such as a serial line.
  }
}
