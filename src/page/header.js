// @ts-check
/** The head of the page: which node this is, how it is, and how fresh that is. */
import { button, h, setText, shownText } from "./dom.js";
import { clock, duration, things } from "./format.js";
import { copyButton } from "./copy_button.js";
import { shownName } from "./shown_name.js";
import { shortId } from "./shown_text.js";
import { themeSwitch } from "./theme.js";

/** @import { Model } from "./model.js" */

/** @param {Element} element @param {Model} model */
export function mountHeader(element, model) {
  const name = h("bdi", { class: "node-name" }, "verack");
  const id = h("code", { class: "node-id" });
  const copy = copyButton({
    label: "copy",
    what: "the id of this node",
    text: () => model.status?.id ?? "",
    kind: "quiet copy",
  });
  const facts = {
    network: fact("network"),
    admission: fact("admission"),
    address: fact("address"),
    uptime: fact("up for"),
    version: fact("version"),
  };
  const leave = button("sign out", () => model.signOut(), {
    class: "quiet",
    title: "End the sign-in of this browser",
  });
  const health = h("a", { class: "badge", href: "#notice" });
  const connection = h("span", { class: "badge", role: "status" });
  element.append(
    h("h1", null, name, id, copy),
    h("dl", { class: "facts" }, Object.values(facts).map((it) => it.element)),
    h("div", { class: "states" }, health, connection, themeSwitch(), leave),
  );
  const update = () => {
    const { status } = model;
    const isIn = status !== undefined;
    element.classList.toggle("is-empty", !isIn);
    for (const part of [id, copy, health, leave]) part.hidden = !isIn;
    // Of a node that is not heard, "healthy" would be a guess.
    if (model.connection === "stale" && status?.health.length === 0) {
      health.hidden = true;
    }
    showConnection(connection, model);
    setText(name, status === undefined ? "verack" : nodeName(status));
    document.title = titleOf(model);
    if (status === undefined) {
      setText(id, "");
      id.title = "";
      return Object.values(facts).forEach((it) => it.show(""));
    }
    setText(id, shortId(status.id));
    id.title = shownText(status.id, 64);
    facts.network.show(shownText(status.network, 64));
    facts.admission.show(
      status.admission + (status.secret ? ", secret" : ""),
    );
    facts.address.show(
      (status.advertise ?? status.addresses).map((it) => shownText(it, 80))
        .join(", ") || "does not listen",
    );
    facts.version.show(shownText(status.version, 32));
    facts.uptime.show(
      duration(model.stopped ? status.uptimeMs : uptime(status)),
    );
    showHealth(health, status.health);
  };
  model.addEventListener("change", update);
  // Of the minute or the second, while nothing else changes.
  setInterval(() => {
    if (model.connection === "live") update();
  }, 1_000);
  update();
}

/** The title of the tab, which is seen while the page is not. @param {Model} model */
function titleOf({ status, connection }) {
  if (status === undefined) return "verack";
  const mark = connection === "stale" ? "⚠ " : "";
  return `${mark}${nodeName(status)} · verack`;
}

/** @param {import("../control/answers.ts").StatusAnswer} status */
function nodeName(status) {
  return status.name === undefined ? "unnamed" : shownName(status.name);
}

/** @param {import("../control/answers.ts").StatusAnswer} status */
function uptime(status) {
  const started = Date.parse(status.startedAt);
  const now = Date.now();
  // The clock of the node's machine may be another.
  return Math.abs(now - started - status.uptimeMs) < 60_000
    ? now - started
    : status.uptimeMs;
}

/** @param {string} label */
function fact(label) {
  const value = h("dd", { dir: "auto" });
  const element = h("div", null, h("dt", null, label), value);
  return {
    element,
    /** @param {string} text */
    show: (text) => setText(value, text),
  };
}

/**
 * @param {HTMLElement} badge
 * @param {readonly { code: string, severity?: string }[]} facts
 */
function showHealth(badge, facts) {
  const failing = facts.filter((it) => it.severity === "failing").length;
  const severity = failing > 0 ? "bad" : facts.length > 0 ? "warn" : "good";
  badge.dataset.state = severity;
  const rest = facts.length - failing;
  setText(
    badge,
    severity === "good" ? "healthy" : [
      failing > 0 && `${failing} failing`,
      rest > 0 && things(rest, "warning"),
    ].filter(Boolean).join(", "),
  );
}

/** @param {HTMLElement} badge @param {Model} model */
function showConnection(badge, { connection, heardAt, problem, stopped }) {
  const since = heardAt === undefined ? "" : ` since ${clock(heardAt)}`;
  const [state, text] = connection === "live"
    ? ["good", "live"]
    : connection === "connecting"
    ? ["warn", "connecting"]
    : connection === "signed-out"
    ? ["warn", "signed out"]
    : connection === "paused"
    ? ["warn", "paused while hidden"]
    : ["bad", stopped ? `node stopped${since}` : `out of date${since}`];
  badge.dataset.state = state;
  badge.title = problem === undefined ? "" : shownText(problem);
  setText(badge, text ?? "");
}
