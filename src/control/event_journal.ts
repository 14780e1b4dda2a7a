/**
 * The latest events of a node, numbered, in a bounded ring that all streams share. Each reads
 * at its own pace, can be resumed, and counts the events that it has missed.
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../core/clock.ts";
import { Deque } from "../core/deque.ts";
import { jsonLine } from "../core/escape.ts";
import {
  CONTROL_HEARTBEAT_MS,
  CONTROL_JOURNAL_KEEP_MS,
  CONTROL_STREAM_CHUNK_BYTES,
  MAX_CONTROL_JOURNAL_BYTES,
  MAX_CONTROL_JOURNAL_EVENTS,
} from "./control_limits.ts";

/** An event; `type` becomes its name in the stream. */
export interface StreamedEvent {
  readonly type: string;
}

/** An event as it is sent. */
export interface JournalEntry {
  readonly number: number;
  readonly event: StreamedEvent;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/** `event`, `id` and `data` of a server-sent event (WHATWG HTML §9.2). */
export function encodeEvent(
  event: StreamedEvent,
  time: Date,
  id?: string,
): Uint8Array {
  const data = jsonLine({ time: time.toISOString(), ...event });
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`event: ${event.type}\n${idLine}data: ${data}\n\n`);
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
  readonly #readers = new Set<EventStream>();
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
  join(reader: EventStream): () => void {
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
    const bytes = encodeEvent(event, time, this.id(number));
    this.#entries.push({ number, event, bytes });
    this.#bytes += bytes.length;
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
    this.#bytes -= entry.bytes.length;
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

/** A first byte shows the client that the stream has begun; then its delay to reconnect. */
const OPENING = encoder.encode(": verack events\nretry: 1000\n\n");
const HEARTBEAT = encoder.encode(": heartbeat\n\n");

/** Options of {@linkcode EventStream}. */
export interface EventStreamOptions {
  readonly clock: Clock;
  readonly wanted: (event: StreamedEvent) => boolean;
  /** The number after which the stream begins. */
  readonly position: number;
  /** How many were missed before it. */
  readonly missed: number;
  /** Called with the number of events that were missed. */
  readonly onMissed: (count: number) => void;
  /** Called once, when the stream ends. */
  readonly onEnd: () => void;
}

/**
 * A stream of server-sent events (WHATWG HTML §9.2). It buffers only the state that it
 * begins with: a reader that is slower than the node gets an `overflow` event in the
 * place of those that it missed.
 */
export class EventStream {
  readonly #journal: EventJournal;
  readonly #options: EventStreamOptions;
  readonly #leave: () => void;
  #chunks: Uint8Array[] = [OPENING];
  #position: number;
  #missed: number;
  #wake: (() => void) | undefined;
  #ended = false;
  #cancelHeartbeat: () => void = () => {};

  constructor(journal: EventJournal, options: EventStreamOptions) {
    this.#journal = journal;
    this.#options = options;
    this.#position = options.position;
    this.#missed = options.missed;
    this.#leave = journal.join(this);
    this.#beat();
  }

  /** Body of the response. */
  readonly body: ReadableStream<Uint8Array> = new ReadableStream({
    pull: async (controller) => {
      while (true) {
        const chunk = this.#next();
        if (chunk !== undefined) return controller.enqueue(chunk);
        if (this.#ended || this.#journal.ended) break;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      this.end();
      controller.close();
    },
    cancel: () => this.end(),
  }, { highWaterMark: 0 });

  /** Number of the last event that was read or skipped. */
  get position(): number {
    return this.#position;
  }

  /**
   * Adds events before those of the journal: the current state; then the id to resume from
   * until an event brings one.
   */
  open(events: readonly StreamedEvent[]): void {
    const time = new Date(this.#options.clock.now());
    for (const event of events) {
      if (this.#options.wanted(event)) {
        this.#chunks.push(encodeEvent(event, time));
      }
    }
    const id = this.#journal.id(this.#options.position);
    this.#chunks.push(encoder.encode(`id: ${id}\n\n`));
  }

  /** Called after an event was added to the journal, and at its end. */
  onChange(): void {
    this.#wake?.();
  }

  /** Called before an event that was not read leaves the journal. */
  onMissed({ number, event }: JournalEntry): void {
    this.#position = number;
    if (!this.#options.wanted(event)) return;
    this.#missed++;
    this.#options.onMissed(1);
  }

  /** Ends the stream. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelHeartbeat();
    this.#leave();
    this.#wake?.();
    this.#options.onEnd();
  }

  #next(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return chunk;
    if (this.#ended) return undefined;
    const parts: Uint8Array[] = [];
    if (this.#missed > 0) {
      const event = { type: "overflow", dropped: this.#missed };
      const time = new Date(this.#options.clock.now());
      parts.push(encodeEvent(event, time, this.#journal.id(this.#position)));
      this.#missed = 0;
    }
    let length = 0;
    while (length < CONTROL_STREAM_CHUNK_BYTES) {
      const entry = this.#journal.after(this.#position);
      if (entry === undefined) break;
      this.#position = entry.number;
      if (!this.#options.wanted(entry.event)) continue;
      parts.push(entry.bytes);
      length += entry.bytes.length;
    }
    if (parts.length <= 1) return parts[0];
    return Buffer.concat(parts);
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#options.clock.after(
      CONTROL_HEARTBEAT_MS,
      () => {
        // Not while another chunk waits to be read.
        if (this.#chunks.length === 0) this.#chunks.push(HEARTBEAT);
        this.#wake?.();
        this.#beat();
      },
    );
  }
}
