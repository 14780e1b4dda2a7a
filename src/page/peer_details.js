// @ts-check
/** All that is known of the selected peer, and what can be done with it. */
import { button, h, setProps, setText, shownText } from "./dom.js";
import { allowPeer, denyPeer, forgetPeer, namePeer } from "./access_dialogs.js";
import { actionButton, problemLine } from "./button_action.js";
import { copyButton } from "./copy_button.js";
import { bytes, duration, milliseconds, moment, things } from "./format.js";
import { STATE_WORDS, TRUST_WORDS } from "./peer_rows.js";
import { namesWords, peerLabel, shownName } from "./shown_name.js";

/** @import { Row } from "./peer_rows.js" */
/** @import { NodeLists } from "./node_lists.js" */
/** @import { Model } from "./model.js" */

/**
 * @typedef {object} Known
 * @property {Row} row
 * @property {number} now
 * @property {(id: string) => string} labelOf
 * @property {{ readonly messages: number, readonly bytes: number }} [queue]
 */

/** @type {readonly (readonly [label: string, value: (known: Known) => string])[]} */
const FIELDS = [
  ["Bound name", ({ row }) => row.boundName ? shownName(row.boundName) : ""],
  ["Calls itself", ({ row }) => row.name ? shownName(row.name) : ""],
  [
    "Name conflict",
    ({ row, labelOf }) =>
      row.nameHeldBy === undefined
        ? ""
        : `the name is bound to ${labelOf(row.nameHeldBy)}`,
  ],
  ["Rule", ({ row }) => row.rule ?? ""],
  ["Trust", ({ row }) => row.trust ? trustWords(row) : ""],
  [
    "Standing",
    ({ row }) => row.peer ? row.peer.standing ? "yes" : "none yet" : "",
  ],
  ["Direction", ({ row }) => row.direction ? directionWords(row) : ""],
  [
    "Path",
    ({ row }) =>
      row.relay === undefined
        ? ""
        : `relayed via ${row.relay}, ${things(row.hops ?? 2, "hop")}`,
  ],
  ["Round trip", ({ row }) => row.rttMs ? milliseconds(row.rttMs) : ""],
  [
    "Session",
    ({ row, now }) =>
      row.openedAt === undefined
        ? ""
        : `${duration(now - row.openedAt)}, since ${moment(row.openedAt, now)}${
          row.sessions > 1 ? `, ${row.sessions} sessions` : ""
        }`,
  ],
  ["Received", ({ row }) => sums(row.bytesReceived, row.messagesReceived)],
  ["Sent", ({ row }) => sums(row.bytesSent, row.messagesSent)],
  [
    "Waiting",
    ({ queue }) =>
      queue === undefined
        ? ""
        : `${things(queue.messages, "message")}, ${
          bytes(queue.bytes)
        } to be written`,
  ],
  ["Address", ({ row }) => row.address ? shownText(row.address, 300) : ""],
  ["Known at", ({ row }) => addressWords(row)],
  [
    "Reach",
    ({ row }) => row.peer?.unreachable ? "others cannot dial it" : "",
  ],
  [
    "User agent",
    ({ row }) => row.userAgent ? shownText(row.userAgent, 300) : "",
  ],
  ["First seen", ({ row, now }) => moment(row.peer?.firstSeen, now)],
  [
    "Last seen",
    // What is on record is the last time that it was written down.
    ({ row, now }) =>
      row.state === "connected" ? "now" : moment(row.peer?.lastSeen, now),
  ],
  ["Asked first", ({ row, now }) => moment(row.request?.firstSeen, now)],
  ["Asked last", ({ row, now }) => moment(row.request?.lastSeen, now)],
  [
    "Key",
    ({ row }) =>
      row.peer === undefined
        ? ""
        : row.peer.ephemeral
        ? "in memory, ends with its process"
        : "kept",
  ],
  [
    "Admitted by",
    ({ row, labelOf }) =>
      row.peer?.admittedBy === undefined ? "" : labelOf(row.peer.admittedBy),
  ],
  [
    "In gossip of",
    ({ row, labelOf }) =>
      row.peer?.introducedBy === undefined
        ? ""
        : labelOf(row.peer.introducedBy),
  ],
];

/** @param {number | undefined} size @param {number | undefined} messages */
function sums(size, messages = 0) {
  return size === undefined
    ? ""
    : `${bytes(size)}, ${things(messages, "message")}`;
}

/** @param {Row} row */
function trustWords({ trust }) {
  return trust === undefined
    ? ""
    : trust === "first-use"
    ? "first use: its key was not known before"
    : TRUST_WORDS[trust];
}

/** @param {Row} row */
function directionWords({ direction }) {
  return direction === "inbound" ? "inbound: it dialed" : "outbound: dialed";
}

/** @param {Row} row The addresses but the one that is shown alone. */
function addressWords({ address, peer }) {
  const others = (peer?.addresses ?? []).filter((it) => it !== address);
  return others.map((it) => shownText(it, 300)).join(", ");
}

