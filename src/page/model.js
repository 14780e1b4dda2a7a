// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * What the page knows of its node, kept up to date by two streams: the state by `watch`, what
 * happens by `events`. Nothing polls. Views listen to `change`, at most once a frame, and to
 * `event`.
 */
import { Api, ApiError } from "./api.js";
import { addSample, figuresOf } from "./history.js";
import { browserTimes, LiveStream } from "./live_stream.js";
import { cutMessage } from "./received_messages.js";

/** @import { ControlEvent, PeerRow, SessionRow, StatusAnswer } from "../control/answers.ts" */
/** @typedef {"connecting" | "live" | "stale" | "signed-out"} Connection */
/** @typedef {(ControlEvent & { bodyBytes?: number }) | { type: "page:gap", time: string }} PageEvent */

/** Events that the page wants: all but pings, which come from each peer every few seconds. */
export const EVENT_TYPES = [
  "listening",
  "peer:up",
  "peer:down",
  "message",
  "file",
  "mesh",
  "refused",
  "join-request",
  "name-conflict",
  "unreachable",
  "replaced",
  "undelivered",
  "dead-letter",
  "resolved",
  "overflow",
  "stopped",
];

const EVENTS_PATH = `/v1/events?type=${EVENT_TYPES.join()}`;

/** Events that the page keeps; older ones go. */
export const MAX_EVENTS = 1_000;

/** The least time between two records of the state. */
const WATCH_INTERVAL_MS = 1_000;

/** How often silence is looked for. */
const TICK_MS = 1_000;

/** How long a peer that has joined or left stands out. */
export const CHANGE_SHOWN_MS = 10_000;

