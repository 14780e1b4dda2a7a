// @ts-check
/**
 * The table of peers: sorted by its headers, filtered by text and state, updated cell by cell.
 * Rows keep their places while the pointer or the focus is among them, so that none moves away
 * under a click. One row at a time is in the order of Tab; the arrow keys move between rows.
 */
import { button, h, setProps, updateList } from "./dom.js";
import { COLUMNS, RowView } from "./peer_row_view.js";
import { filterRows, nextOrder, sortRows } from "./peer_rows.js";

/** @import { Column } from "./peer_row_view.js" */
/** @import { Order, PeerState, Row, SortKey } from "./peer_rows.js" */

/** A node may have 4,096 peers on record, more than can be read; the filter finds the others. */
export const MAX_ROWS = 500;

/**
 * @typedef {object} TableOptions
 * @property {(id: string) => void} onSelect
 */

/** @typedef {{ text?: string, state?: PeerState | "all", selected: string | undefined, now: number }} View */

/** The table. */
export class PeerTable {
  /** @type {HTMLElement} */
  element;
  #body = h("tbody", { role: "rowgroup" });
  /** @type {Map<SortKey, HTMLElement>} */
  #headers = new Map();
  /** @type {Map<string, RowView>} */
  #views = new Map();
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** @type {Order} */
  #order = { key: "state", descending: false };
  /** @type {readonly string[]} */
  #shown = [];
  /** @type {readonly Row[]} */
  #rows = [];
  /** @type {View} */
  #view = { selected: undefined, now: 0 };
  #sort;
  #onSelect;
  #isReordering = true;

  /** @param {TableOptions} options */
  constructor({ onSelect }) {
    this.#onSelect = onSelect;
    this.#sort = this.#sortChoice();
    const head = h(
      "tr",
      { role: "row" },
      ...COLUMNS.map((column) => this.#header(column)),
    );
    const table = h(
      "table",
      { class: "peer-table", role: "table", "aria-label": "Peers" },
      h("thead", { role: "rowgroup" }, head),
      this.#body,
    );
    this.element = h(
      "div",
      { class: "peer-table-scroll" },
      this.#sort.element,
      table,
    );
    this.#body.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * Shows the rows that the view leaves, or the first of them.
   *
   * @param {readonly Row[]} rows
   * @param {View} view
   * @returns {number} How many the view leaves.
   */
  update(rows, view) {
    this.#rows = rows;
    this.#view = view;
    const sorted = sortRows(filterRows(rows, view), this.#order);
    const ordered = this.#isReordering || !this.#isInUse()
      ? sorted
      : keepPlaces(sorted, this.#shown);
    const placed = ordered.slice(0, MAX_ROWS);
    this.#isReordering = false;
    this.#shown = placed.map(({ id }) => id);
    updateList(this.#body, this.#elements, placed, {
      key: ({ id }) => id,
      make: (row) => this.#make(row),
      update: (_, row) => this.#views.get(row.id)?.update(row, view),
    });
    for (const id of this.#views.keys()) {
      if (!this.#elements.has(id)) this.#views.delete(id);
    }
    this.#setTabStop();
    this.#showOrder();
    return sorted.length;
  }

  /** The next update puts the rows in order even if they are in use. */
  reorder() {
    this.#isReordering = true;
  }

  /** Moves the focus to a row. @param {string | undefined} id */
  focus(id) {
    const view = id === undefined ? undefined : this.#views.get(id);
    view?.focus();
    return view !== undefined;
  }

  /** @param {Column} column */
  #header({ key, label, title, isFigure }) {
    const isShort = title !== undefined && title !== label;
    const content = button(
      [
        label,
        isShort && h("span", { class: "visually-hidden" }, `, ${title}`),
        h("span", { class: "sort-mark", "aria-hidden": "true" }),
      ],
      () => this.#setOrder(key),
      { title: `Sort by ${(title ?? label).toLowerCase()}` },
    );
    const header = h("th", {
      scope: "col",
      role: "columnheader",
      class: `col-${key}${isFigure ? " figure" : ""}`,
    }, content);
    this.#headers.set(key, header);
    return header;
  }

  /** For narrow screens, where the table has no headers. */
  #sortChoice() {
    const select = h(
      "select",
      null,
      ...COLUMNS.map(({ key, label, title }) =>
        h("option", { value: key }, title ?? label)
      ),
    );
    const turn = button("Reverse", () => this.#setOrder(this.#order.key));
    select.addEventListener("change", () => {
      const key = /** @type {SortKey} */ (select.value);
      if (key !== this.#order.key) this.#setOrder(key);
    });
    const element = h(
      "div",
      { class: "peer-sort" },
      h("label", null, "Sort by ", select),
      turn,
    );
    return { element, select };
  }

  /** @param {SortKey} key */
  #setOrder(key) {
    this.#order = nextOrder(this.#order, key);
    this.#isReordering = true;
    this.update(this.#rows, this.#view);
  }

  #showOrder() {
    const { key, descending } = this.#order;
    for (const [name, header] of this.#headers) {
      setProps(header, {
        "aria-sort": name !== key
          ? false
          : descending
          ? "descending"
          : "ascending",
      });
    }
    if (this.#sort.select.value !== key) this.#sort.select.value = key;
  }

  /** @param {Row} row */
  #make(row) {
    const view = new RowView(row.id, () => {
      this.#setTabStop(row.id);
      this.#onSelect(row.id);
    });
    this.#views.set(row.id, view);
    return view.element;
  }

  #isInUse() {
    return this.#body.matches(":hover") ||
      this.#body.contains(document.activeElement);
  }

  /** @param {string} [wanted] */
  #setTabStop(wanted) {
    const focused = document.activeElement?.closest("tr[data-id]")
      ?.getAttribute("data-id");
    const { selected } = this.#view;
    const stop =
      [wanted, focused, selected].find((id) =>
        id !== undefined && id !== null && this.#elements.has(id)
      ) ?? this.#shown[0];
    for (const [id, view] of this.#views) view.setTabStop(id === stop);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = /** @type {Element} */ (event.target).closest("tr[data-id]");
    const id = row?.getAttribute("data-id") ?? "";
    const at = this.#shown.indexOf(id);
    const last = this.#shown.length - 1;
    const to = {
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: Math.max(at - 1, 0),
      Home: 0,
      End: last,
    }[event.key];
    const next = to === undefined ? undefined : this.#shown[to];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    this.#setTabStop(next);
    this.#views.get(next)?.focus();
  }
}

/**
 * Rows in the places they had, new ones after them.
 *
 * @param {readonly Row[]} sorted
 * @param {readonly string[]} before
 */
function keepPlaces(sorted, before) {
  const place = new Map(before.map((id, index) => [id, index]));
  return sorted.toSorted((a, b) =>
    (place.get(a.id) ?? before.length) - (place.get(b.id) ?? before.length)
  );
}
