// @ts-check
/// <reference lib="dom" />
/**
 * Which tabs of a browser have their stream open. All tabs together have six connections to a
 * port, and a stream takes one: with six of them no request would get through. So a tab has a
 * turn, by a lock. One that is not seen has it as well, so that it misses nothing, until one that
 * is seen waits.
 */

/** @import { Times } from "./live_stream.js" */

/** Tabs that have a turn; one lock each. They leave two connections to requests. */
const LOCKS = [0, 1, 2, 3].map((index) => `verack.tab.${index}`);

/** A tab that is not seen looks for a free turn each time. */
const REST_MS = 5_000;

/** A turn that is free is there after less; then others are told, and the user. */
const FREE_TURN_MS = 200;

/** A tab that has a turn and does not answer for so long is suspended, as phones do. */
const ANSWER_MS = 3_000;

/**
 * What tabs tell each other; the name of a lock says that its tab is seen.
 *
 * @typedef {"wanted" | "hidden" | string} Note
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
  #times;
  /** `out` before `take`, `resting` without a turn as it is hidden. @type {"out" | "resting" | "waiting" | "in"} */
  #state = "out";
  /** @type {AbortController | undefined} */
  #attempt;
  #isLong = false;
  #stopTimer = () => {};
  #release = () => {};
  /** The lock that it has. @type {string | undefined} */
  #held;
  /** Locks of tabs that are seen. @type {Set<Note>} */
  #seen = new Set();
  /** @type {{ onTurn: () => void, onEnd: () => void } | undefined} */
  #listener;

  /** @param {{ locks: Pick<LockManager, "request">, channel: Pick<BroadcastChannel, "addEventListener" | "postMessage">, isHidden: () => boolean, times: Times }} options */
  constructor({ locks, channel, isHidden, times }) {
    this.#locks = locks;
    this.#channel = channel;
    this.#isHidden = isHidden;
    this.#times = times;
    channel.addEventListener("message", ({ data }) => this.#onNote(data));
  }

  /** Whether this tab is seen and has no turn, as others that are seen have them all. */
  get isWaiting() {
    return this.#state === "waiting" && this.#isLong;
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
    this.#end("out");
  }

  /** This tab is seen, or is not any more. */
  look() {
    if (!this.#isHidden()) {
      if (this.#state === "resting") this.#ask();
    } else if (this.#state === "in") {
      this.#tell("hidden");
    } else if (this.#state === "waiting") {
      this.#rest();
    }
  }

  #ask() {
    const isHidden = this.#isHidden();
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#state = isHidden ? "resting" : "waiting";
    const how = isHidden ? { ifAvailable: true } : { signal: attempt.signal };
    for (const name of LOCKS) this.#request(name, how, attempt);
    this.#isLong = false;
    this.#stopTimer();
    this.#stopTimer = isHidden
      ? this.#times.after(REST_MS, () => this.#ask())
      : this.#times.after(FREE_TURN_MS, () => {
        this.#isLong = true;
        this.#press(attempt);
      });
  }

  /**
   * Asks the tabs that have turns for one, and takes it from one that does not answer.
   *
   * @param {AbortController} attempt
   */
  #press(attempt) {
    this.#seen.clear();
    this.#tell("wanted");
    this.#stopTimer = this.#times.after(ANSWER_MS, () => {
      const name = LOCKS.find((it) => !this.#seen.has(it));
      if (name !== undefined) this.#request(name, { steal: true }, attempt);
      this.#press(attempt);
    });
  }

  /**
   * @param {string} name
   * @param {LockOptions} how
   * @param {AbortController} attempt
   */
  #request(name, how, attempt) {
    this.#locks.request(name, how, (lock) => {
      // Another one was quicker.
      if (lock === null || this.#attempt !== attempt) return undefined;
      return this.#begin(name);
    }).catch(() => {
      // The wait was ended, or another tab took the lock as this one did not answer.
      if (this.#held === name) this.#give();
    });
  }

  /**
   * @param {string} name
   * @returns {Promise<void>} Pending until the end of the turn, with the lock.
   */
  #begin(name) {
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#held = name;
    this.#stopTimer();
    this.#state = "in";
    const turn = new Promise((resolve) =>
      this.#release = () => resolve(undefined)
    );
    // Before others take it for a tab that does not answer.
    if (!this.#isHidden()) this.#tell(name);
    this.#listener?.onTurn();
    return turn;
  }

  /** Ends the turn, for another tab. */
  #give() {
    this.#listener?.onEnd();
    this.#rest();
    if (!this.#isHidden()) this.#ask();
  }

  /** Leaves the turn to tabs that are seen; if more tabs did so than there are, it comes back. */
  #rest() {
    this.#end("resting");
    this.#stopTimer = this.#times.after(REST_MS, () => this.#ask());
  }

  /** @param {"out" | "resting"} state */
  #end(state) {
    this.#state = state;
    this.#stopTimer();
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
    } else if (note === "hidden" && this.isWaiting && !isHidden) {
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
