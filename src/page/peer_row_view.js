// @ts-check
/** A row of the table of peers, and the columns of it; its cells change in place. */
import { append, h, setProps, setText, shownText } from "./dom.js";
import { copyButton } from "./copy_button.js";
import { bytes, count, duration, milliseconds } from "./format.js";
import { STATE_WORDS, TRUST_WORDS } from "./peer_rows.js";
import { namesWords } from "./shown_name.js";
import { shortId } from "./shown_text.js";

/** @import { Row, SortKey } from "./peer_rows.js" */

/**
 * @typedef {object} Column
 * @property {SortKey} key
 * @property {string} label
 * @property {string} [title] The label in full.
 * @property {boolean} [isFigure]
 * @property {(row: Row, now: number) => string} [text] Of cells without elements of their own.
 */

/** @type {readonly Column[]} */
export const COLUMNS = [
  { key: "name", label: "Name" },
  { key: "id", label: "Id" },
  { key: "state", label: "State" },
  { key: "direction", label: "Direction", text: directionWords },
  {
    key: "trust",
    label: "Trust",
    text: ({ trust }) => trust === undefined ? "–" : TRUST_WORDS[trust],
  },
  {
    key: "rtt",
    label: "Round trip",
    isFigure: true,
    text: ({ rttMs }) => milliseconds(rttMs),
  },
  {
    key: "age",
    label: "Session",
    title: "Age of the session",
    isFigure: true,
    text: ({ openedAt }, now) =>
      openedAt === undefined ? "–" : ageWords(now - openedAt),
  },
  {
    key: "received",
    label: "In",
    title: "Bytes received in the session",
    isFigure: true,
    text: ({ bytesReceived }) => bytes(bytesReceived),
  },
  {
    key: "sent",
    label: "Out",
    title: "Bytes sent in the session",
    isFigure: true,
    text: ({ bytesSent }) => bytes(bytesSent),
  },
  {
    key: "messagesReceived",
    label: "Msgs in",
    title: "Messages received in the session",
    isFigure: true,
    text: ({ messagesReceived }) => count(messagesReceived),
  },
  {
    key: "messagesSent",
    label: "Msgs out",
    title: "Messages sent in the session",
    isFigure: true,
    text: ({ messagesSent }) => count(messagesSent),
  },
  {
    key: "address",
    label: "Address",
    text: ({ address, relay }) =>
      relay !== undefined
        ? `via ${relay}`
        : address === undefined
        ? "–"
        : shownText(address, 300),
  },
  {
    key: "userAgent",
    label: "User agent",
    text: ({ userAgent }) =>
      userAgent === undefined ? "–" : shownText(userAgent, 300),
  },
];

/** Only the largest unit below an hour, so that few cells change each second. @param {number} ms */
function ageWords(ms) {
  const words = duration(ms);
  return ms < 3_600_000 ? words.replace(/ min .*/, " min") : words;
}

/** Cells with text of the network, which may be long. */
const CUT = new Set(["address", "userAgent"]);

/** @param {Row} row */
function directionWords({ direction, via }) {
  if (direction === undefined) return "–";
  const words = direction === "inbound" ? "← in" : "→ out";
  return via === undefined ? words : `${words}, relayed`;
}

/** A row; its cells change in place. */
export class RowView {
  /** @type {HTMLElement} */
  element;
  #cells = COLUMNS.map(() => /** @type {HTMLElement} */ (h("td", null)));
  #select = h("button", { type: "button", class: "peer-name", dir: "auto" });
  #mark = h("span", { class: "name-mark" });
  #state = h("span", { class: "state" });
  #rule = h("span", { class: "rule" });
  #copy;

  /** @param {string} id @param {() => void} onSelect */
  constructor(id, onSelect) {
    this.#copy = copyButton({
      label: shortId(id),
      what: `the whole id ${shortId(id)}`,
      text: () => id,
      kind: "id mono",
    });
    this.element = h("tr", { "data-id": id, role: "row" });
    COLUMNS.forEach(({ key, label, isFigure }, index) => {
      const cell = h(key === "name" ? "th" : "td", {
        role: key === "name" ? "rowheader" : "cell",
        scope: key === "name" ? "row" : undefined,
        class: `col-${key}${isFigure ? " figure" : ""}`,
        "data-short": label,
        dir: CUT.has(key) ? "auto" : undefined,
      });
      if (key === "name") {
        const content = h("span", { class: "name-cell" });
        append(content, [this.#select, this.#mark]);
        cell.append(content);
      }
      if (key === "id") append(cell, [this.#copy]);
      if (key === "state") append(cell, [this.#state, this.#rule]);
      this.#cells[index] = cell;
      this.element.append(cell);
    });
    this.element.addEventListener("click", (event) => {
      const isCopy = event.target instanceof Node &&
        this.#copy.contains(event.target);
      if (!isCopy) onSelect();
    });
  }

  /**
   * @param {Row} row
   * @param {{ readonly selected: string | undefined, readonly now: number }} view
   */
  update(row, { selected, now }) {
    const words = namesWords(row);
    const shown = words === "" ? "no name" : words;
    setText(this.#select, shown);
    setProps(this.#select, {
      class: words === "" ? "peer-name unnamed" : "peer-name",
      title: words,
      "aria-label": `Show ${shown} (${shortId(row.id)})`,
      "aria-pressed": String(selected === row.id),
    });
    const isHeld = row.nameHeldBy !== undefined;
    setText(this.#mark, isHeld ? "name in use" : "");
    setProps(this.#mark, {
      title: isHeld ? `The name is bound to ${row.nameHeldBy}` : undefined,
    });
    setText(this.#state, STATE_WORDS[row.state]);
    setProps(this.#state, { class: `state state-${row.state}` });
    const rule = row.rule === row.state ? undefined : row.rule;
    setText(this.#rule, rule ?? "");
    setProps(this.element, {
      class: `peer-${row.state}${selected === row.id ? " selected" : ""}`,
    });
    COLUMNS.forEach(({ key, text }, index) => {
      const cell = this.#cells[index];
      if (text === undefined || cell === undefined) return;
      const value = text(row, now);
      setText(cell, value);
      if (CUT.has(key)) setProps(cell, { title: value });
    });
  }

  /** @param {boolean} isStop */
  setTabStop(isStop) {
    const tabindex = isStop ? 0 : -1;
    setProps(this.#select, { tabindex });
    setProps(this.#copy, { tabindex });
  }

  focus() {
    this.#select.focus();
  }
}
