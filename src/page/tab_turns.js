// @ts-check
/// <reference lib="dom" />
/**
 * Which tabs of a browser keep their streams open. All tabs together have six connections to a
 * port, and each needs two for its streams: with more than two tabs no request would get through.
 * So a tab has a turn, by a lock, and one that is not seen gives its turn to one that is.
 */

/** Tabs that have a turn; one lock each. They leave two connections to requests. */
const LOCKS = ["verack.tab.0", "verack.tab.1"];

/** What tabs tell each other. @typedef {"wanted" | "taken" | "hidden"} Note */

/** Has a turn at any time, as where there are no other tabs. */
export const ALWAYS = {
  isWaiting: false,
  /** @param {{ onTurn: () => void, onEnd: () => void }} listener */
  take: ({ onTurn }) => onTurn(),
  leave() {},
  look() {},
};

/** @typedef {typeof ALWAYS} Turns */

/** The turns of one tab. */
export class TabTurns {
  #locks;
  #channel;
  #isHidden;
  /** @type {"out" | "waiting" | "given" | "in"} */
  #state = "out";
  /** @type {AbortController | undefined} */
  #attempt;
  #release = () => {};
  /** @type {{ onTurn: () => void, onEnd: () => void } | undefined} */
  #listener;

  /** @param {{ locks: Pick<LockManager, "request">, channel: BroadcastChannel, isHidden: () => boolean }} options */
  constructor({ locks, channel, isHidden }) {
    this.#locks = locks;
    this.#channel = channel;
    this.#isHidden = isHidden;
    channel.addEventListener("message", ({ data }) => this.#onNote(data));
  }

  /** Whether this tab is to have a turn, and others have it. */
  get isWaiting() {
    return this.#state === "waiting" || this.#state === "given";
  }

  /**
   * Waits for a turn, until `leave`. A tab that is not seen gets one only if it is free.
   *
   * @param {{ onTurn: () => void, onEnd: () => void }} listener
   */
  take(listener) {
    if (this.#state !== "out") return;
    this.#listener = listener;
    this.#ask();
  }

  /** Ends the turn, or the wait. */
  leave() {
    this.#state = "out";
    this.#end();
  }

  /** This tab is seen, or is not any more. */
  look() {
    if (this.#isHidden()) {
      if (this.#state === "in") this.#tell("hidden");
    } else if (this.isWaiting) {
      this.#end();
      this.#ask();
    }
  }

  #ask() {
    const isHidden = this.#isHidden();
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#state = "waiting";
    const how = isHidden ? { ifAvailable: true } : { signal: attempt.signal };
    for (const name of LOCKS) {
      this.#locks.request(name, how, (lock) => {
        // The other one was quicker.
        if (lock === null || this.#attempt !== attempt) return undefined;
        return this.#begin();
      }).catch(() => {
        // The wait was ended.
      });
    }
    if (!isHidden) this.#tell("wanted");
  }

  /** @returns {Promise<void>} Pending until the end of the turn, with the lock. */
  #begin() {
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#state = "in";
    this.#tell("taken");
    this.#listener?.onTurn();
    return new Promise((resolve) => this.#release = resolve);
  }

  #end() {
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#release();
    this.#release = () => {};
  }

  /** @param {Note} note */
  #onNote(note) {
    const isHidden = this.#isHidden();
    if (note === "wanted" && this.#state === "in" && isHidden) {
      this.#state = "given";
      this.#end();
      this.#listener?.onEnd();
    } else if (note === "taken" && this.#state === "given" && isHidden) {
      // More than one may have given theirs.
      this.#ask();
      this.#state = "given";
    } else if (note === "hidden" && this.#state === "waiting" && !isHidden) {
      this.#tell("wanted");
    }
  }

  /** @param {Note} note */
  #tell(note) {
    this.#channel.postMessage(note);
  }
}
