// @ts-check
/** Server-sent events (WHATWG HTML §9.2) out of the text of a stream, in pieces of any length. */

/** @typedef {{ id: string | undefined, event: string | undefined, data: string }} ServerSentEvent */

/** The node sends at most 16 MB in one event. */
const MAX_EVENT_CHARS = 20_000_000;

/** Splits a stream into its events; comments are skipped. */
export class SseParser {
  #rest = "";
  #first = true;
  #size = 0;
  /** @type {string | undefined} */
  #id;
  /** @type {string | undefined} */
  #event;
  /** @type {string[]} */
  #data = [];

  /**
   * @param {string} text The next piece.
   * @returns {ServerSentEvent[]} Events that it completes; one with an id alone has no data.
   * @throws {RangeError} when an event is larger than a node sends.
   */
  push(text) {
    const piece = this.#first ? text.replace(/^\ufeff/, "") : text;
    if (text !== "") this.#first = false;
    /** @type {ServerSentEvent[]} */
    const events = [];
    let at = 0;
    const rest = this.#rest + piece;
    const end = /\r\n|\n|\r(?!$)/g;
    // The part before has no end of a line, but perhaps half of one.
    end.lastIndex = Math.max(0, this.#rest.length - 1);
    for (let match = end.exec(rest); match !== null; match = end.exec(rest)) {
      const event = this.#line(rest.slice(at, match.index));
      if (event !== undefined) events.push(event);
      at = end.lastIndex;
    }
    this.#rest = rest.slice(at);
    if (this.#size + this.#rest.length > MAX_EVENT_CHARS) {
      throw new RangeError("Cannot read events: one is too large");
    }
    return events;
  }

  /** @param {string} line @returns {ServerSentEvent | undefined} */
  #line(line) {
    if (line === "") return this.#flush();
    this.#size += line.length;
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }

  /** @returns {ServerSentEvent | undefined} */
  #flush() {
    const found = {
      id: this.#id,
      event: this.#event,
      data: this.#data.join("\n"),
    };
    const isEmpty = this.#data.length === 0 && this.#id === undefined &&
      this.#event === undefined;
    this.#id = undefined;
    this.#event = undefined;
    this.#data = [];
    this.#size = 0;
    return isEmpty ? undefined : found;
  }
}
