/**
 * A stream of server-sent events (WHATWG HTML §9.2). It buffers only the state that it
 * begins with: a reader that is slower than the node gets an `overflow` event in the
 * place of those that it missed.
 */
import type { Clock } from "../core/clock.ts";
import { CONTROL_HEARTBEAT_MS, CONTROL_STREAM_CHUNK_BYTES } from "../limits.ts";
import {
  encodeEvent,
  type EventJournal,
  type JournalEntry,
  type JournalReader,
  type StreamedEvent,
} from "./event_journal.ts";

const encoder = new TextEncoder();

/** A first byte shows the client that the stream has begun; then its delay to reconnect. */
const OPENING = encoder.encode(": verack events\nretry: 1000\n\n");
const HEARTBEAT = encoder.encode(": heartbeat\n\n");

/** Options of {@linkcode EventStream}. */
export interface EventStreamOptions {
  readonly clock: Clock;
  readonly wanted: (event: StreamedEvent) => boolean;
  /** The stream begins after this number. */
  readonly position: number;
  /** How many were missed before it. */
  readonly missed: number;
  /** Called with the number of events that were missed. */
  readonly onMissed: (count: number) => void;
  /** Called once, when the stream ends. */
  readonly onEnd: () => void;
}

/** One stream. */
export class EventStream implements JournalReader {
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

  get position(): number {
    return this.#position;
  }

  /** Adds events before those of the journal: the current state. */
  open(events: readonly StreamedEvent[]): void {
    const time = new Date(this.#options.clock.now());
    for (const event of events) {
      if (this.#options.wanted(event)) {
        this.#chunks.push(encodeEvent(event, time));
      }
    }
  }

  onChange(): void {
    this.#wake?.();
  }

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
    const all = new Uint8Array(parts.reduce((sum, it) => sum + it.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
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
