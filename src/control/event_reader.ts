/**
 * Reads the events of a node for one client, at its own pace: the present state, unless it goes
 * on after an event that it has, then what the journal gets. It buffers only the state: a client
 * that is slower than the node gets an `overflow` event in the place of those that it missed.
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../core/clock.ts";
import { CONTROL_STREAM_CHUNK_BYTES } from "./control_limits.ts";
import {
  encodeEvent,
  type EventJournal,
  type JournalEntry,
  type JournalReader,
  type StreamedEvent,
} from "./event_journal.ts";

/** What stands around the JSON of an event; events of the state have no id. */
export interface EventFormat {
  readonly before: (type: string, id: string | undefined) => string;
  readonly after: string;
  /** An id without an event. */
  readonly id: (id: string) => string;
}

/** Options of {@linkcode EventReader}. */
export interface EventReaderOptions {
  readonly clock: Clock;
  readonly format: EventFormat;
  readonly wanted: (event: StreamedEvent) => boolean;
  /** The number after which it begins. */
  readonly position: number;
  /** How many were missed before it. */
  readonly missed: number;
  /** Called when there may be more to take, and at the end of the journal. */
  readonly onChange: () => void;
  /** Called with the number of events that were missed. */
  readonly onMissed: (count: number) => void;
}

const encoder = new TextEncoder();

/** One client of a journal; dispose of it. */
export class EventReader implements JournalReader, Disposable {
  readonly #journal: EventJournal;
  readonly #options: EventReaderOptions;
  readonly #leave: () => void;
  #state: Uint8Array[] = [];
  #position: number;
  #missed: number;

  constructor(journal: EventJournal, options: EventReaderOptions) {
    this.#journal = journal;
    this.#options = options;
    this.#position = options.position;
    this.#missed = options.missed;
    this.#leave = journal.join(this);
  }

  /** Number of the last event that was read or skipped. */
  get position(): number {
    return this.#position;
  }

  /** Whether no more events come than can be taken. */
  get ended(): boolean {
    return this.#journal.ended;
  }

  /**
   * Adds events before those of the journal: the present state; then the id to resume from
   * until an event brings one.
   */
  begin(state: readonly StreamedEvent[]): void {
    const { clock, format, position, wanted } = this.#options;
    const time = new Date(clock.now());
    for (const event of state) {
      if (!wanted(event)) continue;
      this.#frame(this.#state, event, encodeEvent(event, time), undefined);
    }
    const id = format.id(this.#journal.id(position));
    this.#state.push(encoder.encode(id));
  }

  /** What there is to send, of about 64 KiB at most; `undefined` if there is nothing. */
  take(): Uint8Array[] | undefined {
    if (this.#state.length > 0) {
      const state = this.#state;
      this.#state = [];
      return chunksOf(state);
    }
    const parts: Uint8Array[] = [];
    if (this.#missed > 0) {
      const event = { type: "overflow", dropped: this.#missed };
      const time = new Date(this.#options.clock.now());
      this.#frame(parts, event, encodeEvent(event, time), this.#position);
      this.#missed = 0;
    }
    let length = 0;
    while (length < CONTROL_STREAM_CHUNK_BYTES) {
      const entry = this.#journal.after(this.#position);
      if (entry === undefined) break;
      this.#position = entry.number;
      if (!this.#options.wanted(entry.event)) continue;
      this.#frame(parts, entry.event, entry.json, entry.number);
      length += entry.json.length;
    }
    return parts.length === 0 ? undefined : chunksOf(parts);
  }

  /** See {@linkcode JournalReader}. */
  onChange(): void {
    this.#options.onChange();
  }

  /** See {@linkcode JournalReader}. */
  onMissed({ number, event }: JournalEntry): void {
    this.#position = number;
    if (!this.#options.wanted(event)) return;
    this.#missed++;
    this.#options.onMissed(1);
  }

  /** Ends it; the journal keeps nothing for it any more. */
  [Symbol.dispose](): void {
    this.#leave();
  }

  #frame(
    parts: Uint8Array[],
    { type }: StreamedEvent,
    json: Uint8Array,
    number: number | undefined,
  ): void {
    const { before, after } = this.#options.format;
    const id = number === undefined ? undefined : this.#journal.id(number);
    parts.push(encoder.encode(before(type, id)), json, encoder.encode(after));
  }
}

/** Small parts together; a large one, which all readers share, as it is. */
function chunksOf(parts: readonly Uint8Array[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = () => {
    if (small.length > 0) chunks.push(Buffer.concat(small));
    small = [];
  };
  for (const part of parts) {
    if (part.length > CONTROL_STREAM_CHUNK_BYTES) {
      flush();
      chunks.push(part);
    } else {
      small.push(part);
    }
  }
  flush();
  return chunks;
}
