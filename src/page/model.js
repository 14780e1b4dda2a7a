// @ts-check
/**
 * The state of the node as the page shows it, kept up to date by one stream, `watch`, which has
 * what happens as well. Nothing polls. Views listen to `change`, at most once a frame, and to
 * `event`.
 */
import { Api } from "./api.js";
import { EventFeed } from "./event_feed.js";
import { addSample, figuresOf } from "./history.js";
import { browserTimes, LiveStream } from "./live_stream.js";
import { ALWAYS } from "./tab_turns.js";

/** @import { EventRecord, PeerRow, SessionRow, StatusAnswer } from "../control/answers.ts" */
/** @typedef {"connecting" | "live" | "stale" | "paused" | "signed-out"} Connection `paused`: as the tab was hidden. */
/** @typedef {import("./event_feed.js").PageEvent} PageEvent */

/** The least time between two records of the state. */
const WATCH_INTERVAL_MS = 1_000;

/** How often silence is looked for. */
const TICK_MS = 1_000;

/** The least time between two changes by events. */
const EVENTS_PAUSE_MS = 250;

/** @typedef {import("./api.js").ApiOptions & { frame?: (done: () => void) => void, times?: import("./live_stream.js").Times, tabStorage?: import("./api.js").ApiOptions["storage"], turns?: import("./tab_turns.js").Turns }} ModelOptions */

/** A page that was paused is out of date if it is not live by then. */
const RESUME_MS = 3_000;

/** Why a tab that is seen has no turn. */
const NO_TURN =
  "Too many tabs of this node are open in this browser: hide or close one of them.";

/** The state of the page. */
export class Model extends EventTarget {
  /** @type {Connection} */
  connection = "connecting";
  /** When the newest record came, while there is a sign-in. @type {number | undefined} */
  heardAt;
  /** Why there is no connection. @type {string | undefined} */
  problem;
  /** Whether the node said that it ends. */
  stopped = false;
  /** @type {StatusAnswer | undefined} */
  status;
  /** @type {readonly PeerRow[]} */
  peers = [];
  /** @type {readonly SessionRow[]} */
  sessions = [];
  /** The newest events, newest last. @type {readonly PageEvent[]} */
  events;
  /** @type {import("./history.js").Sample[]} */
  history = [];
  /** Peers that have just joined or left. @type {EventFeed["changes"]} */
  changes;
  /** The id of the peer that all views show. @type {string | undefined} */
  selected;
  /** @type {Api} */
  api;

  #frame;
  /** @type {(() => void) | undefined} */
  #stopPause;
  #isLate = false;
  #times;
  #isScheduled = false;
  #feed;
  /** By how much the clock of the node is ahead. */
  #lag = 0;
  /** @type {(() => void) | undefined} */
  #stopTicks;
  #stream;
  #turns;
  /** Until when the page is paused, rather than out of date. */
  #pausedUntil = -Infinity;

