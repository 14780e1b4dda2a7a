/**
 * A terminal with an input line at its bottom and all output above it. Editing, history and
 * keys are those of `node:readline`; output is queued by `line_writer.ts`.
 */
import process from "node:process";
import * as readline from "node:readline";
import { Writable } from "node:stream";
import type { LineOutput, LineWriter } from "../line_writer.ts";

const PROMPT = "> ";
const MAX_HISTORY_LINES = 1_000;

/** Carriage return, erase to the end of the screen. */
const ERASE_BELOW = "\r\x1b[J";

/** Receives the input. */
export interface Typist {
  /** A line was entered. */
  onLine(line: string): void;
  /** Ctrl-C was typed. */
  onInterrupt(): void;
  /** Ctrl-D was typed on an empty line, or the terminal is gone. */
  onEnd(): void;
  /** Ctrl-Z was typed, which does nothing here. */
  onSuspend(): void;
  /** Candidates for completion, and the end of the line that they would replace. */
  complete(line: string): [candidates: string[], end: string];
}

/** The terminal of this process, until it is disposed of. */
export class Screen implements LineOutput, Disposable {
  readonly #readline: readline.Interface;
  readonly #stdout: LineWriter;
  readonly #drawing: Drawing;
  #closed = false;

  constructor(typist: Typist, stdout: LineWriter) {
    this.#stdout = stdout;
    this.#drawing = new Drawing(stdout);
    this.#readline = readline.createInterface({
      input: process.stdin,
      output: this.#drawing,
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
    // Without a listener `node:readline` would stop this process, which Deno does not permit.
    this.#readline.on("SIGTSTP", () => typist.onSuspend());
    this.#readline.on("close", () => {
      if (!this.#closed) typist.onEnd();
    });
    this.#readline.prompt();
  }

  /** Writes whole lines above the input line, which stays as it is. */
  line(text: string, keep = false, indent?: number | false): void {
    if (this.#closed) return this.#stdout.line(text, keep, indent);
    // The input may take several rows, and is drawn again from the first of them.
    const { rows } = this.#readline.getCursorPos();
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    const below = "\n".repeat(rows);
    const shown = this.#stdout.rows(text, indent);
    this.#stdout.put(`${up}${ERASE_BELOW}${shown}\n${below}`, keep);
    this.#readline.prompt(true);
  }

  /** Restores the terminal and erases the input line. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    const { rows } = this.#readline.getCursorPos();
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    this.#stdout.put(`${up}${ERASE_BELOW}`);
    this.#readline.close();
    this.#drawing.close();
  }
}

/**
 * The output of `node:readline`, in place of `process.stdout`: that has a queue without a bound,
 * and its own order beside the other lines.
 */
class Drawing extends Writable {
  readonly #onResize = () => void this.emit("resize");

  constructor(stdout: LineWriter) {
    super({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        stdout.put(String(chunk));
        done();
      },
    });
    process.stdout.on("resize", this.#onResize);
  }

  get columns(): number {
    return process.stdout.columns;
  }

  get rows(): number {
    return process.stdout.rows;
  }

  close(): void {
    process.stdout.off("resize", this.#onResize);
  }
}
