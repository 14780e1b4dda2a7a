// @ts-check
/** What is wrong at present: facts of the node's health, and a page that is out of date. */
import { h, shownText, updateList } from "./dom.js";
import { clock } from "./format.js";

/** @import { Model } from "./model.js" */
/** @typedef {{ key: string, state: "bad" | "warn", title: string, text: string, since: string }} Notice */

/** A node has at most 64 facts; the first tell enough. */
const MAX_SHOWN = 6;

/** @param {Element} element @param {Model} model */
export function mountNotice(element, model) {
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  const list = h("ul");
  element.append(list);
  const update = () => {
    const notices = noticesOf(model);
    updateList(list, rows, notices, {
      key: (it) => it.key,
      make: ({ state, title, text, since }) =>
        h(
          "li",
          { "data-state": state },
          h("strong", null, title),
          h("bdi", null, text),
          since !== "" && h("span", { class: "muted" }, since),
        ),
    });
    /** @type {HTMLElement} */ (element).hidden = notices.length === 0;
  };
  model.addEventListener("change", update);
  update();
}

/** @param {Model} model @returns {Notice[]} */
function noticesOf({ status, connection, heardAt, problem, stopped }) {
  /** @type {Notice[]} */
  const notices = [];
  if (connection === "stale") {
    const time = heardAt === undefined ? "" : clock(heardAt);
    const text = stopped
      ? "The node has stopped. What is shown is its last state; the page connects again when it runs."
      : "This is the last known state. The page tries to connect again.";
    const why = problem === undefined || stopped ? "" : ` ${problem}`;
    notices.push({
      key: `stale ${text}${why}`,
      state: "bad",
      title: stopped ? "Stopped" : "Out of date",
      text: shownText(text + why),
      since: time === "" ? "" : `since ${time}`,
    });
  }
  if (connection === "connecting" && problem !== undefined) {
    notices.push({
      key: `connecting ${problem}`,
      state: "warn",
      title: "Not connected",
      text: shownText(`${problem} The page tries to connect again.`),
      since: "",
    });
  }
  const facts = status?.health ?? [];
  for (const fact of facts.slice(0, MAX_SHOWN)) {
    const { severity } = fact;
    const since = clock(fact.since);
    notices.push({
      key: `${fact.code} ${fact.since} ${fact.message} ${severity}`,
      state: severity === "failing" ? "bad" : "warn",
      title: shownText(fact.code, 48),
      text: shownText(fact.message, 400),
      since: `since ${since}`,
    });
  }
  if (facts.length > MAX_SHOWN) {
    const more = facts.length - MAX_SHOWN;
    notices.push({
      key: `more ${more}`,
      state: "warn",
      title: `${more} more`,
      text: "see verack status",
      since: "",
    });
  }
  return notices;
}
