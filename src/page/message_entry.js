// @ts-check
/** One message in the list of messages: from which peer, when, its text, what became of it. */
import { button, h, setProps, setText, shownText } from "./dom.js";
import { copyButton } from "./copy_button.js";
import { bytes, clock, things } from "./format.js";
import { base64Bytes, beginningOf } from "./received_messages.js";
import { countOutcomes, outcomeWords } from "./sent_messages.js";

/** @import { Entry, TimedMessage } from "./received_messages.js" */
/** @import { SentMessage } from "./sent_messages.js" */

/** What is shown at first, and at most. */
const FIRST = { lines: 12, chars: 1_200 };
const MOST = { lines: 2_000, chars: 60_000 };

const MAX_TOPIC_CHARS = 128;
const MAX_REASON_CHARS = 300;
const MAX_NAMED = 12;

/**
 * @typedef {object} EntryOptions
 * @property {(id: string) => string} labelOf
 * @property {(id: string) => void} onPeer Chooses a peer to write to.
 * @property {(text: string) => void} onAgain Takes the text of a message that was not sent.
 */

/** The element of an entry; `update` shows what became of it since. */
export class MessageEntry {
  /** @type {HTMLElement} */
  element;
  #outcome = h("p", { class: "outcome", dir: "auto" });
  #options;

  /** @param {Entry} entry @param {EntryOptions} options */
  constructor(entry, options) {
    this.#options = options;
    const isSent = "sent" in entry;
    this.element = h(
      "article",
      { class: isSent ? "message message-out" : "message message-in" },
      isSent ? this.#sentHead(entry.sent) : this.#receivedHead(entry.received),
      isSent ? textBody(entry.sent.text) : receivedBody(entry.received),
      isSent ? this.#outcome : null,
    );
    this.update(entry);
  }

  /** @param {Entry} entry */
  update(entry) {
    if (!("sent" in entry)) return;
    const { sent } = entry;
    const { state } = sent;
    const counts = countOutcomes(sent);
    const kind = state === "failed" || counts.undelivered > 0
      ? "bad"
      : state === "sending" || counts.waiting > 0 || counts.unknown > 0 ||
          sent.receivers.size === 0
      ? "warn"
      : "good";
    setProps(this.#outcome, { "data-state": kind });
    const again = this.#outcome.querySelector("button");
    const words = this.#words(sent);
    if (this.#outcome.getAttribute("data-words") === words) return;
    this.#outcome.setAttribute("data-words", words);
    again?.remove();
    setText(this.#outcome, words);
    if (state === "failed") {
      const edit = () => this.#options.onAgain(sent.text);
      this.#outcome.append(" ", button("Edit", edit, { class: "quiet" }));
    }
  }

  /** @param {SentMessage} sent */
  #words(sent) {
    const { labelOf } = this.#options;
    const { reason, receivers, to } = sent;
    const words = outcomeWords(sent);
    if (reason !== undefined) {
      return `${words}: ${shownText(reason, MAX_REASON_CHARS)}`;
    }
    const rest = [...receivers].filter(([, it]) => it.outcome !== "delivered");
    const named = rest.slice(0, MAX_NAMED).map(([id, { outcome, reason }]) =>
      [
        to === undefined ? labelOf(id) : "",
        to === undefined && outcome !== "undelivered" ? ` ${outcome}` : "",
        reason === undefined || reason === ""
          ? ""
          : `: ${shownText(reason, MAX_REASON_CHARS)}`,
      ].join("")
    ).filter((it) => it !== "");
    const more = rest.length - named.length;
    if (to !== undefined) return words + named.join("");
    return named.length === 0
      ? words
      : `${words} — ${named.join("; ")}${more > 0 ? ` and ${more} more` : ""}`;
  }

  /** @param {SentMessage} sent */
  #sentHead({ to, topic, time }) {
    const { labelOf } = this.#options;
    return head(
      to === undefined ? h("span", null, "to everyone") : [
        h("span", null, "to "),
        this.#peerButton(to, labelOf(to)),
      ],
      topic,
      time,
    );
  }

  /** @param {TimedMessage} message */
  #receivedHead({ from, topic, time }) {
    const { labelOf } = this.#options;
    return head(this.#peerButton(from, labelOf(from)), topic, time);
  }

  /** @param {string} id @param {string} label */
  #peerButton(id, label) {
    return button(label, () => this.#options.onPeer(id), {
      class: "peer-link",
      dir: "auto",
      title: `Write to ${label}`,
    });
  }
}

/**
 * @param {import("./dom.js").Child | import("./dom.js").Child[]} peer
 * @param {string} topic
 * @param {number | string} time
 */
function head(peer, topic, time) {
  return h(
    "header",
    null,
    h("span", { class: "message-peer" }, peer),
    topic === ""
      ? null
      : h("bdi", { class: "topic" }, shownText(topic, MAX_TOPIC_CHARS)),
    h("time", { class: "muted figure" }, clock(time)),
  );
}

/** @param {TimedMessage} message */
function receivedBody({ text, base64 = "" }) {
  if (text !== undefined) return textBody(text);
  return h(
    "p",
    { class: "message-text muted" },
    `${bytes(base64Bytes(base64))}, no text `,
    copyButton({
      label: "Copy base64",
      what: "the body in base64",
      text: () => base64,
    }),
  );
}

/** A text with its lines, escaped; the beginning, and all of it on request. @param {string} text */
export function textBody(text) {
  const body = h("p", { class: "message-text text", dir: "auto" });
  const { lines, isCut } = beginningOf(text, FIRST);
  setText(body, escapedLines(lines));
  if (!isCut) return body;
  const all = `Show all ${things(text.length, "character")}`;
  const more = button(all, () => {
    const isOpen = more.getAttribute("aria-expanded") === "true";
    const shown = beginningOf(text, isOpen ? FIRST : MOST);
    const end = !isOpen && shown.isCut
      ? "\n… Copy has all of it: it is too long to show."
      : "";
    setText(body, escapedLines(shown.lines) + end);
    setProps(more, { "aria-expanded": String(!isOpen) });
    setText(more, isOpen ? all : "Show less");
  }, { class: "quiet", "aria-expanded": "false" });
  const copy = copyButton({
    label: "Copy",
    what: "the whole text",
    text: () => text,
  });
  return h("div", null, body, h("p", { class: "message-more" }, more, copy));
}

/** @param {readonly string[]} lines */
function escapedLines(lines) {
  return lines.map((line) => shownText(line, 70_000)).join("\n");
}