  /** @param {ModelOptions} options */
  constructor(options) {
    super();
    this.#frame = options.frame ?? ((done) => requestAnimationFrame(done));
    const times = options.times ?? browserTimes;
    this.#times = times;
    this.#turns = options.turns ?? ALWAYS;
    this.api = new Api(options);
    this.api.onSignedOut = () => this.#signedOut();
    this.#feed = new EventFeed({
      now: times.now,
      storage: options.tabStorage,
    });
    this.events = this.#feed.events;
    this.changes = this.#feed.changes;
    this.#stream = new LiveStream({
      open: async (signal) => {
        const body = { intervalMs: WATCH_INTERVAL_MS, ...this.#feed.choice };
        const response = await this.api.open("POST", "/v1/watch", {
          body,
          signal,
        });
        this.stopped = false;
        return response;
      },
      onEvent: ({ event, data }) => this.#onRecord(event, data),
      onState: () => this.#refresh(),
    }, times);
  }

  /** The present time by the clock of the node, which may run on another machine. */
  get nodeTime() {
    return this.#times.now() + this.#lag;
  }

  /**
   * Connects, if there was a sign-in.
   *
   * @param {{ isOpen?: boolean }} [options] `isOpen`: the node may need none.
   */
  start({ isOpen = false } = {}) {
    if (!this.api.hasKey && !isOpen) return this.#signedOut();
    this.connection = "connecting";
    this.#turns.take({
      onTurn: () => this.#stream.start(),
      onEnd: () => {
        this.#stream.stop();
        this.#pausedUntil = Infinity;
        this.#refresh();
      },
    });
    if (this.#stopTicks === undefined) this.#nextTick();
    this.changed();
  }

  /** Closes the stream. */
  stop() {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
    this.#stopPause?.();
    this.#stopPause = undefined;
    this.#turns.leave();
    this.#stream.stop();
    this.#pausedUntil = -Infinity;
  }

  /** The page is left, perhaps to be loaded again. */
  remember() {
    if (this.connection !== "signed-out") this.#feed.remember();
  }

  /** Tries to connect at once: the page is seen again, or the network is back. */
  hurry() {
    if (this.#pausedUntil === Infinity) {
      this.#pausedUntil = this.#times.now() + RESUME_MS;
    }
    this.#turns.look();
    this.#tick();
    this.#stream.hurry();
  }

  /**
   * Signs in with the code of a one-time address, and connects.
   *
   * @param {string} code
   */
  async signIn(code) {
    this.stop();
    await this.api.signIn(code);
    this.start();
  }

  /** Ends the sign-in of this browser. */
  async signOut() {
    await this.api.signOut().catch(() => {
      // The page forgets its key in any case.
    });
  }

  /**
   * Selects a peer in all views.
   *
   * @param {string | undefined} id
   */
  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    this.changed();
  }

  /** Dispatches `change`, with the next frame. */
  changed() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#frame(() => {
      this.#isScheduled = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  #signedOut() {
    this.stop();
    this.connection = "signed-out";
    this.status = undefined;
    this.peers = [];
    this.sessions = [];
    this.#feed.clear();
    this.history = [];
    this.selected = undefined;
    this.heardAt = undefined;
    this.changed();
  }

  /** @param {string | undefined} event @param {string} data */
  #onRecord(event, data) {
    if (event !== undefined) return;
    const record = JSON.parse(data);
    if (record.type === "status") {
      this.#onStatus(record.status);
    } else if (record.type === "peers") {
      this.peers = record.peers;
      this.sessions = record.sessions;
      this.#addRoundTrips();
    } else if (record.type === "event") {
      return this.#onEvent(record);
    }
    this.changed();
  }

  /** The peers come after the status of the same time. */
  #addRoundTrips() {
    const last = this.history.at(-1);
    if (last === undefined || this.status === undefined) return;
    last.figures = figuresOf(this.status, this.sessions);
  }

  /** @param {StatusAnswer} status */
  #onStatus(status) {
    const time = this.#times.now();
    this.status = status;
    this.#lag = Date.parse(status.startedAt) + status.uptimeMs - time;
    addSample(this.history, {
      time,
      startedAt: status.startedAt,
      figures: figuresOf(status, this.sessions),
    });
  }

  /** @param {EventRecord} record */
  #onEvent(record) {
    const event = this.#feed.take(record, this.#lag);
    if (event === undefined) return;
    if (event.type === "stopped") this.stopped = true;
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
    this.#tellOfEvents();
  }

  /** A flood of messages must not have all views drawn anew at each frame. */
  #tellOfEvents() {
    if (this.#stopPause !== undefined) {
      this.#isLate = true;
      return;
    }
    this.changed();
    this.#stopPause = this.#times.after(EVENTS_PAUSE_MS, () => {
      this.#stopPause = undefined;
      if (this.#isLate) this.#tellOfEvents();
    });
    this.#isLate = false;
  }

  #nextTick() {
    this.#stopTicks = this.#times.after(TICK_MS, () => {
      this.#nextTick();
      this.#tick();
    });
  }

  #tick() {
    const now = this.#times.now();
    this.#stream.checkSilence(now);
    if (this.#feed.fade()) this.changed();
    this.#refresh();
  }

  /** The state of the connection, from that of the stream. */
  #refresh() {
    if (this.connection === "signed-out" && !this.api.hasKey) return;
    const before = `${this.connection} ${this.problem} ${this.heardAt}`;
    const { state, error, heardAt } = this.#stream;
    const { isWaiting } = this.#turns;
    const isLive = this.status !== undefined && state === "open";
    if (isLive || error !== undefined || isWaiting) {
      this.#pausedUntil = -Infinity;
    }
    this.heardAt = heardAt;
    this.connection = isLive
      ? "live"
      : this.status === undefined
      ? "connecting"
      : this.#times.now() < this.#pausedUntil
      ? "paused"
      : "stale";
    this.problem = isLive ? undefined : isWaiting ? NO_TURN : problemOf(error);
    const after = `${this.connection} ${this.problem} ${this.heardAt}`;
    if (before !== after) this.changed();
  }
}

/** @param {unknown} error */
function problemOf(error) {
  if (error === undefined) return undefined;
  return error instanceof Error ? error.message : String(error);
}
