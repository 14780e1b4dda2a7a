// @ts-check
/**
 * Keeps one stream of server-sent events open: begins it again when it breaks or falls silent,
 * after a backoff with full jitter.
 */
import { ApiError, piecesOf } from "./api.js";

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 15_000;

/** The node sends a comment each 15 s on a quiet stream. */
export const SILENCE_MS = 20_000;

/**
 * Time and chance, as `core/clock.ts` has them.
 *
 * @typedef {object} Times
 * @property {() => number} now Milliseconds since 1970.
 * @property {(delayMs: number, callback: () => void) => () => void} after Returns what cancels it.
 * @property {() => number} chance A number in [0, 1).
 */

/** @type {Times} */
export const browserTimes = {
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  chance: () => Math.random(),
};

/**
 * How long to wait after `failures` in a row.
 *
 * @param {number} failures
 * @param {number} chance In [0, 1).
 */
export function backoffMs(failures, chance) {
  if (failures === 0) return 0;
  const most = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1));
  return most / 2 + most / 2 * chance;
}

/**
 * @typedef {object} StreamSource
 * @property {(signal: AbortSignal) => Promise<Response>} open
 * @property {(event: import("./sse.js").ServerSentEvent) => void} onEvent
 * @property {() => void} onState The state has changed, or something came.
 */

/** One stream, from `start` to `stop`. */
export class LiveStream {
  /** @type {"closed" | "opening" | "open" | "waiting"} */
  state = "closed";
  /** When something came last, a comment too; `undefined` before. @type {number | undefined} */
  heardAt;
  /** Why the last attempt ended. @type {unknown} */
  error;
  #source;
  #times;
  #failures = 0;
  /** @type {AbortController | undefined} */
  #run;
  /** @type {AbortController | undefined} */
  #attempt;
  #attemptAt = 0;
  #wake = () => {};

  /** @param {StreamSource} source @param {Times} times */
  constructor(source, times) {
    this.#source = source;
    this.#times = times;
  }

  /** Opens it, and keeps it open. */
  start() {
    if (this.#run !== undefined) return;
    this.#run = new AbortController();
    this.#keepOpen(this.#run.signal);
  }

  stop() {
    this.#run?.abort();
    this.#run = undefined;
    this.#attempt?.abort();
    this.#wake();
    this.state = "closed";
    this.error = undefined;
    this.#failures = 0;
  }

  /** Tries at once, if it waits to try again. */
  hurry() {
    if (this.state === "waiting") this.#wake();
  }

  /**
   * Ends an attempt that has been silent for too long, also if it has not begun. True if it was.
   *
   * @param {number} now
   */
  checkSilence(now) {
    const isOpen = this.state === "open";
    const lastAt = isOpen ? this.heardAt ?? now : this.#attemptAt;
    const silent = (isOpen || this.state === "opening") &&
      now - lastAt > SILENCE_MS;
    const text = isOpen
      ? "Nothing came for too long."
      : "The node does not answer.";
    if (silent) this.#attempt?.abort(new Error(text));
    return silent;
  }

  /** @param {AbortSignal} until */
  async #keepOpen(until) {
    while (!until.aborted) {
      const attempt = new AbortController();
      this.#attempt = attempt;
      this.#attemptAt = this.#times.now();
      try {
        this.#become("opening");
        await this.#read(attempt.signal);
        if (until.aborted) return;
        this.error = new ApiError(0, "broken", "The node closed the stream");
      } catch (error) {
        if (until.aborted) return;
        this.error = error;
      }
      attempt.abort();
      this.#failures++;
      this.#become("waiting");
      await this.#wait(backoffMs(this.#failures, this.#times.chance()));
    }
  }

  /** @param {AbortSignal} signal */
  async #read(signal) {
    const response = await this.#source.open(signal);
    for await (const events of piecesOf(response)) {
      signal.throwIfAborted();
      this.heardAt = this.#times.now();
      this.error = undefined;
      this.#failures = 0;
      for (const event of events) this.#source.onEvent(event);
      this.#become("open");
    }
  }

  /** @param {"opening" | "open" | "waiting"} state */
  #become(state) {
    this.state = state;
    this.#source.onState();
  }

  /** @param {number} ms */
  async #wait(ms) {
    let cancel = () => {};
    await new Promise((resolve) => {
      this.#wake = () => resolve(undefined);
      cancel = this.#times.after(ms, this.#wake);
    });
    cancel();
  }
}
