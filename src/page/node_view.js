// @ts-check
/** What waits in the node: kept topics and dead letters; and the button that stops it. */
import { button, h, setText, shownText } from "./dom.js";
import { actionButton, announce, problemLine } from "./button_action.js";
import { confirmDialog } from "./confirm_dialog.js";
import { bytes, moment, things } from "./format.js";
import { listPart, listRow } from "./list_part.js";
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

/** @param {HTMLElement} element @param {Model} model @param {NodeLists} lists */
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
  /** @type {ReturnType<typeof listPart<KeptTopicRow>>} */
  const part = listPart({
    title: "Kept topics",
    empty: "No topic is kept.",
    key: ({ topic }) => topic,
    make({ topic }) {
      const name = shownText(topic, MAX_TOPIC_CHARS) || "no topic";
      return listRow(h("bdi", { class: "topic" }, name), []);
    },
    words: topicWords,
  });
  const show = () => part.show(model.status?.keptTopics ?? []);
  model.addEventListener("change", show);
  show();
  return part.element;
}

/** @param {KeptTopicRow} topic */
function topicWords({ messages, bytes: size, leased, blocked, oldestAt }) {
  return [
    messages === 0 ? "empty" : `${things(messages, "message")}, ${bytes(size)}`,
    leased > 0 && `${leased} with consumers`,
    blocked > 0 && `${things(blocked, "sender")} blocked`,
    oldestAt !== undefined && `oldest of ${moment(oldestAt)}`,
  ].filter(Boolean).join(", ");
}

/** @typedef {{ model: Model, lists: NodeLists, after: HTMLElement }} Context */

/** @param {Context} context */
function deadLetters(context) {
  const { model, lists } = context;
  const more = h("p", { class: "muted" });
  /** @type {ReturnType<typeof listPart<DeadLetterRow>>} */
  const part = listPart({
    title: "Dead letters",
    empty: "No dead letters.",
    note: more,
    key: ({ id, from }) => `${from} ${id}`,
    make: (letter) => deadLetter(letter, context),
    words: (letter) => letterWords(letter, model),
  });
  const show = () => {
    // Oldest first, as the node has them.
    const all = lists.lists.deadLetters;
    const total = all.length;
    const rest = total - MAX_SHOWN;
    setText(
      more,
      rest > 0 ? `and ${rest} newer: verack dead-letters lists all` : "",
    );
    const problem = lists.problem("deadLetters");
    part.show(all.slice(0, MAX_SHOWN), { total, problem });
  };
  lists.addEventListener("change", show);
  show();
  return part.element;
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
  return listRow(
    h("code", { class: "id", title: shownText(id, 64) }, shortId(id)),
    [
      whole,
      actionButton("Retry", {
        problem,
        task: retry,
        name: `Retry dead letter ${shortId(id)}`,
      }),
      button("Discard…", discard, {
        class: "danger",
        "aria-label": `Discard dead letter ${shortId(id)}`,
      }),
    ],
    { body, problem },
  );
}

/** @param {DeadLetterRow} letter @param {Model} model */
function letterWords(letter, { peers }) {
  const { from, at, topic, reason, retried, bytes: size } = letter;
  const names = peers.find((it) => it.id === from) ?? letter;
  return [
    `from ${peerLabel(from, names)}`,
    moment(at),
    bytes(size),
    topic !== "" && `topic ${shownText(topic, MAX_TOPIC_CHARS)}`,
    reason !== "" && `nacked: ${shownText(reason, MAX_REASON_CHARS)}`,
    retried && "retried",
  ].filter(Boolean).join(", ");
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
        h(
          "p",
          null,
          status?.ephemeral
            ? "It has no data directory: its key, and messages that wait, are lost."
            : "Its key, peers and messages that wait stay in its data directory.",
        ),
      ],
      verb: "Stop the node",
      danger: true,
      typed: "stop",
      task: () => model.api.post("/v1/stop"),
    });
    if (isDone) announce("The node is stopping");
  };
  return button("Stop the node…", stop, { class: "danger" });
}
