// @ts-check
/** Makes an invite, and shows its line and its QR code once. */
import { button, h, setProps, shownText, svg, textInput } from "./dom.js";
import { announce, buttonAction, problemLine } from "./button_action.js";
import { copyButton } from "./copy_button.js";
import { duration } from "./format.js";
import { faultOfAddress, TTL_UNITS, ttlOf } from "./input_checks.js";
import { shortId } from "./shown_text.js";

/** @import { NodeLists } from "./node_lists.js" */
/** @import { Model } from "./model.js" */

/** Light modules around it (ISO/IEC 18004: four). */
const QUIET = 4;

/** Moves and lines with whole numbers, no more. */
const PATH = /^[MmHhVvZz0-9 ,-]{1,60000}$/;

/**
 * The form that makes invites, and the invite that was made last.
 *
 * @param {{ model: Model, lists: NodeLists, after: HTMLElement }} context
 */
export function inviteForm({ model, lists, after }) {
  const amount = h("input", {
    type: "number",
    min: 1,
    max: 43_200,
    step: "any",
    value: 24,
    class: "short",
    "aria-label": "Valid for: number",
  });
  const unit = h(
    "select",
    { "aria-label": "Valid for: unit" },
    ...Object.keys(TTL_UNITS).map((it) => h("option", { value: it }, it)),
  );
  unit.value = "hours";
  const address = textInput({ dir: "auto" });
  const submit = h("button", { class: "primary" }, "Create invite");
  const problem = problemLine();
  const made = h("div", { class: "invite", hidden: true });
  /** @type {{ readonly id: string, isListed: boolean } | undefined} */
  let shown;
  const form = h(
    "form",
    { class: "invite-form", novalidate: true },
    h("label", { class: "inline" }, "Valid for ", amount, unit),
    h("label", { class: "inline grow" }, "Reach this node at ", address),
    submit,
    problem,
  );
  const create = buttonAction({
    button: submit,
    problem,
    task: async () => {
      const ttl = ttlOf(amount.value, unitOf(unit.value));
      if ("fault" in ttl) throw new RangeError(ttl.fault);
      const typed = address.value.trim();
      const isNeeded = typed !== "" || address.required;
      const fault = isNeeded ? faultOfAddress(typed) : undefined;
      if (fault !== undefined) {
        address.focus();
        throw new RangeError(fault);
      }
      const answer = await model.api.post("/v1/invites", {
        ttlMs: ttl.ttlMs,
        ...typed !== "" && { address: typed },
        qr: true,
      });
      showMade(made, answer, {
        ttlMs: ttl.ttlMs,
        network: model.status?.network ?? "main",
      });
      shown = { id: answer.id, isListed: false };
      announce("An invite was made");
      await lists.refresh(["invites"]);
    },
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void create();
  });
  lists.addEventListener("change", () => {
    if (shown === undefined) return;
    const { id, isListed } = shown;
    const invite = lists.lists.invites.find((it) => it.id === id);
    shown.isListed ||= invite !== undefined;
    const isOver = invite === undefined ? isListed : invite.usedBy;
    if (!isOver) return;
    // A line that admits no node any more would only be sent to a second guest.
    const hadFocus = made.contains(document.activeElement);
    hideMade(made);
    shown = undefined;
    if (hadFocus) after.focus();
  });
  model.addEventListener("change", () => {
    const { status, connection } = model;
    // It admits a guest whether the browser is signed in or not.
    if (connection === "signed-out") hideMade(made);
    if (status === undefined) return setProps(address, { placeholder: "" });
    const all = status.advertise ?? status.addresses;
    // A guest cannot dial "every address" of this machine.
    const EVERY = /^(0\.0\.0\.0|\[::\]):/;
    const first = all.find((it) => !EVERY.test(it));
    const isAny = first === undefined;
    const own = shownText(first ?? all[0] ?? "", 80);
    setProps(address, {
      placeholder: isAny ? `HOST${own.replace(/.*:/, ":")}` : own,
      required: isAny,
    });
  });
  return h("div", null, form, made);
}

/** @param {string} value @returns {keyof typeof TTL_UNITS} */
function unitOf(value) {
  return value === "days" || value === "minutes" ? value : "hours";
}

/**
 * The line of an invite, which the node sends once, until it is closed.
 *
 * @param {HTMLElement} element
 * @param {{ invite: string, id: string, qr?: unknown }} answer
 * @param {{ ttlMs: number, network: string }} circumstances
 */
function showMade(element, { invite, id, qr }, { ttlMs, network }) {
  const line = h("code", { class: "invite-line", tabindex: 0 }, invite);
  const picture = qrPicture(qr, `QR code of invite ${shortId(id)}`);
  const close = button("Hide", () => hideMade(element), { class: "quiet" });
  element.replaceChildren(
    h(
      "p",
      null,
      `Invite ${shortId(id)}, good once and for ${
        duration(ttlMs)
      }. It is shown only here and now: the first node that uses it is the guest, so send it over a private channel.`,
    ),
    picture ?? "",
    line,
    h(
      "p",
      { class: "row-buttons" },
      copyButton({
        label: "Copy the line",
        what: "the invite",
        text: () => invite,
        kind: "",
      }),
      close,
    ),
    h(
      "p",
      { class: "muted" },
      "The guest pastes it into ",
      h(
        "code",
        null,
        "verack run ",
        // A hyphen alone at the beginning of a row would be overlooked.
        h("span", { class: "unbroken" }, "--join-file -"),
        network === "main" ? null : ` --network ${shownText(network, 64)}`,
      ),
    ),
  );
  element.hidden = false;
}

/** @param {HTMLElement} element */
function hideMade(element) {
  element.hidden = true;
  element.replaceChildren();
}

/**
 * The picture of a QR code; `undefined` if the node has made none.
 *
 * @param {unknown} qr
 * @param {string} label For a screen reader.
 */
function qrPicture(qr, label) {
  if (typeof qr !== "object" || qr === null) return undefined;
  const { size, path } = /** @type {{ size?: unknown, path?: unknown }} */ (qr);
  if (typeof size !== "number" || typeof path !== "string") return undefined;
  if (!(size >= 21 && size <= 177) || !PATH.test(path)) return undefined;
  const whole = size + 2 * QUIET;
  return svg(
    "svg",
    {
      class: "qr",
      viewBox: `${-QUIET} ${-QUIET} ${whole} ${whole}`,
      role: "img",
      "aria-label": label,
      "shape-rendering": "crispEdges",
    },
    svg("rect", {
      x: -QUIET,
      y: -QUIET,
      width: whole,
      height: whole,
      fill: "#fff",
    }),
    svg("path", { d: path, fill: "#000" }),
  );
}
