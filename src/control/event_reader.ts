/** Reads server-sent events (WHATWG HTML §9.2) and gives up a stream that is silent. */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  CONTROL_ANSWER_TIMEOUT_MS,
  CONTROL_SILENCE_MS,
  MAX_CONTROL_ANSWER_BYTES,
} from "../limits.ts";

/** Aborts when a stream has been silent for too long. */
export class SilenceTimer implements Disposable {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #until: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort(this.#until?.reason);
  #cancel: () => void = () => {};

  constructor(clock: Clock, until: AbortSignal | undefined) {
    this.#clock = clock;
    this.#until = until;
    if (until?.aborted) this.#onAbort();
    until?.addEventListener("abort", this.#onAbort, { once: true });
    this.#restart(CONTROL_ANSWER_TIMEOUT_MS);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async *watch(
    body: ReadableStream<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    this.#restart(CONTROL_SILENCE_MS);
    for await (const chunk of body) {
      // The time that the consumer takes is not the node's silence.
      this.#cancel();
      yield chunk;
      this.#restart(CONTROL_SILENCE_MS);
    }
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#until?.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
  }

  #restart(limitMs: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(limitMs, () => {
      this.#controller.abort(new DOMException("silent", "TimeoutError"));
    });
  }
}

/** Each server-sent event; comments and events without data are skipped. */
export async function* serverSentEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly id: string | undefined; readonly data: string }> {
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
      if (data !== "") yield { id: field(lines, "id")[0], data };
    }
    if (rest.length > MAX_CONTROL_ANSWER_BYTES) {
      throw new VerackError("oversize", "Cannot read events: one is too large");
    }
  }
}
