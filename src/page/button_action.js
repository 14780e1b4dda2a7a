// @ts-check
/**
 * What a button does: once at a time, disabled while under way, and with its error in words
 * beside it. And the elements that show such errors and say what was done.
 */
import { button, h, setProps, setText, shownText } from "./dom.js";

/** Text of an error as shown. */
const MAX_ERROR_CHARS = 800;

/** @param {unknown} error What went wrong, in words. */
export function errorWords(error) {
  if (error instanceof TypeError && /fetch/i.test(error.message)) {
    return "The node did not answer: the connection failed.";
  }
  const message = error instanceof Error ? error.message : String(error);
  return shownText(message, MAX_ERROR_CHARS);
}

/** An empty place for an error, which a screen reader reads out when it is filled. */
export function problemLine() {
  return h("p", { class: "problem", role: "alert", dir: "auto" });
}

/**
 * Runs a task for a button, and nothing while it runs.
 *
 * @param {object} parts
 * @param {HTMLButtonElement} parts.button It keeps the focus, so it is disabled by ARIA.
 * @param {HTMLElement} parts.problem Where an error is shown.
 * @param {() => Promise<unknown>} parts.task
 * @returns {() => Promise<boolean>} Whether it was done.
 */
export function buttonAction({ button, problem, task }) {
  let isRunning = false;
  return async () => {
    if (isRunning) return false;
    isRunning = true;
    setProps(button, { "aria-disabled": "true", "aria-busy": "true" });
    setText(problem, "");
    try {
      await task();
      return true;
    } catch (error) {
      setText(problem, errorWords(error));
      return false;
    } finally {
      isRunning = false;
      setProps(button, { "aria-disabled": false, "aria-busy": false });
    }
  };
}

/**
 * A button with its task.
 *
 * @param {string} label
 * @param {object} parts
 * @param {HTMLElement} parts.problem
 * @param {() => Promise<unknown>} parts.task
 * @param {string} [parts.kind] Its class.
 * @param {string} [parts.name] Its name for a screen reader, if the label alone is not enough.
 */
export function actionButton(label, { problem, task, kind, name }) {
  const element = button(label, () => void run(), {
    class: kind,
    "aria-label": name,
  });
  const run = buttonAction({ button: element, problem, task });
  return element;
}

/** @type {HTMLElement | undefined} */
let announcer;

/** Has a screen reader say something, without moving the focus. @param {string} text */
export function announce(text) {
  if (announcer === undefined) {
    announcer = h("p", { class: "visually-hidden", role: "status" });
    document.body.append(announcer);
  }
  // The same text twice would not be read.
  setText(announcer, announcer.textContent === text ? `${text}\u00a0` : text);
}
