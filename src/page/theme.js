// @ts-check
/**
 * Dark or light: as the system has it, unless the user chose one. Loaded before anything is
 * drawn, so that no wrong one flashes up.
 */
import { button, h, setText } from "./dom.js";

const ITEM = "verack.theme";
const THEMES = ["auto", "light", "dark"];

/** @returns {string} */
function chosen() {
  try {
    const theme = localStorage.getItem(ITEM) ?? "";
    return THEMES.includes(theme) ? theme : "auto";
  } catch {
    return "auto"; // Storage may be forbidden.
  }
}

/** @param {string} theme */
function apply(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** A button that goes through the themes. */
export function themeSwitch() {
  const word = h("span", { class: "wide" });
  const element = button(
    [h("span", { "aria-hidden": "true" }, "◐"), word],
    () => next(),
    { class: "quiet" },
  );
  const show = () => {
    setText(word, chosen());
    element.setAttribute("aria-label", `Colours: ${chosen()}. Change`);
    element.title = "Colours: as the system, light or dark";
  };
  const next = () => {
    const theme = THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length] ?? "";
    try {
      localStorage.setItem(ITEM, theme);
    } catch {
      // It lasts until the page is loaded again.
    }
    apply(theme);
    show();
  };
  show();
  return element;
}

if (globalThis.document !== undefined) apply(chosen());
