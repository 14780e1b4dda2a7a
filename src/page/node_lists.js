// @ts-check
/**
 * The lists that the node does not send by itself: access rules, join requests, invites and
 * dead letters. Each is requested again after something that may have changed it; nothing is
 * requested by time.
 */
import { errorWords } from "./button_action.js";

/** @import { AccessRuleRow, ControlEvent, DeadLetterRow, InviteRow, JoinRequestRow } from "../control/answers.ts" */

/**
 * @typedef {object} Lists
 * @property {readonly AccessRuleRow[]} rules
 * @property {readonly JoinRequestRow[]} requests
 * @property {readonly InviteRow[]} invites
 * @property {readonly DeadLetterRow[]} deadLetters
 */

/** @typedef {keyof Lists} ListName */

/**
 * The part of the model that is used.
 *
 * @typedef {EventTarget & {
 *   readonly connection: string,
 *   readonly api: { get(path: string, query?: Record<string, string | number | undefined>): Promise<any> },
 * }} ListModel
 */

/** @type {Readonly<Record<ListName, { readonly path: string, readonly field: string }>>} */
const SOURCES = {
  rules: { path: "/v1/access-rules", field: "rules" },
  requests: { path: "/v1/requests", field: "requests" },
  invites: { path: "/v1/invites", field: "invites" },
  deadLetters: { path: "/v1/dead-letters", field: "messages" },
};

/** @type {readonly ListName[]} */
const ALL = ["rules", "requests", "invites", "deadLetters"];

/**
 * What each event may have changed. A peer that comes may have used an invite or been allowed
 * by another client, and one that goes may have been denied.
 *
 * @type {Partial<Record<ControlEvent["type"], readonly ListName[]>>}
 */
const CHANGED_BY = {
  "join-request": ["requests"],
  "peer:up": ["rules", "requests", "invites"],
  "peer:down": ["rules", "requests"],
  "dead-letter": ["deadLetters"],
  "message": ["deadLetters"],
  "overflow": ALL,
};

/** Events that come together are one request. */
const DELAY_MS = 300;

/** @type {Lists} */
const NONE = { rules: [], requests: [], invites: [], deadLetters: [] };

/** The lists of one node; dispatches `change`. */
export class NodeLists extends EventTarget {
  #lists = NONE;
  /** @type {Map<ListName, string>} */
  #problems = new Map();
  /** @type {Set<ListName>} */
  #due = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #model;
  #wasLive = false;

  /** @param {ListModel} model */
  constructor(model) {
    super();
    this.#model = model;
    model.addEventListener("change", () => this.#onState());
    model.addEventListener("event", (event) => {
      if (event instanceof CustomEvent) this.#onEvent(event.detail);
    });
    this.#onState();
  }

  /** What was answered last. */
  get lists() {
    return this.#lists;
  }

  /** Why a list could not be requested. @param {ListName} name */
  problem(name) {
    return this.#problems.get(name);
  }

  /**
   * Requests lists now.
   *
   * @param {readonly ListName[]} [names]
   */
  async refresh(names = ALL) {
    for (const name of names) this.#due.delete(name);
    await Promise.all(names.map((name) => this.#load(name)));
    this.dispatchEvent(new Event("change"));
  }

  #onState() {
    const { connection } = this.#model;
    if (connection === "signed-out" && this.#lists !== NONE) {
      this.#lists = NONE;
      this.dispatchEvent(new Event("change"));
    }
    const isLive = connection === "live";
    if (isLive && !this.#wasLive) this.#request(ALL);
    this.#wasLive = isLive;
  }

  /** @param {ControlEvent} event */
  #onEvent({ type }) {
    // An ack can only take away a dead letter that was retried.
    const isMoot = type === "message" &&
      !this.#lists.deadLetters.some(({ retried }) => retried);
    if (!isMoot) this.#request(CHANGED_BY[type] ?? []);
  }

  /** @param {readonly ListName[]} names */
  #request(names) {
    for (const name of names) this.#due.add(name);
    if (this.#due.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.refresh([...this.#due]);
    }, DELAY_MS);
  }

  /** @param {ListName} name */
  async #load(name) {
    const { path, field } = SOURCES[name];
    try {
      const answer = await this.#model.api.get(path);
      this.#lists = { ...this.#lists, [name]: answer[field] };
      this.#problems.delete(name);
    } catch (error) {
      this.#problems.set(name, errorWords(error));
    }
  }
}
