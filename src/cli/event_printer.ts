/**
 * Writes a node's events as they come, except that people get the size of the
 * mesh only now and then. What the lines look like is in `event_lines.ts`.
 */
import type { Clock } from "../clock.ts";
import type { NodeEvent } from "../mesh/events.ts";
import { eventJson, eventLine, type PrintedEvent } from "./event_lines.ts";
import type { LineOutput } from "./line_writer.ts";
import type { Palette } from "./terminal.ts";

/**
 * People get the size of the mesh at most this often. A join through one member
 * takes some ten milliseconds, and nobody wants to see each step of it.
 */
const SETTLE_MS = 200;

/** Options of {@linkcode EventPrinter}. */
export interface EventPrinterOptions {
  readonly output: LineOutput;
  /** One JSON object a line, all events and at once. */
  readonly json: boolean;
  readonly colors: Palette;
  readonly clock: Clock;
}

/** Prints events until disposed of; what is held back is printed then. */
export class EventPrinter implements Disposable {
  readonly #options: EventPrinterOptions;
  #held: NodeEvent | undefined;
  #cancel: () => void = () => {};

  constructor(options: EventPrinterOptions) {
    this.#options = options;
  }

  /**
   * Prints an event.
   *
   * @param keep As of `LineOutput.line`.
   */
  print(event: PrintedEvent, keep = false): void {
    if (this.#options.json || event.type !== "mesh") {
      if (event.type === "stopped") this.#release();
      this.#write(event, keep);
      return;
    }
    if (this.#held === undefined) {
      const { clock } = this.#options;
      this.#cancel = clock.after(SETTLE_MS, () => this.#release());
    }
    this.#held = event;
  }

  [Symbol.dispose](): void {
    this.#release();
  }

  #release(): void {
    this.#cancel();
    const event = this.#held;
    this.#held = undefined;
    if (event !== undefined) this.#write(event);
  }

  #write(event: PrintedEvent, keep = false): void {
    const { output, json, colors, clock } = this.#options;
    const time = new Date(clock.now());
    const line = json ? eventJson(event, time) : eventLine(event, time, colors);
    output.line(line, keep);
  }
}
