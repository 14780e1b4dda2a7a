/**
 * A view of a running node that is drawn again as the node changes: in place on a terminal,
 * else one block of text or one line of JSON after the other.
 */
import type {
  PeersAnswer,
  StatusAnswer,
  WatchRecord,
} from "../control/answers.ts";
import type { ControlClient } from "../control/control_client.ts";
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { jsonLine } from "../core/escape.ts";
import { grantedEnv } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { FlagSpec } from "./flags.ts";
import type { LineWriter } from "./line_writer.ts";
import { SignalWatch } from "./signal_watch.ts";
import type { Terminal } from "./terminal.ts";
import { fitText } from "./wrap.ts";

/** The flag of commands that can watch. */
export const WATCH_FLAG = {
  type: "boolean",
  short: "w",
  help: "Go on as it changes, until Ctrl-C; on a terminal in place",
} as const satisfies FlagSpec;

/** Ages are drawn again this often. */
const REDRAW_MS = 1_000;

/** Uses the other screen of the terminal, so that what was on it comes back (xterm). */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
/** Erases to the end of the line, and to that of the screen. */
const ERASE_REST = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/** What a node last said of itself. */
export interface Watched {
  readonly status: StatusAnswer;
  readonly peers: Pick<PeersAnswer, "peers" | "sessions">;
}

/** Options of {@linkcode showWatched}. */
export interface WatchOptions<T> {
  readonly json: boolean;
  readonly terminal: Terminal;
  /** Aborts when stdout cannot be written any more. */
  readonly outputLost: AbortSignal;
  /** What is shown; as JSON it is the object, with its time. */
  view(watched: Watched): T;
  /** The view as text, at a time of the wall clock. */
  lines(view: T, now: number): readonly string[];
}

/** Shows a node until a signal, until it ends, or until stdout is lost. */
export async function showWatched<T extends object>(
  node: ControlClient,
  options: WatchOptions<T>,
): Promise<ExitCode> {
  const { json, terminal: { stdout }, outputLost, view, lines } = options;
  using signals = new SignalWatch();
  const signal = AbortSignal.any([signals.signal, outputLost]);
  const isScreen = !json && Deno.stdout.isTerminal() &&
    grantedEnv("TERM") !== "dumb";
  using screen = isScreen ? new FullScreen(stdout) : undefined;
  let status: StatusAnswer | undefined;
  let peers: Watched["peers"] | undefined;
  let shown: T | undefined;
  let printed: string | undefined;
  let cancel = () => {};
  const draw = () => {
    cancel();
    const now = systemClock.now();
    if (shown === undefined) return;
    if (screen !== undefined) {
      // One frame waits at the most where the terminal takes none, as after Ctrl-S.
      if (stdout.oldest === Infinity) screen.draw(lines(shown, now));
      cancel = systemClock.after(REDRAW_MS, draw);
      return;
    }
    const text = json ? jsonLine(shown) : [...lines(shown, now), ""].join("\n");
    // A record may be about nothing that this view has.
    if (text === printed) return;
    printed = text;
    if (json) {
      const time = new Date(now).toISOString();
      stdout.line(jsonLine({ time, ...shown }));
    } else stdout.line(text, false, false);
  };
  try {
    for await (const record of node.watch({ signal })) {
      ({ status, peers } = next({ status, peers }, record));
      if (status === undefined || peers === undefined) continue;
      shown = view({ status, peers });
      draw();
      await stdout.ready(signal);
    }
  } catch (error) {
    const isEnd = error instanceof VerackError && error.code === "aborted";
    if (!isEnd || !signal.aborted) throw error;
  } finally {
    cancel();
  }
  return signals.code ?? EXIT.success;
}

function next(
  before: {
    status: StatusAnswer | undefined;
    peers: Watched["peers"] | undefined;
  },
  record: WatchRecord,
): typeof before {
  if (record.type === "status") return { ...before, status: record.status };
  if (record.type !== "peers") return before;
  const { peers, sessions } = record;
  return { ...before, peers: { peers, sessions } };
}

/** The whole terminal, which is as it was before when this is disposed of. */
class FullScreen implements Disposable {
  readonly #stdout: LineWriter;

  constructor(stdout: LineWriter) {
    this.#stdout = stdout;
    stdout.put(ENTER);
  }

  /** Draws as many lines as there is room for, each cut to the width. */
  draw(lines: readonly string[]): void {
    const { rows, columns } = sizeOfTerminal();
    const room = Math.max(1, rows - 1);
    const hidden = lines.length > room ? lines.length - room + 1 : 0;
    const drawn = hidden === 0
      ? lines
      : [...lines.slice(0, room - 1), `${hidden} more lines`];
    const text = drawn.map((line) => cutLine(line, columns) + ERASE_REST);
    this.#stdout.put(`${HOME}${text.join("\r\n")}\r\n${ERASE_BELOW}`);
  }

  [Symbol.dispose](): void {
    this.#stdout.put(LEAVE);
  }
}

// deno-lint-ignore no-control-regex -- colours begin with an escape
const COLORS = /\x1b\[[\d;]*m/g;

/** A line without colours is cut where it is too long; its colours would be cut through. */
function cutLine(line: string, columns: number): string {
  const plain = line.replaceAll(COLORS, "");
  const fitted = fitText(plain, Math.max(3, columns - 1));
  return fitted === plain ? line : fitted;
}

function sizeOfTerminal(): { readonly rows: number; readonly columns: number } {
  try {
    const { rows, columns } = Deno.consoleSize();
    return { rows: rows || 24, columns: columns || 80 };
  } catch {
    return { rows: 24, columns: 80 };
  }
}
