/**
 * The latest events of a node, numbered, in a bounded ring that all streams share. Each reads
 * at its own pace, can be resumed, and counts the events that it has missed.
 */
import type { Clock } from "../core/clock.ts";
import { Deque } from "../core/deque.ts";
import { jsonLine } from "../core/escape.ts";
import {
  CONTROL_JOURNAL_KEEP_MS,
  MAX_CONTROL_JOURNAL_BYTES,
  MAX_CONTROL_JOURNAL_EVENTS,
} from "./control_limits.ts";

/** An event; `type` becomes its name in the stream. */
export interface StreamedEvent {
  readonly type: string;
}

/** An event as all readers send it. */
export interface JournalEntry {
  readonly number: number;
  readonly event: StreamedEvent;
  readonly json: Uint8Array;
}

/** What a journal reports of changes. */
export interface JournalReader {
  /** Number of the last event that was read or skipped. */
  readonly position: number;
  /** Called after an event was added, and at the end. */
  onChange(): void;
  /** Called before an event that was not read leaves the journal. */
  onMissed(entry: JournalEntry): void;
}

const encoder = new TextEncoder();

/** The JSON of an event that came at a time. */
export function encodeEvent(event: StreamedEvent, time: Date): Uint8Array {
  return encoder.encode(jsonLine({ time: time.toISOString(), ...event }));
}

/** Options of {@linkcode EventJournal}. */
export interface EventJournalOptions {
  readonly clock: Clock;
  /** Begins to push the events of the node, until `signal` aborts. */
  readonly record: (signal: AbortSignal) => void;
}

/** Records events while it has readers, and for a minute after the last one. */
export class EventJournal {
  readonly #clock: Clock;
  readonly #record: (signal: AbortSignal) => void;
  readonly #epoch: string;
  readonly #readers = new Set<JournalReader>();
  readonly #entries = new Deque<JournalEntry>();
  #bytes = 0;
  #last = 0;
  /** The newest event when this recording began. */
  #begin = 0;
  #ended = false;
  #recording: AbortController | undefined;
  #cancelRest: () => void = () => {};

  constructor({ clock, record }: EventJournalOptions) {
    this.#clock = clock;
    this.#record = record;
    // Distinguishes the ids of this process from those of another.
    this.#epoch = clock.now().toString(36);
  }

  /** Number of the newest event. */
  get last(): number {
    return this.#last;
  }

  /** Whether events are kept: there are readers, or were a minute ago. */
  get isRecording(): boolean {
    return this.#recording !== undefined;
  }

  /** Whether no more events come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The id of a number. */
  id(number: number): string {
    return `${this.#epoch}-${number}`;
  }

  /**
   * The number of an id, and how many of the events after it have left the ring;
   * `undefined` for an id of another process.
   */
  resume(id: string): { number: number; missed: number } | undefined {
    const [, epoch, digits] = /^([0-9a-z]+)-(\d{1,15})$/.exec(id) ?? [];
    const number = Number(digits);
    if (epoch !== this.#epoch || !(number <= this.#last)) return undefined;
    // Nothing was recorded while there were no readers.
    if (this.#recording === undefined || number < this.#begin) return undefined;
    const oldest = this.#entries.first?.number ?? this.#last + 1;
    const missed = Math.max(0, oldest - 1 - number);
    return { number: number + missed, missed };
  }

  /** Adds a reader; returns a function that removes it. */
  join(reader: JournalReader): () => void {
    this.#cancelRest();
    this.#readers.add(reader);
    if (this.#recording === undefined && !this.#ended) {
      this.#recording = new AbortController();
      this.#begin = this.#last;
      this.#record(this.#recording.signal);
    }
    return () => {
      if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
      if (this.#ended) return;
      this.#cancelRest = this.#clock.after(
        CONTROL_JOURNAL_KEEP_MS,
        () => this.#rest(),
      );
    };
  }

  /** Adds an event. */
  push(event: StreamedEvent): void {
    if (this.#ended || this.#recording === undefined) return;
    const number = ++this.#last;
    const time = new Date(this.#clock.now());
    const json = encodeEvent(event, time);
    this.#entries.push({ number, event, json });
    this.#bytes += json.length;
    while (
      this.#entries.length > MAX_CONTROL_JOURNAL_EVENTS ||
      this.#bytes > MAX_CONTROL_JOURNAL_BYTES
    ) {
      this.#evict();
    }
    for (const reader of this.#readers) reader.onChange();
  }

  /** The first event after a number. */
  after(number: number): JournalEntry | undefined {
    const { first } = this.#entries;
    if (first === undefined) return undefined;
    return this.#entries.at(Math.max(0, number + 1 - first.number));
  }

  /** Ends the journal; its events can still be read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelRest();
    this.#recording?.abort();
    for (const reader of [...this.#readers]) reader.onChange();
  }

  #evict(): void {
    const entry = this.#entries.shift();
    if (entry === undefined) return;
    this.#bytes -= entry.json.length;
    for (const reader of this.#readers) {
      if (reader.position < entry.number) reader.onMissed(entry);
    }
  }

  #rest(): void {
    this.#recording?.abort();
    this.#recording = undefined;
    this.#entries.clear();
    this.#bytes = 0;
  }
}
