/** Questions to the user of a terminal: whether to accept files that are offered. */
import { type Clock, sleep } from "../../core/clock.ts";
import { linesOf } from "../lines.ts";

/**
 * Between a question that was withdrawn and the next one, so that an answer that is being typed
 * does not count for another offer.
 */
const AFTER_WITHDRAWN_MS = 1_500;

const MAX_ANSWER_CHARS = 16;

/** Options of {@linkcode OfferPrompt}. */
export interface OfferPromptOptions {
  /** What is typed. */
  readonly input: ReadableStream<Uint8Array>;
  /** Writes text as it is, on the terminal. */
  readonly put: (text: string) => void;
  readonly clock: Clock;
}

/** One question after the other. Lines that are typed while there is none count for nothing. */
export class OfferPrompt {
  readonly #options: OfferPromptOptions;
  #last: Promise<unknown> = Promise.resolve();
  #answer: ((line: string | undefined) => void) | undefined;
  #reading = false;
  #ended = false;

  constructor(options: OfferPromptOptions) {
    this.#options = options;
  }

  /**
   * The answer to a question; `undefined` if `signal` aborts, or nothing can be typed any more.
   *
   * @param question Escaped, without the choices.
   */
  ask(question: string, signal: AbortSignal): Promise<boolean | undefined> {
    const answer = this.#last.then(() => this.#ask(question, signal));
    this.#last = answer.then(async (it) => {
      if (it === undefined && signal.aborted) {
        await sleep(this.#options.clock, AFTER_WITHDRAWN_MS);
      }
    });
    return answer;
  }

  async #ask(
    question: string,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const { put } = this.#options;
    if (!this.#reading) void this.#read();
    while (!this.#ended && !signal.aborted) {
      put(`${question} [y/N] `);
      const line = await this.#line(signal);
      if (line === undefined) {
        put("\n");
        return undefined;
      }
      const word = line.trim().toLowerCase();
      if (["y", "yes"].includes(word)) return true;
      if (["", "n", "no"].includes(word)) return false;
    }
    return undefined;
  }

  async #line(signal: AbortSignal): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const onAbort = () => resolve(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#answer = resolve;
    const line = await promise;
    this.#answer = undefined;
    signal.removeEventListener("abort", onAbort);
    return line;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      const lines = linesOf(this.#options.input, MAX_ANSWER_CHARS);
      for await (const line of lines) this.#answer?.(line);
    } catch {
      // A terminal that is gone answers nothing.
    }
    this.#ended = true;
    this.#answer?.(undefined);
  }
}
