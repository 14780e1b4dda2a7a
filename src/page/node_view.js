// @ts-check
/** What waits in the node: kept topics and dead letters; and the button that stops it. */
import { h, setText, shownText, updateList } from "./dom.js";
import { actionButton, announce, problemLine } from "./button_action.js";
import { confirmDialog } from "./confirm_dialog.js";
import { bytes, clock, day, things } from "./format.js";
import { textBody } from "./message_entry.js";
import { peerLabel } from "./shown_name.js";
import { shortId } from "./shown_text.js";

/** @import { DeadLetterRow, KeptTopicRow } from "../control/answers.ts" */
/** @import { NodeLists } from "./node_lists.js" */
/** @import { Model } from "./model.js" */

const MAX_TOPIC_CHARS = 128;
const MAX_REASON_CHARS = 200;
const MAX_PREVIEW_CHARS = 240;

/** Of the dead letters, which may be a thousand. */
const MAX_SHOWN = 50;

/**
 * @param {HTMLElement} element
 * @param {Model} model
 * @param {NodeLists} lists
 */
export function mountNode(element, model, lists) {
  const heading = h("h2", { tabindex: -1 }, "Node");
  element.append(
    h("header", { class: "view-head" }, heading, stopButton(model)),
    keptTopics(model),
    deadLetters({ model, lists, after: heading }),
  );
}

/** @param {Model} model */
function keptTopics(model) {
  const list = h("ul", { class: "rows" });
  const number = h("span", { class: "muted figure" });
  const empty = h("p", { class: "empty muted" }, "No topic is kept.");
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  const show = () => {
    const topics = model.status?.keptTopics ?? [];
    setText(number, topics.length === 0 ? "" : String(topics.length));
    empty.hidden = topics.length > 0;
    updateList(list, rows, topics, {
      key: ({ topic }) => topic,
      make: ({ topic }) =>
        h(
          "li",
          null,
          h(
            "div",
            { class: "row-main" },
            h(
              "bdi",
              { class: "topic" },
              topic === "" ? "no topic" : shownText(topic, MAX_TOPIC_CHARS),
            ),
            h("span", { class: "row-text figure" }),
          ),
        ),
      update: showTopic,
    });
  };
  model.addEventListener("change", show);
  show();
  return h(
    "section",
    { class: "part" },
    h("h3", null, "Kept topics ", number),
    empty,
    list,
  );
}

/** @param {Element} element @param {KeptTopicRow} topic */
function showTopic(
  element,
  { messages, bytes: size, leased, blocked, oldestAt },
) {
  const text = element.querySelector(".row-text");
  if (text === null) return;
  const parts = [
    messages === 0 ? "empty" : `${things(messages, "message")}, ${bytes(size)}`,
    ...leased > 0 ? [`${leased} with consumers`] : [],
    ...blocked > 0 ? [`${things(blocked, "sender")} blocked`] : [],
    ...oldestAt === undefined ? [] : [`oldest of ${moment(oldestAt)}`],
  ];
  setText(text, parts.join(", "));
}

/** @typedef {{ model: Model, lists: NodeLists, after: HTMLElement }} Context */

/** @param {Context} context */
function deadLetters(context) {
  const { model, lists } = context;
  const list = h("ul", { class: "rows" });
  const number = h("span", { class: "muted figure" });
  const empty = h("p", { class: "empty muted" }, "No dead letters.");
  const more = h("p", { class: "muted" });
  const problem = problemLine();
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  const show = () => {
    // Oldest first, as the node has them.
    const all = lists.lists.deadLetters;
    setText(number, all.length === 0 ? "" : String(all.length));
    empty.hidden = all.length > 0;
    const shown = all.slice(0, MAX_SHOWN);
    const rest = all.length - shown.length;
    setText(
      more,
      rest === 0 ? "" : `and ${rest} newer: verack dead-letters lists all`,
    );
    setText(problem, lists.problem("deadLetters") ?? "");
    updateList(list, rows, shown, {
      key: ({ id, from }) => `${from} ${id}`,
      make: (letter) => deadLetter(letter, context),
      update: (element, letter) => showDeadLetter(element, letter, model),
    });
  };
  lists.addEventListener("change", show);
  show();
  return h(
    "section",
    { class: "part" },
    h("h3", null, "Dead letters ", number),
    empty,
    list,
    more,
    problem,
  );
}

