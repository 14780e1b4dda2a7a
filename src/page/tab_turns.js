// @ts-check
/// <reference lib="dom" />
/**
 * Which tabs of a browser keep their streams open. All tabs together have six connections to a
 * port, and each needs two for its streams: with more than two tabs no request would get through.
 * So a tab has a turn, by a lock, and one that is not seen gives its turn to one that is.
 */

/** Tabs that have a turn; one lock each. They leave two connections to requests. */
const LOCKS = ["verack.tab.0", "verack.tab.1"];

/** A tab that has a turn and does not answer for so long is suspended, as phones do. */
const ANSWER_MS = 3_000;

/**
 * What tabs tell each other; the name of a lock says that its tab is seen.
 *
 * @typedef {"wanted" | "taken" | "hidden" | string} Note
 */

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
  /** The lock that it has. @type {string | undefined} */
  #held;
  /** Locks of tabs that are seen. @type {Set<Note>} */
  #seen = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
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
    for (const name of LOCKS) this.#request(name, how, attempt);
    if (isHidden) return;
    this.#seen.clear();
    this.#tell("wanted");
    this.#timer = setTimeout(() => {
      const name = LOCKS.find((it) => !this.#seen.has(it));
      if (name === undefined || this.#attempt !== attempt) return;
      this.#request(name, { steal: true }, attempt);
    }, ANSWER_MS);
  }

  /**
   * @param {string} name
   * @param {LockOptions} how
   * @param {AbortController} attempt
   */
  #request(name, how, attempt) {
    this.#locks.request(name, how, (lock) => {
      // The other one was quicker.
      if (lock === null || this.#attempt !== attempt) return undefined;
      return this.#begin(name);
    }).catch(() => {
      // The wait was ended, or the lock was taken from a tab that did not answer.
      if (this.#held === name) this.#give();
    });
  }

  /**
   * @param {string} name
   * @returns {Promise<void>} Pending until the end of the turn, with the lock.
   */
  #begin(name) {
    this.#attempt?.abort();
    clearTimeout(this.#timer);
    this.#held = name;
    this.#attempt = undefined;
    this.#state = "in";
    this.#tell("taken");
    this.#listener?.onTurn();
    return new Promise((resolve) => this.#release = resolve);
  }

  /** Gives the turn to another tab. */
  #give() {
    this.#state = "given";
    this.#end();
    this.#listener?.onEnd();
    if (!this.#isHidden()) this.#ask();
  }

  #end() {
    clearTimeout(this.#timer);
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#held = undefined;
    this.#release();
    this.#release = () => {};
  }

  /** @param {Note} note */
  #onNote(note) {
    const isHidden = this.#isHidden();
    if (note === "wanted" && this.#state === "in") {
      if (isHidden) this.#give();
      else this.#tell(this.#held ?? "");
    } else if (note === "taken" && this.#state === "given" && isHidden) {
      // More than one may have given theirs.
      this.#ask();
      this.#state = "given";
    } else if (note === "hidden" && this.#state === "waiting" && !isHidden) {
      this.#tell("wanted");
    } else {
      this.#seen.add(note);
    }
  }

  /** @param {Note} note */
  #tell(note) {
    this.#channel.postMessage(note);
  }
}