/**
 * @typedef {object} DetailsOptions
 * @property {Model} model
 * @property {NodeLists} lists
 * @property {(id: string) => void} onMessage
 * @property {() => void} onClose
 */

/** The panel. */
export class PeerDetails {
  /** @type {HTMLElement} */
  element;
  #title = h("h3", { id: "peer-details-title", tabindex: -1, dir: "auto" });
  #state = h("span", { class: "state" });
  #id = h("code", { class: "whole-id mono" });
  #values = FIELDS.map(() => h("dd", { dir: "auto" }));
  #terms = FIELDS.map(([label]) => h("dt", null, label));
  /** @type {Row | undefined} */
  #row;
  #answer = h("p", { class: "answer", role: "status" });
  #problem = problemLine();
  #ping;
  #allow;
  #deny;
  #message;
  #options;

  /** @param {DetailsOptions} options */
  constructor(options) {
    this.#options = options;
    const { onMessage, onClose } = options;
    const action = (
      /** @type {string} */ label,
      /** @type {(row: Row) => void} */ task,
      kind = "",
    ) => button(label, () => this.#row && task(this.#row), { class: kind });
    this.#message = action("Message", ({ id }) => onMessage(id), "primary");
    this.#ping = actionButton("Ping", {
      problem: this.#problem,
      task: () => this.#pingPeer(),
    });
    this.#allow = action("Allow…", (row) => this.#decide(allowPeer, row));
    this.#deny = action(
      "Deny…",
      (row) => this.#decide(denyPeer, row),
      "danger",
    );
    const close = button("×", onClose, {
      class: "quiet close",
      "aria-label": "Close the details",
    });
    this.element = h(
      "section",
      {
        class: "peer-details",
        "aria-labelledby": this.#title.id,
        hidden: true,
      },
      h("header", null, this.#title, this.#state, close),
      h(
        "p",
        { class: "peer-id" },
        this.#id,
        copyButton({
          label: "Copy",
          what: "the whole id",
          text: () => this.#row?.id ?? "",
        }),
      ),
      h(
        "div",
        { class: "peer-actions" },
        this.#message,
        this.#ping,
        this.#allow,
        action("Name…", (row) => this.#decide(namePeer, row)),
        this.#deny,
        action("Forget…", (row) => this.#decide(forgetPeer, row), "danger"),
      ),
      this.#answer,
      this.#problem,
      h(
        "dl",
        null,
        ...FIELDS.flatMap((_, index) => [
          this.#terms[index],
          this.#values[index],
        ]),
      ),
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      onClose();
    });
  }

  /** Shows a peer, or nothing. @param {Known | undefined} known */
  update(known) {
    if (this.#row?.id !== known?.row.id) {
      setText(this.#answer, "");
      setText(this.#problem, "");
    }
    this.#row = known?.row;
    this.element.hidden = known === undefined;
    if (known === undefined) return;
    const { row } = known;
    const words = namesWords(row);
    setText(this.#title, words === "" ? peerLabel(row.id) : words);
    setText(this.#state, STATE_WORDS[row.state]);
    setProps(this.#state, { class: `state state-${row.state}` });
    setText(this.#id, shownText(row.id, 64));
    this.#ping.hidden = row.state !== "connected";
    // What was measured in a session that is over says nothing of the peer.
    if (this.#ping.hidden) setText(this.#answer, "");
    this.#allow.hidden = row.rule === "allowed";
    this.#deny.hidden = row.rule === "denied";
    this.#message.hidden = row.peer?.firstSeen === undefined ||
      row.state === "denied";
    FIELDS.forEach(([, value], index) => {
      const text = value(known);
      const [term, cell] = [this.#terms[index], this.#values[index]];
      if (term === undefined || cell === undefined) return;
      setText(cell, text);
      term.hidden = text === "";
      cell.hidden = text === "";
    });
  }

  /** Moves the focus here. */
  focus() {
    this.#title.focus();
  }

  async #pingPeer() {
    const id = this.#row?.id;
    if (id === undefined) return;
    setText(this.#answer, "");
    const { api } = this.#options.model;
    const { connected, rttMs } = await api.post("/v1/ping", { to: id });
    if (this.#row?.id !== id) return;
    setText(
      this.#answer,
      rttMs !== undefined
        ? `It answers in ${milliseconds(rttMs)}.`
        : connected
        ? "It did not answer in time."
        : "There is no session with it.",
    );
  }

  /** @param {typeof allowPeer} decide @param {Row} row */
  #decide(decide, row) {
    const { model, lists } = this.#options;
    const address = row.request?.address;
    void decide({
      id: row.id,
      names: row,
      ...address !== undefined && { address },
    }, { api: model.api, lists, after: this.#title });
  }
}

/** The part of the status that is shown of a peer. @param {Model} model @param {string} id */
export function queueOf({ status }, id) {
  return status?.queues.find((it) => it.id === id);
}
