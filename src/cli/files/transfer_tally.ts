/** How far file transfers are: what the bar shows of one of them, or of several together. */
import type { FileRecord } from "../../control/api/file_endpoints.ts";
import type { Clock } from "../../core/clock.ts";
import { Deque } from "../../core/deque.ts";
import { type BarState, shownPath } from "./transfer_lines.ts";

/** The rate is that of the last while, so that it follows a line that has become slower. */
const WINDOW_MS = 5_000;
/** Before that it would be the speed of a buffer. */
const FIRST_RATE_MS = 500;
const SAMPLE_MS = 250;

interface Sample {
  readonly at: number;
  readonly moved: number;
}

/** One transfer. */
interface Transfer {
  last: FileRecord;
  /** When its first file began: before that it waits to be accepted. */
  startedAt: number | undefined;
  /** Bytes that went over the network. */
  moved: number;
  /** Bytes of the current files that are there, by the number of the file. */
  readonly current: Map<number, number>;
}

/** Counts what transfers report; steps may be left out. */
export class TransferTally {
  readonly #clock: Clock;
  readonly #transfers = new Map<string, Transfer>();
  readonly #samples = new Deque<Sample>();
  #moved = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Transfers that have not ended. */
  get active(): number {
    return this.#transfers.size;
  }

  /** Bytes that are there, of all bytes of the transfers that have not ended. */
  get share(): number {
    const { bytes, total } = this.#sum();
    return total === 0 ? 0 : bytes / total;
  }

  /** Counts a step. */
  take(step: FileRecord): void {
    const key = `${step.peer} ${step.transfer}`;
    const now = this.#clock.monotonic();
    const transfer = this.#transfers.get(key) ??
      { last: step, startedAt: undefined, moved: 0, current: new Map() };
    const { file, bytes } = step;
    transfer.last = step;
    switch (step.type) {
      case "end":
        this.#transfers.delete(key);
        return;
      case "begin":
        transfer.startedAt ??= now;
        transfer.current.set(file, step.resumedAt ?? bytes);
        break;
      case "progress":
      case "done": {
        const before = transfer.current.get(file);
        if (before !== undefined) this.#move(transfer, bytes - before, now);
        if (step.type === "done") transfer.current.delete(file);
        else transfer.current.set(file, bytes);
        break;
      }
      case "failed":
        transfer.current.delete(file);
        break;
      case "retrying":
        transfer.current.clear();
        break;
    }
    this.#transfers.set(key, transfer);
  }

  /** Bytes that the transfer of a step has moved, and for how long it has lasted. */
  figuresOf(
    { peer, transfer }: Pick<FileRecord, "peer" | "transfer">,
  ): { readonly moved: number; readonly ms: number } {
    const found = this.#transfers.get(`${peer} ${transfer}`);
    if (found === undefined) return { moved: 0, ms: 0 };
    const now = this.#clock.monotonic();
    const { moved, startedAt = now } = found;
    return { moved, ms: now - startedAt };
  }

  /** What the bar shows; `undefined` if nothing is transferred. */
  bar(): BarState | undefined {
    const { bytes, total, begun } = this.#sum();
    if (begun === undefined) return undefined;
    const { path, file, files } = begun;
    const label = this.active > 1
      ? `${this.active} transfers`
      : files > 1
      ? `${file}/${files} ${shownPath(path)}`
      : shownPath(path);
    return { label, bytes, total, rate: this.#rate() };
  }

  #sum(): { bytes: number; total: number; begun: FileRecord | undefined } {
    let bytes = 0;
    let total = 0;
    let begun: FileRecord | undefined;
    for (const { last } of this.#transfers.values()) {
      bytes += last.allBytes;
      total += last.allTotal;
      if (last.file > 0) begun = last;
    }
    return { bytes, total, begun };
  }

  #move(transfer: Transfer, bytes: number, now: number): void {
    const { last } = this.#samples;
    // After a pause the rate is measured anew.
    if (last !== undefined && now - last.at > WINDOW_MS) this.#samples.clear();
    if (this.#samples.length === 0) {
      this.#samples.push({ at: now, moved: this.#moved });
    }
    transfer.moved += Math.max(0, bytes);
    this.#moved += Math.max(0, bytes);
    if (now - (this.#samples.last?.at ?? now) < SAMPLE_MS) return;
    this.#samples.push({ at: now, moved: this.#moved });
  }

  #rate(): number | undefined {
    const now = this.#clock.monotonic();
    const { last } = this.#samples;
    if (last !== undefined && now - last.at > WINDOW_MS) return 0;
    // The last one before the window begins it.
    while ((this.#samples.at(1)?.at ?? now) < now - WINDOW_MS) {
      this.#samples.shift();
    }
    const { first } = this.#samples;
    if (first === undefined || now - first.at < FIRST_RATE_MS) return undefined;
    return (this.#moved - first.moved) / (now - first.at) * 1_000;
  }
}
