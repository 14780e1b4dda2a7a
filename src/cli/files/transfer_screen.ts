/**
 * The output of the commands that send and receive files: a line for each file that is done or
 * failed, a bar below them on a terminal, notices on stderr; or JSON lines.
 */
import type {
  FileRecord,
  ReceiveRecord,
} from "../../control/api/file_endpoints.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { jsonLine } from "../../core/escape.ts";
import type { LeftOutEvent } from "../event_lines.ts";
import { OutputBudget } from "../output_budget.ts";
import { Progress } from "../progress.ts";
import type { Terminal } from "../terminal.ts";
import {
  barLine,
  bytesText,
  endText,
  fateLine,
  filesText,
  peerOf,
  waitText,
} from "./transfer_lines.ts";
import { TransferTally } from "./transfer_tally.ts";

/** Least time between two records of progress of a transfer as JSON. */
const JSON_PROGRESS_MS = 250;

/** Options of {@linkcode TransferScreen}. */
export interface TransferScreenOptions {
  readonly terminal: Terminal;
  /** One object a line instead of text. */
  readonly json: boolean;
  /** Which end this is. */
  readonly receives: boolean;
  /** Before notices, e.g. `verack receive`. */
  readonly command: string;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** Columns of the terminal for the bar. @default that of stderr, if it is one */
  readonly columns?: () => number;
}

/** Shows transfers until disposed of. */
export class TransferScreen implements Disposable {
  readonly tally: TransferTally;
  readonly #options: TransferScreenOptions;
  readonly #clock: Clock;
  readonly #progress: Progress;
  /** When progress of a transfer was last printed as JSON. */
  readonly #printedAt = new Map<string, number>();
  /** What each transfer waits for, as it was last shown. */
  readonly #waiting = new Map<string, string>();
  /** Limits the offers that peers make, which cost them nothing. */
  readonly #offers: OutputBudget;
  /** Transfers without a shown offer, until they begin or end. */
  readonly #muted = new Set<string>();
  #held = false;

  constructor(options: TransferScreenOptions) {
    const { terminal, json, clock = systemClock } = options;
    const columns = options.columns ?? terminal.stderr.columns;
    this.#options = options;
    this.#clock = clock;
    this.tally = new TransferTally(clock);
    this.#offers = new OutputBudget({
      clock,
      what: "offers",
      hasStanding: () => false,
      tell: (event) => this.#tellLeftOut(event),
    });
    this.#progress = new Progress({
      text: () => {
        const bar = this.#held ? undefined : this.tally.bar();
        return bar && barLine(bar, columns?.() ?? 80, terminal.err);
      },
      enabled: columns !== undefined && !json,
      put: (text) => terminal.stderr.put(text),
      clock,
      ...(columns !== undefined && { columns }),
    });
  }

  /** A notice on stderr. */
  talk(text: string): void {
    const { terminal, command } = this.#options;
    this.#progress.aside(() => terminal.stderr.line(`${command}: ${text}`));
  }

  /** Erases the bar, and shows none until {@linkcode release}, for a question. */
  hold(): void {
    this.#progress.aside(() => {});
    this.#held = true;
  }

  /** Shows the bar again. */
  release(): void {
    this.#held = false;
  }

  /** Shows a record. */
  show(record: FileRecord | ReceiveRecord): void {
    const { json } = this.#options;
    if (this.#isMuted(record)) return;
    if (json) this.#print(record);
    if (
      record.type === "ask" || record.type === "withdrawn" ||
      record.type === "ready"
    ) return;
    const figures = this.tally.figuresOf(record);
    this.tally.take(record);
    if (!json) this.#write(record, figures);
  }

  [Symbol.dispose](): void {
    this.#offers[Symbol.dispose]();
    this.#progress[Symbol.dispose]();
  }

  #isMuted(record: FileRecord | ReceiveRecord): boolean {
    if (!this.#options.receives || !("transfer" in record)) return false;
    const key = keyOf(record);
    if (record.type === "offer" && !this.#offers.admits(record.peer)) {
      this.#muted.add(key);
    }
    // What the user has accepted is shown.
    if (record.type === "begin") this.#muted.delete(key);
    const isMuted = this.#muted.has(key);
    if (record.type === "end") this.#muted.delete(key);
    return isMuted;
  }

  #tellLeftOut(event: Required<LeftOutEvent>): void {
    const { json, terminal } = this.#options;
    if (!json) return this.talk(`${event.dropped} not shown: ${event.reason}`);
    const time = new Date(this.#clock.now()).toISOString();
    terminal.stdout.line(jsonLine({ time, ...event }), false, false);
  }

  #print(record: FileRecord | ReceiveRecord): void {
    const now = this.#clock.monotonic();
    if ("transfer" in record) {
      const key = keyOf(record);
      const last = this.#printedAt.get(key) ?? -Infinity;
      if (record.type === "progress" && now - last < JSON_PROGRESS_MS) return;
      if (record.type === "progress") this.#printedAt.set(key, now);
      if (record.type === "end") this.#printedAt.delete(key);
    }
    const time = new Date(this.#clock.now()).toISOString();
    const { stdout } = this.#options.terminal;
    stdout.line(jsonLine({ time, ...record }), false, false);
  }

  #write(
    step: FileRecord,
    figures: { readonly moved: number; readonly ms: number },
  ): void {
    const { receives, terminal } = this.#options;
    const key = keyOf(step);
    if (step.type !== "retrying") this.#waiting.delete(key);
    const line = fateLine(step, { receives, colors: terminal.out });
    if (line !== undefined) {
      return this.#progress.aside(() => terminal.stdout.line(line));
    }
    if (step.type === "end") {
      const { done = 0, failed = 0, error } = step;
      // A transfer that was declined has its line.
      if (done + failed === 0 && error === undefined) return;
      return this.talk(endText(step, { receives, ...figures }));
    }
    if (step.type === "offer" && !receives) {
      const what = `${filesText(step.files)}, ${bytesText(step.allTotal)}`;
      return this.talk(`${what}, offered to ${peerOf(step)}`);
    }
    if (step.type === "retrying") this.#wait(key, step);
  }

  /** Says once for what a transfer waits, however often it is tried. */
  #wait(
    key: string,
    step: Extract<FileRecord, { readonly type: "retrying" }>,
  ): void {
    const { code } = step.error ?? {};
    const before = this.#waiting.get(key);
    // After a session was lost there is none for a while.
    if (code === "not-connected" && before !== undefined) return;
    const text = `waiting for ${peerOf(step)}: ${waitText(step)}`;
    if (before === text) return;
    this.#waiting.set(key, text);
    this.talk(text);
  }
}

function keyOf(
  { peer, transfer }: { readonly peer: string; readonly transfer: string },
): string {
  return `${peer} ${transfer}`;
}
