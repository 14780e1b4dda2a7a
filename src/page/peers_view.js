// @ts-check
/** The peers: filter, table, and the details of the selected one. */
import { h, setProps, setText } from "./dom.js";
import { count } from "./format.js";
import { PeerDetails, queueOf } from "./peer_details.js";
import { countStates, peerRows, STATE_WORDS, STATES } from "./peer_rows.js";
import { MAX_ROWS, PeerTable } from "./peer_table.js";
import { peerLabel } from "./shown_name.js";

/** @import { NodeLists } from "./node_lists.js" */
/** @import { PeerState, Row } from "./peer_rows.js" */
/** @import { Model } from "./model.js" */

/** How often ages are shown anew while nothing else changes. */
const AGE_MS = 1_000;

/** Where the details are below the table, not beside it; as in `peers.css`. */
const NARROW = "(max-width: 960px)";

/**
 * @typedef {object} PeersOptions
 * @property {NodeLists} lists
 * @property {(id: string) => void} onMessage Writes to a peer.
 */

/**
 * @param {HTMLElement} element
 * @param {Model} model
 * @param {PeersOptions} options
 * @returns {{ focusFilter(): void }}
 */
export function mountPeers(element, model, { lists, onMessage }) {
  /** @type {readonly Row[]} */
  let rows = [];
  const total = h("span", { class: "muted figure" });
  const filter = h("input", {
    type: "search",
    id: "peer-filter",
    placeholder: "Name, id, address …",
    autocomplete: "off",
    spellcheck: "false",
    "aria-keyshortcuts": "/",
  });
  const note = h("p", { class: "empty muted" });
  const chips = new StateChips(() => show(true));
  const table = new PeerTable({
    onSelect(id) {
      const isSelected = model.selected === id;
      model.select(isSelected ? undefined : id);
      show();
      if (!isSelected && matchMedia(NARROW).matches) details.focus();
    },
  });
  const details = new PeerDetails({
    model,
    lists,
    onMessage,
    onClose() {
      const { selected } = model;
      model.select(undefined);
      show();
      if (!table.focus(selected)) filter.focus();
    },
  });
  const result = h("span", { class: "visually-hidden", role: "status" });
  element.append(
    h(
      "header",
      { class: "view-head" },
      h("h2", null, "Peers ", total),
      chips.element,
      h(
        "label",
        { class: "filter" },
        h("span", { class: "visually-hidden" }, "Filter peers"),
        filter,
        h("kbd", { "aria-hidden": "true" }, "/"),
      ),
      result,
    ),
    h(
      "div",
      { class: "peers-body" },
      h("div", { class: "peers-list" }, table.element, note),
      details.element,
    ),
  );

  const show = (isFiltered = false) => {
    const now = model.nodeTime;
    if (isFiltered) table.reorder();
    const shown = table.update(rows, {
      text: filter.value,
      state: chips.state,
      selected: model.selected,
      now,
    });
    if (isFiltered) setText(result, `${shown} of ${rows.length} peers`);
    table.element.hidden = shown === 0;
    setText(note, remark(rows.length, shown));
    const row = rows.find(({ id }) => id === model.selected);
    const queue = row && queueOf(model, row.id);
    details.update(
      row && { row, now, labelOf, ...queue !== undefined && { queue } },
    );
  };
  /** @param {string} id */
  const labelOf = (id) =>
    id === model.status?.id
      ? `this node, ${peerLabel(id, model.status)}`
      : peerLabel(id, rows.find((it) => it.id === id));
  const load = () => {
    const { rules, requests } = lists.lists;
    const { peers, sessions } = model;
    rows = peerRows({ peers, sessions, rules, requests });
    setText(total, String(rows.length));
    chips.update(countStates(rows));
    show();
  };
  filter.addEventListener("input", () => show(true));
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || filter.value === "") return;
    event.preventDefault();
    filter.value = "";
    show(true);
  });
  model.addEventListener("change", load);
  lists.addEventListener("change", load);
  setInterval(() => {
    if (!document.hidden && model.connection === "live") show();
  }, AGE_MS);
  load();
  return { focusFilter: () => filter.select() };
}

/**
 * What stands below the table.
 *
 * @param {number} total
 * @param {number} left How many of them the filter leaves.
 */
function remark(total, left) {
  if (left > MAX_ROWS) {
    return `The first ${MAX_ROWS} of ${
      count(left)
    }; the filter finds the others.`;
  }
  if (left > 0) return "";
  return total === 0
    ? "No peers yet. An invite brings one, or verack run --connect with the address of this node."
    : "No peer matches the filter.";
}

/** Chooses the state that peers must have; shows how many have each. */
class StateChips {
  /** @type {PeerState | "all"} */
  state = "all";
  element = h("div", {
    class: "state-chips",
    role: "radiogroup",
    "aria-label": "Show peers that are",
  });
  /** @type {Map<PeerState | "all", { chip: HTMLElement, input: HTMLInputElement, number: HTMLElement }>} */
  #chips = new Map();

  /** @param {() => void} onChange */
  constructor(onChange) {
    for (const state of /** @type {const} */ (["all", ...STATES])) {
      const number = h("span", { class: "figure" });
      const input = h("input", {
        type: "radio",
        name: "peer-state",
        value: state,
        class: "visually-hidden",
      });
      input.checked = state === "all";
      input.addEventListener("change", () => {
        this.state = state;
        onChange();
      });
      const word = state === "all" ? "all" : STATE_WORDS[state];
      const chip = h(
        "label",
        { class: "state-chip" },
        input,
        word,
        " ",
        number,
      );
      this.#chips.set(state, { chip, input, number });
      this.element.append(chip);
    }
  }

  /** @param {Record<PeerState | "all", number>} counts */
  update(counts) {
    for (const [state, { chip, number }] of this.#chips) {
      setText(number, String(counts[state]));
      chip.hidden = state !== "all" && counts[state] === 0 &&
        state !== this.state;
      setProps(chip, { class: `state-chip state-chip-${state}` });
    }
  }
}
