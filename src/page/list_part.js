// @ts-check
/** A part of a view that is a list: its number, its rows, and what is said without any. */
import { h, setText, updateList } from "./dom.js";
import { problemLine } from "./button_action.js";

/** @import { Child } from "./dom.js" */

/**
 * @template T
 * @param {object} parts
 * @param {string} parts.title
 * @param {Child} [parts.form] Above the rows.
 * @param {string} [parts.empty] What is said without rows.
 * @param {Child} [parts.note] Below the rows.
 * @param {(item: T) => string} parts.key
 * @param {(item: T) => HTMLElement} parts.make A {@linkcode listRow}.
 * @param {(item: T) => string} parts.words The text of a row; changes in place.
 */
export function listPart({ title, form, empty, note, key, make, words }) {
  const number = h("span", { class: "muted figure" });
  const list = h("ul", { class: "rows" });
  const nothing = empty && h("p", { class: "empty muted" }, empty);
  const problem = problemLine();
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  return {
    element: h(
      "section",
      { class: "part" },
      h("h3", null, `${title} `, number),
      form,
      nothing,
      list,
      note,
      problem,
    ),
    /**
     * Shows these items.
     *
     * @param {readonly T[]} items
     * @param {{ total?: number, problem?: string | undefined }} [more]
     */
    show: (items, { total = items.length, problem: text = "" } = {}) => {
      setText(number, total === 0 ? "" : String(total));
      if (nothing) nothing.hidden = total > 0;
      setText(problem, text);
      updateList(list, rows, items, {
        key,
        make,
        update(row, item) {
          const text = row.querySelector(".row-text");
          if (text !== null) setText(text, words(item));
        },
      });
    },
  };
}

/**
 * A row: what it is about, its text, and its buttons.
 *
 * @param {Child} subject
 * @param {Child[]} buttons
 * @param {object} [more]
 * @param {Child} [more.body] Below the text.
 * @param {Child} [more.problem] Below the row.
 */
export function listRow(subject, buttons, { body, problem } = {}) {
  const text = h("span", { class: "row-text", dir: "auto" });
  return h(
    "li",
    null,
    h("div", { class: "row-main" }, subject, text, body),
    buttons.length > 0 && h("div", { class: "row-buttons" }, buttons),
    problem,
  );
}