/** @typedef {import("./api.js").ApiOptions & { frame?: (done: () => void) => void, times?: import("./live_stream.js").Times }} ModelOptions */

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
  /** The newest events, newest last. @type {PageEvent[]} */
  events = [];
  /** @type {import("./history.js").Sample[]} */
  history = [];
  /** Peers that have just joined or left. @type {Map<string, { what: "joined" | "left" | "lost", at: number }>} */
  changes = new Map();
  /** The id of the peer that all views show. @type {string | undefined} */
  selected;
  /** @type {Api} */
  api;

  #frame;
  #times;
  #isScheduled = false;
  /** @type {string | undefined} */
  #lastEventId;
  /** The stream of events tells the present state before what happens. */
  #isBeginning = true;
  #hasBegun = false;
  /** @type {(() => void) | undefined} */
  #stopTicks;
  #watch;
  #follow;

  /** @param {ModelOptions} options */
  constructor(options) {
    super();
    this.#frame = options.frame ?? ((done) => requestAnimationFrame(done));
    const times = options.times ?? browserTimes;
    this.#times = times;
    this.api = new Api(options);
    this.api.onSignedOut = () => this.#signedOut();
    this.#watch = new LiveStream({
      open: (signal) =>
        this.api.open("POST", "/v1/watch", {
          body: { intervalMs: WATCH_INTERVAL_MS },
          signal,
        }),
      onEvent: ({ event, data }) => this.#onRecord(event, data),
      onState: () => this.#refresh(),
    }, times);
    this.#follow = new LiveStream({
      open: async (signal) => {
        const id = this.#lastEventId;
        const response = await this.api.open("GET", EVENTS_PATH, {
          signal,
          headers: id === undefined ? {} : { "last-event-id": id },
        });
        this.#isBeginning = true;
        return response;
      },
      onEvent: ({ id, data }) => this.#onEvent(id, data),
      onState: () => this.#refresh(),
    }, times);
  }

  /**
   * Connects, if there was a sign-in.
   *
   * @param {{ isOpen?: boolean }} [options] `isOpen`: the node may need none.
   */
  start({ isOpen = false } = {}) {
    if (!this.api.hasKey && !isOpen) return this.#signedOut();
    this.connection = "connecting";
    this.#watch.start();
    this.#follow.start();
    if (this.#stopTicks === undefined) this.#nextTick();
    this.changed();
  }

  /** Closes both streams. */
  stop() {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
    this.#watch.stop();
    this.#follow.stop();
  }

  /** Tries to connect at once: the page is seen again, or the network is back. */
  hurry() {
    this.#tick();
    this.#watch.hurry();
    this.#follow.hurry();
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

  /** Tells the views, with the next frame. */
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
    this.events = [];
    this.history = [];
    this.changes.clear();
    this.selected = undefined;
    this.heardAt = undefined;
    this.#lastEventId = undefined;
    this.#hasBegun = false;
    this.changed();
  }

  /**
   * @param {string | undefined} event
   * @param {string} data
   */
  #onRecord(event, data) {
    if (event !== undefined) return;
    const record = JSON.parse(data);
    if (record.type === "status") {
      this.#onStatus(record.status);
    } else if (record.type === "peers") {
      this.peers = record.peers;
      this.sessions = record.sessions;
      this.#addRoundTrips();
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
    this.status = status;
    this.stopped = false;
    addSample(this.history, {
      time: this.#times.now(),
      startedAt: status.startedAt,
      figures: figuresOf(status, this.sessions),
    });
  }

  /**
   * @param {string | undefined} id
   * @param {string} data
   */
  #onEvent(id, data) {
    if (id !== undefined) this.#lastEventId = id;
    if (data === "") {
      this.#endBeginning();
      return;
    }
    /** @type {ControlEvent} */
    const event = JSON.parse(data);
    const isState = id === undefined && this.#isBeginning &&
      event.type !== "stopped" && event.type !== "overflow";
    if (isState) return;
    // After a resumed stream there is no beginning.
    this.#isBeginning = false;
    this.#hasBegun = true;
    this.#noteChange(event);
    if (event.type === "stopped") this.stopped = true;
    this.#addEvent(event);
  }

  /** An id without an event ends the present state, which is sent to a reader that is new. */
  #endBeginning() {
    this.#isBeginning = false;
    if (this.#hasBegun) {
      this.#addEvent({
        type: "page:gap",
        time: new Date(this.#times.now()).toISOString(),
      });
    }
    this.#hasBegun = true;
  }

  /** @param {PageEvent} event */
  #addEvent(event) {
    // Listeners get all of it, once.
    this.events.push(event.type === "message" ? cutMessage(event) : event);
    if (this.events.length > MAX_EVENTS) this.events.shift();
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
    this.changed();
  }

  /** @param {ControlEvent} event */
  #noteChange(event) {
    const at = this.#times.now();
    if (event.type === "peer:up") {
      this.changes.set(event.id, { what: "joined", at });
    } else if (event.type === "peer:down") {
      const what = event.left ? "left" : "lost";
      this.changes.set(event.id, { what, at });
    }
  }

  #nextTick() {
    this.#stopTicks = this.#times.after(TICK_MS, () => {
      this.#nextTick();
      this.#tick();
    });
  }

  #tick() {
    const now = this.#times.now();
    this.#watch.checkSilence(now);
    this.#follow.checkSilence(now);
    for (const [id, { at }] of this.changes) {
      if (now - at <= CHANGE_SHOWN_MS) continue;
      this.changes.delete(id);
      this.changed();
    }
    this.#refresh();
  }

  /** The state of the connection, from that of the streams. */
  #refresh() {
    if (this.connection === "signed-out" && !this.api.hasKey) return;
    const streams = [this.#watch, this.#follow];
    const isLive = this.status !== undefined &&
      streams.every(({ state }) => state === "open");
    const broken = streams.filter(({ state }) => state !== "open");
    const heard = (isLive ? streams : broken).map(({ heardAt }) => heardAt)
      .filter((it) => it !== undefined);
    const before = `${this.connection} ${this.problem} ${this.heardAt}`;
    this.heardAt = heard.length === 0 ? undefined : Math.min(...heard);
    this.connection = isLive
      ? "live"
      : this.status === undefined
      ? "connecting"
      : "stale";
    this.problem = isLive ? undefined : problemOf(streams);
    const after = `${this.connection} ${this.problem} ${this.heardAt}`;
    if (before !== after) this.changed();
  }
}

/** @param {readonly LiveStream[]} streams */
function problemOf(streams) {
  const error = streams.map((it) => it.error).find((it) => it !== undefined);
  if (error === undefined) return undefined;
  return error instanceof ApiError || error instanceof Error
    ? error.message
    : String(error);
}
