/** The answer to `GET /v1/events`: server-sent events (WHATWG HTML §9.2) out of a reader. */
import type { Clock } from "../core/clock.ts";
import { CONTROL_HEARTBEAT_MS } from "./control_limits.ts";
import type { EventFormat, EventReader } from "./event_reader.ts";

/** `event`, `id` and `data` of a server-sent event. */
export const SERVER_SENT_EVENT: EventFormat = {
  before: (type, id) =>
    `event: ${type}\n${id === undefined ? "" : `id: ${id}\n`}data: `,
  after: "\n\n",
  id: (id) => `id: ${id}\n\n`,
};

const encoder = new TextEncoder();

/** A first byte shows the client that the stream has begun; then its delay to reconnect. */
const OPENING = encoder.encode(": verack events\nretry: 1000\n\n");
const HEARTBEAT = encoder.encode(": heartbeat\n\n");

/** Options of {@linkcode EventStream}. */
export interface EventStreamOptions {
  readonly clock: Clock;
  /** Begins to read; `onChange` is to be called when there may be more to take. */
  readonly open: (onChange: () => void) => Promise<EventReader>;
  /** Called once, when the stream ends. */
  readonly onEnd: () => void;
}

/** A stream of events to one client. */
export class EventStream {
  readonly #options: EventStreamOptions;
  #reader: EventReader | undefined;
  #isOpen = false;
  #isBeatDue = false;
  #wake: () => void = () => {};
  #ended = false;
  #cancelHeartbeat: () => void = () => {};

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Body of the response. */
  readonly body: ReadableStream<Uint8Array> = new ReadableStream({
    pull: async (controller) => {
      while (true) {
        const chunks = this.#next();
        if (chunks !== undefined) {
          for (const chunk of chunks) controller.enqueue(chunk);
          return;
        }
        if (this.#ended || this.#reader?.ended) break;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
      this.end();
      controller.close();
    },
    cancel: () => this.end(),
  }, { highWaterMark: 0 });

  /** Begins to read the events. */
  async begin(): Promise<void> {
    this.#beat();
    try {
      this.#reader = await this.#options.open(() => this.#wake());
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Ends the stream. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelHeartbeat();
    this.#reader?.[Symbol.dispose]();
    this.#wake();
    this.#options.onEnd();
  }

  #next(): Uint8Array[] | undefined {
    if (this.#ended) return undefined;
    if (!this.#isOpen) {
      this.#isOpen = true;
      return [OPENING];
    }
    const chunks = this.#reader?.take() ??
      (this.#isBeatDue ? [HEARTBEAT] : undefined);
    if (chunks !== undefined) this.#isBeatDue = false;
    return chunks;
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#options.clock.after(
      CONTROL_HEARTBEAT_MS,
      () => {
        this.#isBeatDue = true;
        this.#wake();
        this.#beat();
      },
    );
  }
}
