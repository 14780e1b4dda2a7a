/**
 * One line at the bottom of a terminal with the progress of a long task, below the lines that
 * stay. On standard error, and only if that is a terminal.
 */
import type { Clock } from "../core/clock.ts";
import { columnsOfText } from "./wrap.ts";

/** A task that is done sooner needs no progress. */
const QUIET_MS = 1_000;
/** Period of updates. */
const REDRAW_MS = 200;

const ERASE = "\r\x1b[K";
/** Colours (SGR), which take no column. */
// deno-lint-ignore no-control-regex
const COLORS = /\x1b\[[0-9;]*m/g;

/** Options of {@linkcode Progress}. */
export interface ProgressOptions {
  /** Makes the line, without a line feed; `undefined` for none yet. */
  readonly text: () => string | undefined;
  /** Whether there is a terminal to show it on. */
  readonly enabled: boolean;
  /** Writes text as it is, there. */
  readonly put: (text: string) => void;
  readonly clock: Clock;
  /** Columns of the terminal now; a line that was wider when it was written is erased as a whole. */
  readonly columns?: () => number;
}

/** Shows a line until disposed of. */
export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  #cancel = () => {};
  /** The line on the screen. */
  #shown: string | undefined;
  #ended = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    if (options.enabled) this.#after(QUIET_MS);
  }

  /** Calls `write`, which writes lines that stay, while the progress is erased. */
  aside(write: () => void): void {
    this.#erase();
    write();
    // Drawn again with the next turn; a line for each of a thousand would flicker.
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#cancel();
    this.#erase();
  }

  #erase(): void {
    if (this.#shown !== undefined) this.#options.put(this.#eraser());
    this.#shown = undefined;
  }

  /** What erases the line, which takes several rows if the terminal has become narrower. */
  #eraser(): string {
    const { columns } = this.#options;
    if (this.#shown === undefined || columns === undefined) return ERASE;
    const length = columnsOfText(this.#shown.replaceAll(COLORS, ""));
    const rows = Math.ceil(length / Math.max(1, columns()));
    return rows <= 1 ? ERASE : `\r\x1b[${rows - 1}A\x1b[J`;
  }

  #after(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => {
      if (this.#ended) return;
      const text = this.#options.text();
      if (text !== undefined) {
        this.#options.put(`${this.#eraser()}${text}`);
        this.#shown = text;
      } else {
        this.#erase();
      }
      this.#after(REDRAW_MS);
    });
  }
}
