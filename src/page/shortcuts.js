// @ts-check
/**
 * Keys that work everywhere on the page: one character each, without Ctrl, Alt or Meta, so that
 * they clash with none of the browser or of a screen reader; and not while something is typed.
 */
import { h } from "./dom.js";

/** @typedef {{ key: string, label: string, run(): void }} Shortcut */

/** Listens to the keys, and adds `?`, which lists them. @param {readonly Shortcut[]} shortcuts */
export function listenToKeys(shortcuts) {
  /** @type {readonly Shortcut[]} */
  const all = [
    ...shortcuts,
    { key: "?", label: "show these keys", run: () => showKeys(all) },
  ];
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.defaultPrevented || event.isComposing) return;
    const isTyping = target instanceof Element &&
      target.closest("input, textarea, select, [contenteditable]") !== null;
    const isAsked = document.querySelector("dialog[open]") !== null;
    const shortcut = all.find((it) => it.key === key);
    if (isTyping || isAsked || shortcut === undefined) return;
    event.preventDefault();
    shortcut.run();
  });
}

/** @param {readonly Shortcut[]} shortcuts */
function showKeys(shortcuts) {
  const rows = [
    ...shortcuts,
    { key: "↑ ↓", label: "go from peer to peer in the table" },
    { key: "Enter", label: "show the details of a peer; send a message" },
    { key: "Esc", label: "close the details or a dialog; clear the filter" },
  ];
  const close = h("button", { class: "primary" }, "Close");
  const dialog = h(
    "dialog",
    { "aria-labelledby": "keys-title" },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: "keys-title" }, "Keys"),
      h(
        "dl",
        { class: "keys" },
        ...rows.flatMap(({ key, label }) => [
          h("dt", null, h("kbd", null, key)),
          h("dd", null, label),
        ]),
      ),
      h("div", { class: "dialog-buttons" }, close),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
