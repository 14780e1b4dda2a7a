// @ts-check
/**
 * The messages that came while this page was open, as `message` events tell of them: those
 * that the node's own application, or a consumer of a kept topic, has acked. The page acks
 * none. Bounded by number and by length, as peers choose both.
 */

/** @import { MessageEvent } from "../control/answers.ts" */
/** @import { SentMessage } from "./sent_messages.js" */

/** @typedef {MessageEvent & { readonly time: string }} TimedMessage */

/**
 * @typedef {object} ReceivedMessage
 * @property {number} key Tells it from the others of this page.
 * @property {TimedMessage} message
 * @property {number} time Milliseconds since 1970.
 */

const MAX_RECEIVED = 500;

/** A message may have 4 MB. */
const MAX_RECEIVED_CHARS = 8_000_000;

/** Keeps the newest. */
export class ReceivedMessages {
  /** @type {ReceivedMessage[]} */
  #messages = [];
  #keys = 0;
  #chars = 0;
  /** How many left to make room. */
  dropped = 0;

  /** Newest last. @returns {readonly ReceivedMessage[]} */
  get list() {
    return this.#messages;
  }

  /** @param {TimedMessage} message */
  add(message) {
    const time = Date.parse(message.time);
    this.#messages.push({ key: ++this.#keys, message, time });
    this.#chars += lengthOf(message);
    while (
      this.#messages.length > MAX_RECEIVED ||
      this.#chars > MAX_RECEIVED_CHARS && this.#messages.length > 1
    ) {
      const oldest = this.#messages.shift();
      if (oldest === undefined) break;
      this.#chars -= lengthOf(oldest.message);
      this.dropped++;
    }
  }

  clear() {
    this.#messages = [];
    this.#chars = 0;
    this.dropped = 0;
  }
}

/** Of a message that is kept with the other events of the page. */
const MAX_EVENT_CHARS = 4_000;

/**
 * A message without most of a long body: a thousand of 4 MB each would fill the memory of the
 * browser.
 *
 * @param {TimedMessage} message
 * @returns {TimedMessage & { readonly bodyBytes?: number }}
 */
export function cutMessage(message) {
  const { text, base64 } = message;
  if ((text ?? base64 ?? "").length <= MAX_EVENT_CHARS) return message;
  return text !== undefined
    ? { ...message, text: text.slice(0, MAX_EVENT_CHARS) }
    : { ...message, base64: "", bodyBytes: base64Bytes(base64) };
}

/** The length of a body, bytes. @param {string | undefined} base64 */
export function base64Bytes(base64 = "") {
  return Math.floor(base64.replace(/=+$/, "").length * 3 / 4);
}

/** @param {TimedMessage} message */
function lengthOf({ text = "", base64 = "", topic }) {
  return text.length + base64.length + topic.length + 256;
}

/**
 * @typedef {{ key: string, time: number, sent: SentMessage } |
 *   { key: string, time: number, received: TimedMessage }} Entry
 */

/**
 * The newest messages in and out in the order of their times: of one peer, with what was sent
 * to all, or of all.
 *
 * @param {readonly ReceivedMessage[]} received
 * @param {readonly SentMessage[]} sent
 * @param {{ peer?: string | undefined, max: number }} which
 * @returns {Entry[]}
 */
export function entriesOf(received, sent, { peer, max }) {
  /** @type {Entry[]} */
  const entries = [];
  for (const { key, message, time } of received) {
    if (peer !== undefined && message.from !== peer) continue;
    entries.push({ key: `in ${key}`, time, received: message });
  }
  for (const message of sent) {
    const { key, to, time } = message;
    if (peer !== undefined && to !== undefined && to !== peer) continue;
    entries.push({ key: `out ${key}`, time, sent: message });
  }
  return entries.sort((a, b) => a.time - b.time).slice(-max);
}

/**
 * The beginning of a text, at most so many lines and characters.
 *
 * @param {string} text
 * @param {{ lines: number, chars: number }} most
 * @returns {{ lines: string[], isCut: boolean }}
 */
export function beginningOf(text, { lines, chars }) {
  const trimmed = text.replace(/\r?\n$/, "");
  const beginning = trimmed.slice(0, chars);
  const all = beginning.split(/\r?\n/, lines + 1);
  const shown = all.slice(0, lines);
  return {
    lines: shown,
    isCut: beginning.length < trimmed.length || all.length > lines,
  };
}