/** @param {DeadLetterRow} letter @param {Context} context */
function deadLetter(letter, { model, lists, after }) {
  const { id, from, preview, bytes: size } = letter;
  const problem = problemLine();
  const body = h(
    "div",
    { class: "row-preview text", dir: "auto", tabindex: -1 },
    shownText(preview, MAX_PREVIEW_CHARS),
  );
  const show = async () => {
    const { base64 } = await model.api.get("/v1/dead-letters/message", {
      id,
      from,
    });
    const bytes = Uint8Array.from(atob(base64), (it) => it.charCodeAt(0));
    body.replaceChildren(textBody(new TextDecoder().decode(bytes)));
    body.focus();
    whole.hidden = true;
  };
  const whole = actionButton("Show", {
    problem,
    task: show,
    name: `Show all of dead letter ${shortId(id)}`,
  });
  const retry = async () => {
    await model.api.post("/v1/dead-letters/retry", { id, from });
    announce("Delivered to the application again");
    await lists.refresh(["deadLetters"]);
  };
  const discard = async () => {
    const isDone = await confirmDialog({
      title: `Discard dead letter ${shortId(id)}?`,
      body: [
        h(
          "p",
          { dir: "auto" },
          `${bytes(size)} from ${
            peerLabel(from, letter)
          }. It is deleted for good; its sender was told before that it was rejected.`,
        ),
      ],
      verb: "Discard",
      danger: true,
      task: async () => {
        await model.api.post("/v1/dead-letters/discard", { id, from });
        await lists.refresh(["deadLetters"]);
      },
      after,
    });
    if (isDone) announce("Discarded");
  };
  return h(
    "li",
    null,
    h(
      "div",
      { class: "row-main" },
      h("code", { class: "id", title: shownText(id, 64) }, shortId(id)),
      h("span", { class: "row-text", dir: "auto" }),
      body,
    ),
    h(
      "div",
      { class: "row-buttons" },
      whole,
      actionButton("Retry", {
        problem,
        task: retry,
        name: `Retry dead letter ${shortId(id)}`,
      }),
      h("button", {
        type: "button",
        class: "danger",
        "aria-label": `Discard dead letter ${shortId(id)}`,
        on: { click: () => void discard() },
      }, "Discard…"),
    ),
    problem,
  );
}

/**
 * @param {Element} element
 * @param {DeadLetterRow} letter
 * @param {Model} model
 */
function showDeadLetter(element, letter, { peers }) {
  const text = element.querySelector(".row-text");
  if (text === null) return;
  const { from, at, topic, reason, retried, bytes: size } = letter;
  const names = peers.find((it) => it.id === from) ?? letter;
  const parts = [
    `from ${peerLabel(from, names)}`,
    moment(at),
    bytes(size),
    ...topic === "" ? [] : [`topic ${shownText(topic, MAX_TOPIC_CHARS)}`],
    ...reason === "" ? [] : [`nacked: ${shownText(reason, MAX_REASON_CHARS)}`],
    ...retried ? ["retried"] : [],
  ];
  setText(text, parts.join(", "));
}

/** @param {Model} model */
function stopButton(model) {
  const stop = async () => {
    const { status } = model;
    const name = status === undefined
      ? "the node"
      : peerLabel(status.id, status);
    const isDone = await confirmDialog({
      title: `Stop ${name}?`,
      body: [
        h(
          "p",
          null,
          "The node says goodbye to its peers and its process ends. It cannot be started from this page again.",
        ),
        status?.ephemeral
          ? h(
            "p",
            null,
            "It has no data directory: its key, and messages that wait, are lost.",
          )
          : h(
            "p",
            null,
            "Its key, peers and messages that wait stay in its data directory.",
          ),
      ],
      verb: "Stop the node",
      danger: true,
      typed: "stop",
      task: () => model.api.post("/v1/stop"),
    });
    if (isDone) announce("The node is stopping");
  };
  return h("button", {
    type: "button",
    class: "danger",
    on: { click: () => void stop() },
  }, "Stop the node…");
}

/** A time of day, with the day if that is another. @param {string} time */
function moment(time) {
  return day(time) === day(Date.now())
    ? clock(time)
    : `${day(time)} ${clock(time)}`;
}
