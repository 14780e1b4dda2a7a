/**
 * One line at the bottom of a terminal with the progress of a long task, below the lines that
 * stay. On standard error, and only if that is a terminal.
 */
import type { Clock } from "../core/clock.ts";

/** A task that is done sooner needs no progress. */
const QUIET_MS = 1_000;
/** Period of updates. */
const REDRAW_MS = 200;

const ERASE = "\r\x1b[K";

/** Options of {@linkcode Progress}. */
export interface ProgressOptions {
  /** Makes the line, without a line feed; `undefined` for none yet. */
  readonly text: () => string | undefined;
  /** Whether there is a terminal to show it on. */
  readonly enabled: boolean;
  /** Writes text as it is, there. */
  readonly put: (text: string) => void;
  readonly clock: Clock;
}

/** Shows a line until disposed of. */
export class Progress implements Disposable {
  readonly #options: ProgressOptions;
  #cancel = () => {};
  #shown = false;
  #ended = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    if (options.enabled) this.#after(QUIET_MS);
  }

  /** Calls `write`, which writes lines that stay, while the progress is erased. */
  aside(write: () => void): void {
    if (!this.#shown) return write();
    this.#options.put(ERASE);
    this.#shown = false;
    write();
    // Drawn again with the next turn; a line for each of a thousand would flicker.
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#cancel();
    if (this.#shown) this.#options.put(ERASE);
    this.#shown = false;
  }

  #after(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => {
      if (this.#ended) return;
      const text = this.#options.text();
      if (text !== undefined) {
        this.#options.put(`${ERASE}${text}`);
        this.#shown = true;
      }
      this.#after(REDRAW_MS);
    });
  }
}
