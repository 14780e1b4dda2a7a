// @ts-check
/**
 * The stream of events: the newest events, and which peers have just joined or left.
 * It resumes after the last event that it got, and after a reload of the page with those that the
 * page had.
 */
import { cutMessage } from "./received_messages.js";

/** @import { ControlEvent, EventRecord } from "../control/answers.ts" */
/** @typedef {(ControlEvent & { bodyBytes?: number }) | { type: "page:gap", time: string }} PageEvent */
/** @typedef {"joined" | "left" | "lost"} PeerChange */

/** Types of events that the page shows: all but pings, which come from each peer every few seconds. */
export const EVENT_TYPES = [
  "listening",
  "network",
  "peer:up",
  "peer:down",
  "path",
  "message",
  "file",
  "mesh",
  "found",
  "refused",
  "join-request",
  "name-conflict",
  "unreachable",
  "reach",
  "replaced",
  "undelivered",
  "dead-letter",
  "trouble",
  "resolved",
  "overflow",
  "stopped",
];

/** Events that the page keeps; older ones go. */
export const MAX_EVENTS = 1_000;

/** How long a peer that has joined or left stands out. */
export const CHANGE_SHOWN_MS = 10_000;

/** Where the id before the first event is kept while a tab is reloaded. */
const START_ITEM = "verack.events";

/** The events of one node. */
export class EventFeed {
  /** The newest events, newest last. @type {PageEvent[]} */
  events = [];
  /** @type {Map<string, { what: PeerChange, at: number }>} */
  changes = new Map();
  #now;
  #storage;
  /** Ids of `events`, and before them that of the event before. @type {(string | undefined)[]} */
  #ids = [undefined];
  /** @type {string | undefined} */
  #lastId;
  #hasBegun = false;

  /**
   * @param {object} options
   * @param {() => number} options.now
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined} options.storage Of
   * the tab.
   */
  constructor({ now, storage }) {
    this.#now = now;
    this.#storage = storage;
    this.#lastId = storage?.getItem(START_ITEM) ?? undefined;
    this.#ids = [this.#lastId];
  }

  /** The input of `watch` by which its events go on where the stream before broke. */
  get choice() {
    return {
      events: true,
      type: EVENT_TYPES.join(),
      ...(this.#lastId !== undefined && { lastEventId: this.#lastId }),
    };
  }

  /**
   * The event, if it is news: one without an id is of the present state.
   *
   * @param {EventRecord} record
   * @param {number} lag By how much the clock of the node is ahead.
   * @returns {PageEvent | undefined}
   */
  take({ id, event }, lag) {
    if (id === undefined) return undefined;
    this.#lastId = id;
    if (event === undefined) return this.#endBeginning(id);
    this.#hasBegun = true;
    this.#noteChange(event, lag);
    return this.#add(event, id);
  }

  /**
   * An id without an event ends the present state, which is sent to a reader that is new.
   *
   * @param {string} id
   * @returns {PageEvent | undefined}
   */
  #endBeginning(id) {
    if (this.#hasBegun) {
      const time = new Date(this.#now()).toISOString();
      return this.#add({ type: "page:gap", time }, id);
    }
    this.#hasBegun = true;
    this.#ids[0] = id;
    return undefined;
  }

  /** @param {PageEvent} event @param {string} id */
  #add(event, id) {
    // Listeners get all of a message, once.
    this.events.push(event.type === "message" ? cutMessage(event) : event);
    this.#ids.push(id);
    if (this.events.length > MAX_EVENTS) {
      this.events.shift();
      this.#ids.shift();
    }
    return event;
  }

  /** @param {ControlEvent} event @param {number} lag */
  #noteChange(event, lag) {
    const at = this.#now();
    if (at + lag - Date.parse(event.time) > CHANGE_SHOWN_MS) return;
    if (event.type === "peer:up") {
      this.changes.set(event.id, { what: "joined", at });
    } else if (event.type === "peer:down") {
      const what = event.left ? "left" : "lost";
      this.changes.set(event.id, { what, at });
    }
  }

  /** Peers that joined or left a while ago do not stand out any more. True if there were any. */
  fade() {
    const now = this.#now();
    const before = this.changes.size;
    for (const [id, { at }] of this.changes) {
      if (now - at > CHANGE_SHOWN_MS) this.changes.delete(id);
    }
    return this.changes.size < before;
  }

  /** Keeps where the events begin, as the page may be reloaded. */
  remember() {
    const [first] = this.#ids;
    if (first !== undefined) this.#storage?.setItem(START_ITEM, first);
  }

  /** Forgets all, as it is not for the next user of the browser. */
  clear() {
    this.events.length = 0;
    this.changes.clear();
    this.#ids = [undefined];
    this.#lastId = undefined;
    this.#hasBegun = false;
    this.#storage?.removeItem(START_ITEM);
  }
}
