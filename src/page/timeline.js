// @ts-check
/** What happened, newest first: bounded, filtered by kind, and still while it is read. */
import { button, h, setProps, setText } from "./dom.js";
import { EVENT_KINDS, eventWords } from "./event_words.js";
import { clock, day, things } from "./format.js";

/** @import { Model, PageEvent } from "./model.js" */
/** @import { EventKind, EventWords } from "./event_words.js" */

/** Events that are in the list; the model has more, for the other filters. */
const MAX_SHOWN = 300;

/** Farther than this from its top, the list is being read. */
const READING_PX = 24;

/** @param {HTMLElement} element @param {Model} model */
export function mountTimeline(element, model) {
  new Timeline(element, model);
}

class Timeline {
  #model;
  /** Kinds that are shown; none means all. @type {Set<EventKind>} */
  #kinds = new Set();
  #list = h("ol", { class: "events", tabindex: 0, "aria-label": "Events" });
  #empty = h("p", { class: "muted empty" }, "Nothing has happened yet.");
  #more = button("", () => this.#catchUp(), { class: "more", hidden: true });
  /** @type {Map<EventKind, HTMLButtonElement>} */
  #buttons = new Map();
  /** Events that are in the list. @type {WeakSet<PageEvent>} */
  #shown = new WeakSet();
  /** The first event of the list. @type {PageEvent | undefined} */
  #newest;
  #isHovered = false;

  /** @param {HTMLElement} element @param {Model} model */
  constructor(element, model) {
    this.#model = model;
    for (const kind of EVENT_KINDS) {
      this.#buttons.set(
        kind,
        button(kind, () => this.#toggle(kind), {
          class: "quiet chip",
          "aria-pressed": "false",
        }),
      );
    }
    element.append(
      h(
        "div",
        { class: "panel-head" },
        h("h2", null, "Time line"),
        h(
          "div",
          { class: "chips", role: "group", "aria-label": "Show only" },
          [...this.#buttons.values()],
        ),
      ),
      h("div", { class: "events-frame" }, this.#more, this.#empty, this.#list),
    );
    this.#list.addEventListener("scroll", () => {
      if (!this.#isReading()) this.update();
    });
    this.#list.addEventListener("pointerenter", ({ pointerType }) => {
      this.#isHovered = pointerType === "mouse";
    });
    this.#list.addEventListener("pointerleave", () => {
      this.#isHovered = false;
      this.update();
    });
    model.addEventListener("change", () => this.update());
  }

  #isReading() {
    return this.#isHovered || this.#list.scrollTop > READING_PX;
  }

  /** @param {EventKind} kind */
  #toggle(kind) {
    if (!this.#kinds.delete(kind)) this.#kinds.add(kind);
    for (const [name, button] of this.#buttons) {
      setProps(button, { "aria-pressed": String(this.#kinds.has(name)) });
    }
    this.#begin();
  }

  /** Shows what has come meanwhile, from the top. */
  #catchUp() {
    this.#isHovered = false;
    this.#list.scrollTop = 0;
    this.update();
  }

  /** Empties the list, as another filter is set. */
  #begin() {
    this.#list.replaceChildren();
    this.#shown = new WeakSet();
    this.#newest = undefined;
    this.#list.scrollTop = 0;
    this.update(true);
  }

  /** Adds events that are new; while the list is read, only says how many. */
  update(isAsked = false) {
    const { events } = this.#model;
    if (events.length === 0 && this.#newest !== undefined) {
      this.#list.replaceChildren();
      this.#newest = undefined;
    }
    const fresh = this.#fresh(events);
    const isReading = this.#isReading() && !isAsked &&
      this.#list.childElementCount > 0;
    this.#more.hidden = !isReading || fresh.length === 0;
    if (isReading) {
      setText(this.#more, `${things(fresh.length, "new event")} ↑`);
      return;
    }
    for (const { event, words } of fresh) this.#add(event, words);
    this.#newest = events.at(-1);
    this.#dropOldest();
    this.#empty.hidden = this.#list.childElementCount > 0;
    setText(
      this.#empty,
      events.length === 0
        ? "Nothing has happened yet."
        : "Nothing of that kind.",
    );
  }

  /** @param {readonly PageEvent[]} events */
  #fresh(events) {
    const from = this.#newest === undefined
      ? 0
      : events.lastIndexOf(this.#newest) + 1;
    const found = [];
    for (const event of events.slice(Math.max(from, 0)).slice(-MAX_SHOWN)) {
      const words = eventWords(event);
      if (this.#kinds.size > 0 && !this.#kinds.has(words.kind)) continue;
      if (!this.#shown.has(event)) found.push({ event, words });
    }
    return found;
  }

  #dropOldest() {
    const items = this.#list.getElementsByClassName("event");
    while (items.length > MAX_SHOWN) {
      items[items.length - 1]?.remove();
      const last = this.#list.lastElementChild;
      if (last?.querySelector(".event") === null) last.remove();
    }
  }

  /** @param {PageEvent} event @param {EventWords} words */
  #add(event, words) {
    this.#shown.add(event);
    const minute = `${day(event.time)} ${clock(event.time).slice(0, 5)}`;
    const first = this.#list.firstElementChild;
    const item = this.#item(event, words);
    if (first?.getAttribute("data-minute") === minute) {
      first.querySelector("ol")?.prepend(item);
      return;
    }
    const isToday = day(event.time) === day(Date.now());
    const title = isToday ? minute.slice(11) : minute;
    this.#list.prepend(
      h(
        "li",
        { class: "minute", "data-minute": minute },
        h("h3", { class: "figure" }, title),
        h("ol", null, item),
      ),
    );
  }

  /** @param {PageEvent} event @param {EventWords} words */
  #item(event, { state, mark, parts }) {
    return h(
      "li",
      { class: "event", "data-state": state, "data-type": event.type },
      h(
        "time",
        { datetime: event.time, class: "figure" },
        clock(event.time).slice(6) === ""
          ? ""
          : `:${clock(event.time).slice(6)}`,
      ),
      h("span", { class: "mark" }, mark),
      h(
        "span",
        { class: "sentence" },
        parts.map((part) =>
          typeof part === "string"
            ? h("bdi", null, part)
            : "peer" in part
            ? this.#peer(part.peer, part.label)
            : h("bdi", { class: "quote", dir: "auto" }, part.quote)
        ),
      ),
    );
  }

  /** @param {string} id @param {string} label */
  #peer(id, label) {
    const shown = h("bdi", { dir: "auto" }, label);
    return button(shown, () => this.#model.select(id), { class: "peer-link" });
  }
}
