/**
 * What happens at a node, as server-sent events (WHATWG HTML §9.2): one stream
 * for each who watches. A stream is bounded in events and bytes; who reads too
 * slowly is dropped, so that it costs the node nothing and others do not wait.
 */
import type { Clock } from "../clock.ts";
import { jsonLine } from "../escape.ts";
import {
  CONTROL_HEARTBEAT_MS,
  MAX_CONTROL_STREAM_BYTES,
  MAX_CONTROL_STREAM_EVENTS,
} from "../limits.ts";

/** Something that happened; `type` becomes the name of the event. */
export interface StreamedEvent {
  readonly type: string;
}

const encoder = new TextEncoder();

/** Comes first, so that the one who asked sees that it begins; then how soon to come back. */
const OPENING = ": verack events\nretry: 1000\n\n";
const HEARTBEAT = ": heartbeat\n\n";

/** Options of {@linkcode EventStream}. */
export interface EventStreamOptions {
  readonly wanted: (event: StreamedEvent) => boolean;
  /** Called once; `slow` if it was dropped for not reading. */
  readonly onEnd: (slow: boolean) => void;
}

/** One who watches. */
export class EventStream {
  readonly #clock: Clock;
  readonly #options: EventStreamOptions;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #ended = false;
  #slow = false;
  #cancelHeartbeat: () => void = () => {};

  constructor(clock: Clock, options: EventStreamOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#put(OPENING);
    this.#beat();
  }

  /** What the response carries. */
  readonly body: ReadableStream<Uint8Array> = new ReadableStream({
    pull: async (controller) => {
      while (this.#chunks.length === 0 && !this.#ended) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      // Whoever was dropped must not take what it got for all there was.
      if (this.#slow) return controller.error(new Error("reads too slowly"));
      const chunk = this.#chunks.shift();
      if (chunk === undefined) return controller.close();
      this.#bytes -= chunk.length;
      controller.enqueue(chunk);
    },
    cancel: () => this.end(),
  }, { highWaterMark: 0 });

  /** Adds an event; never waits. */
  push(event: StreamedEvent): void {
    if (this.#ended || !this.#options.wanted(event)) return;
    const data = jsonLine({
      time: new Date(this.#clock.now()).toISOString(),
      ...event,
    });
    this.#put(`event: ${event.type}\ndata: ${data}\n\n`);
  }

  /** No more events come; those that wait are still sent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelHeartbeat();
    this.#wake?.();
    this.#options.onEnd(this.#slow);
  }

  #put(text: string): void {
    if (this.#ended) return;
    const chunk = encoder.encode(text);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (
      this.#chunks.length > MAX_CONTROL_STREAM_EVENTS ||
      this.#bytes > MAX_CONTROL_STREAM_BYTES
    ) {
      this.#slow = true;
      this.#chunks.length = 0;
      return this.end();
    }
    this.#wake?.();
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#clock.after(CONTROL_HEARTBEAT_MS, () => {
      // Who reads nothing needs no more of them.
      if (this.#chunks.length === 0) this.#put(HEARTBEAT);
      this.#beat();
    });
  }
}
