// @ts-check
/** What is shown without a sign-in: how to get one. */
import { h, setText, shownText } from "./dom.js";

/** @import { Model } from "./model.js" */

/** A code of 256 bits, in hex or base64url. */
const CODE = /^[A-Za-z0-9_-]{40,128}$/;

/**
 * The code in the fragment of the address, which is taken out of it: neither the history of the
 * browser nor a bookmark shall have it.
 *
 * @returns {string | undefined}
 */
function takeCode() {
  const code = location.hash.slice(1);
  if (!CODE.test(code)) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/** @param {HTMLElement} element @param {Model} model */
export function mountSignIn(element, model) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  element.append(
    h("h2", null, "This page is locked"),
    h(
      "p",
      null,
      "It shows and controls a running node, so it opens with a one-time address only. On the machine of the node, run",
    ),
    h("pre", null, h("code", null, "verack open --data DIR")),
    h(
      "p",
      { class: "muted" },
      "with the data directory of the node. An address works once, within five minutes; this browser stays signed in for a week, or until the node ends.",
    ),
    problem,
  );
  const update = () => {
    element.hidden = model.connection !== "signed-out";
  };
  const signIn = async () => {
    const code = takeCode();
    if (code === undefined) return false;
    problem.hidden = true;
    try {
      await model.signIn(code);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      setText(problem, shownText(text));
      problem.hidden = false;
      model.start();
    }
    return true;
  };
  // An address that is opened in the same tab changes the fragment alone.
  globalThis.addEventListener("hashchange", () => void signIn());
  model.addEventListener("change", update);
  signIn().then((isDone) => {
    // A socket that ssh forwards to a port here needs no sign-in.
    if (!isDone) model.start({ isOpen: location.hostname === "localhost" });
  });
  update();
}
