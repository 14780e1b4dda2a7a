/**
 * A terminal with a line that is being typed at its bottom and everything else
 * above it. Editing, history and keys are those of `node:readline`; what the lines
 * mean is up to others.
 */
import process from "node:process";
import * as readline from "node:readline";
import type { SyncSink } from "../terminal.ts";

const PROMPT = "> ";
const MAX_HISTORY_LINES = 1_000;

/** Carriage return, erase to the end of the screen. */
const ERASE_BELOW = "\r\x1b[J";

/** Who is told what is typed. */
export interface Typist {
  /** A line was entered. */
  onLine(line: string): void;
  /** Ctrl-C was typed. */
  onInterrupt(): void;
  /** Ctrl-D was typed on an empty line, or the terminal is gone. */
  onEnd(): void;
  /** Ctrl-Z was typed, which does nothing here. */
  onSuspend(): void;
  /** What a line may become, and the end of it that those would replace. */
  complete(line: string): [candidates: string[], end: string];
}

/** The terminal of this process, until it is disposed of. */
export class Screen implements SyncSink, Disposable {
  readonly #readline: readline.Interface;
  #closed = false;

  constructor(typist: Typist) {
    this.#readline = readline.createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: true,
      prompt: PROMPT,
      historySize: MAX_HISTORY_LINES,
      removeHistoryDuplicates: true,
      completer: (line: string) => typist.complete(line),
    });
    this.#readline.on("line", (line) => {
      typist.onLine(line);
      if (!this.#closed) this.#readline.prompt();
    });
    this.#readline.on("SIGINT", () => typist.onInterrupt());
    // Without a listener it would stop this process, which Deno does not let it.
    this.#readline.on("SIGTSTP", () => typist.onSuspend());
    this.#readline.on("close", () => {
      if (!this.#closed) typist.onEnd();
    });
    this.#readline.prompt();
  }

  /** Writes whole lines above the one that is typed, which stays as it is. */
  writeSync(data: Uint8Array): number {
    const text = new TextDecoder().decode(data);
    if (this.#closed) {
      process.stdout.write(text);
      return data.length;
    }
    // What is typed may take several rows, and is drawn again from the first of them.
    const { rows } = this.#readline.getCursorPos();
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    process.stdout.write(`${up}${ERASE_BELOW}${text}${"\n".repeat(rows)}`);
    this.#readline.prompt(true);
    return data.length;
  }

  /** The terminal is as before, and what was being typed is gone. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    const { rows } = this.#readline.getCursorPos();
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    process.stdout.write(`${up}${ERASE_BELOW}`);
    this.#readline.close();
  }
}
