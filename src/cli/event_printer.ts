/**
 * Writes a node's events as they come; text output has the size of the mesh at intervals only.
 * The lines are made in `event_lines.ts`.
 */
import type { Clock } from "../core/clock.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MESH_LINES } from "./cli_limits.ts";
import { TokenBucket } from "../core/token_bucket.ts";
import { EventBudget } from "./output_budget.ts";
import {
  eventJson,
  eventLine,
  type LeftOutEvent,
  LINE_INDENT,
  type PrintedEvent,
} from "./event_lines.ts";
import type { LineOutput } from "./line_writer.ts";
import type { Palette } from "./terminal.ts";

/**
 * Text output has the size of the mesh at most this often: a join has many steps within some
 * ten milliseconds.
 */
const SETTLE_MS = 200;

/** Options of {@linkcode EventPrinter}. */
export interface EventPrinterOptions {
  readonly output: LineOutput;
  /** One JSON object a line, all events and at once. */
  readonly json: boolean;
  readonly colors: Palette;
  readonly clock: Clock;
  /** Whether a peer has standing: all others share one budget of lines. */
  readonly hasStanding: (id: string) => boolean;
  /** As for `eventLine`. @default true */
  readonly mayDecide?: boolean;
  /** As for `eventLine`. @default its first digits */
  readonly labelOf?: (id: PeerId) => string;
}

/** Options of {@linkcode EventPrinter.print}. */
export interface PrintOptions {
  /** As of `LineOutput.line`. */
  readonly keep?: boolean;
  /** When it happened. @default now */
  readonly time?: Date;
}

/** Prints events until disposed of; what is held back is printed then. */
export class EventPrinter implements Disposable {
  readonly #options: EventPrinterOptions;
  readonly #budget: EventBudget;
  readonly #mesh = new TokenBucket(MESH_LINES);
  #held: { event: PrintedEvent; options: PrintOptions } | undefined;
  #cancel: () => void = () => {};

  constructor(options: EventPrinterOptions) {
    this.#options = options;
    const { clock, hasStanding } = options;
    const tell = (event: LeftOutEvent) => this.#write(event);
    this.#budget = new EventBudget({ clock, hasStanding, tell });
  }

  /** Prints an event, unless its source has caused too many. */
  print(event: PrintedEvent, options: PrintOptions = {}): void {
    if (event.type === "mesh") return this.#printMesh(event, options);
    if (event.type === "stopped") this.#release();
    if (this.#budget.admits(event)) this.#write(event, options);
  }

  [Symbol.dispose](): void {
    this.#release();
  }

  /** At once as JSON, unless there were very many; held back otherwise. */
  #printMesh(event: PrintedEvent, options: PrintOptions): void {
    const { json, clock } = this.#options;
    const isHeld = this.#held !== undefined;
    if (json && !isHeld && this.#mesh.take(clock.monotonic())) {
      return this.#write(event, options);
    }
    this.#held = { event, options };
    if (!isHeld) this.#hold();
  }

  #hold(): void {
    const { clock } = this.#options;
    const waitMs = this.#mesh.has(clock.monotonic())
      ? SETTLE_MS
      : MESH_LINES.refillMs;
    this.#cancel = clock.after(waitMs, () => {
      if (this.#mesh.take(clock.monotonic())) this.#releaseMesh();
      else this.#hold();
    });
  }

  #release(): void {
    this.#releaseMesh();
    this.#budget[Symbol.dispose]();
  }

  #releaseMesh(): void {
    this.#cancel();
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#write(held.event, held.options);
  }

  #write(
    event: PrintedEvent,
    { keep, time = new Date(this.#options.clock.now()) }: PrintOptions = {},
  ): void {
    const { output, json, colors } = this.#options;
    const line = json
      ? eventJson(event, time)
      : eventLine(event, time, colors, this.#options);
    output.line(line, keep, json ? false : LINE_INDENT);
  }
}
