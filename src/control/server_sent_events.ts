/** Reads server-sent events (WHATWG HTML §9.2), and notices a stream that has gone silent. */
import { type Clock, DeadlineError } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  CONTROL_ANSWER_TIMEOUT_MS,
  CONTROL_SILENCE_MS,
  MAX_CONTROL_ANSWER_BYTES,
} from "./control_limits.ts";

/** Aborts when a stream has been silent for too long, or with `until`. */
export class SilenceTimer implements Disposable {
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #cancel: () => void = () => {};

  constructor(clock: Clock, until: AbortSignal | undefined) {
    this.#clock = clock;
    const { signal } = this.#controller;
    this.signal = until === undefined
      ? signal
      : AbortSignal.any([signal, until]);
    this.#restart(CONTROL_ANSWER_TIMEOUT_MS);
  }

  async *watch(
    body: ReadableStream<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    this.#restart(CONTROL_SILENCE_MS);
    for await (const chunk of body) {
      // Time that the consumer spends does not count as silence of the node.
      this.#cancel();
      yield chunk;
      this.#restart(CONTROL_SILENCE_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#controller.abort();
  }

  #restart(limitMs: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(limitMs, () => {
      this.#controller.abort(new DeadlineError("silent"));
    });
  }
}

/** A server-sent event. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** Each server-sent event; those without id and data, such as comments, are skipped. */
export async function* serverSentEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  const field = (lines: string[], name: string) =>
    lines.filter((line) => line.startsWith(`${name}: `))
      .map((line) => line.slice(name.length + 2));
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\n");
      const data = field(lines, "data").join("\n");
      const [id] = field(lines, "id");
      const [name] = field(lines, "event");
      if (id !== undefined || data !== "") yield { id, event: name, data };
    }
    if (rest.length > MAX_CONTROL_ANSWER_BYTES) {
      throw new VerackError("oversize", "Cannot read events: one is too large");
    }
  }
}
