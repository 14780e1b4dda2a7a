// @ts-check
/**
 * The dialog before something that cannot be undone, or has a consequence: it names both, does
 * it, and stays open with the error if that failed. The browser keeps the focus inside it,
 * closes it at Escape, and returns the focus.
 */
import { button, h, setText, textInput } from "./dom.js";
import { buttonAction, problemLine } from "./button_action.js";

/** @import { Child } from "./dom.js" */

/**
 * @typedef {object} Question
 * @property {string} title What will be done, with its object.
 * @property {Child[]} body What follows from it.
 * @property {string} verb The button that does it.
 * @property {boolean} [danger]
 * @property {string} [typed] A word that must be typed first.
 * @property {() => Promise<unknown>} task
 * @property {HTMLElement} [after] Gets the focus if what had it is gone.
 */

let ids = 0;

/**
 * Opens it. Resolves when it is closed.
 *
 * @param {Question} question
 * @returns {Promise<boolean>} Whether the task was done.
 */
export function confirmDialog(question) {
  const { title, body, verb, danger = false, typed, task, after } = question;
  const id = `dialog-${++ids}`;
  const problem = problemLine();
  const confirm = h("button", { class: danger ? "danger" : "primary" }, verb);
  const cancel = button("Cancel", () => dialog.close());
  const word = typed === undefined
    ? undefined
    : textInput({ id: `${id}-word` });
  const form = h(
    "form",
    null,
    h("h2", { id, dir: "auto" }, title),
    h("div", { id: `${id}-body`, class: "dialog-body" }, ...body),
    word && h(
      "label",
      { class: "field", for: word.id },
      `Type ${typed} to confirm`,
      word,
    ),
    problem,
    h("div", { class: "dialog-buttons" }, cancel, confirm),
  );
  const dialog = h("dialog", {
    "aria-labelledby": id,
    "aria-describedby": `${id}-body`,
  }, form);
  const opener = document.activeElement;
  return new Promise((resolve) => {
    let isDone = false;
    const run = buttonAction({ button: confirm, problem, task });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (word !== undefined && word.value.trim().toLowerCase() !== typed) {
        setText(problem, `Type ${typed} first, or cancel.`);
        return word.focus();
      }
      isDone = await run();
      if (isDone) dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      const isGone = !(opener instanceof HTMLElement) || !opener.isConnected ||
        opener.closest("[hidden]") !== null;
      (isGone ? after : opener)?.focus();
      resolve(isDone);
    }, { once: true });
    document.body.append(dialog);
    dialog.showModal();
    // What does no harm has the focus first, unless something may be typed.
    (form.querySelector("input") ?? (danger ? cancel : confirm)).focus();
  });
}
