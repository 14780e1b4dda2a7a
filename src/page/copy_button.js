// @ts-check
/** A button that copies a text, and says that it did. */
import { h, setText } from "./dom.js";
import { announce } from "./button_action.js";

const SHOWN_MS = 1_600;

/**
 * @param {object} parts
 * @param {string} parts.label What it shows.
 * @param {string} parts.what What it copies, for a screen reader: "the whole id of bob".
 * @param {() => string} parts.text
 * @param {string} [parts.kind] Its class.
 */
export function copyButton({ label, what, text, kind = "quiet" }) {
  const button = h("button", {
    type: "button",
    class: kind,
    title: `Copy ${what}`,
    "aria-label": `${label}: copy ${what}`,
  }, label);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const isCopied = await copied(text());
    setText(button, isCopied ? "Copied" : "Not copied");
    announce(isCopied ? `Copied ${what}` : `Cannot copy ${what}`);
    clearTimeout(timer);
    timer = setTimeout(() => setText(button, label), SHOWN_MS);
  });
  return button;
}

/** @param {string} text @returns {Promise<boolean>} Whether the browser permits it. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

/** For browsers without the clipboard API here. @param {string} text */
function copiedBySelection(text) {
  const area = h("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  const holder = document.activeElement?.closest("dialog") ?? document.body;
  const focused = document.activeElement;
  holder.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
