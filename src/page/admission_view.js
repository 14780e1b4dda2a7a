// @ts-check
/** Which nodes may come in: join requests, and the invites that have not ended. */
import { h, setProps, setText, shownText, updateList } from "./dom.js";
import { allowPeer, denyPeer } from "./access_dialogs.js";
import { announce, buttonAction, problemLine } from "./button_action.js";
import { confirmDialog } from "./confirm_dialog.js";
import { copyButton } from "./copy_button.js";
import { clock, day, duration, things } from "./format.js";
import { faultOfAddress, TTL_UNITS, ttlOf } from "./input_checks.js";
import { qrPicture } from "./qr_picture.js";
import { peerLabel } from "./shown_name.js";
import { shortId } from "./shown_text.js";

/** @import { InviteRow, JoinRequestRow } from "../control/answers.ts" */
/** @import { NodeLists } from "./node_lists.js" */
/** @import { Model } from "./model.js" */

/**
 * @param {HTMLElement} element
 * @param {Model} model
 * @param {NodeLists} lists
 */
export function mountAdmission(element, model, lists) {
  const mode = h("span", { class: "muted" });
  const heading = h("h2", { tabindex: -1 }, "Admission ", mode);
  const context = { model, lists, after: heading };
  element.append(
    h("header", { class: "view-head" }, heading),
    joinRequests(context),
    invites(context),
  );
  const show = () => {
    const { status } = model;
    setText(
      mode,
      status === undefined
        ? ""
        : status.admission === "closed"
        ? "closed: invites and allowed peers only"
        : "open: any node that reaches a member may join",
    );
  };
  model.addEventListener("change", show);
  show();
}

/** @typedef {{ model: Model, lists: NodeLists, after: HTMLElement }} Context */

/** @param {Context} context */
function joinRequests({ model, lists, after }) {
  const number = h("span", { class: "muted figure" });
  const list = h("ul", { class: "rows" });
  const empty = h("p", { class: "empty muted" }, "No join requests.");
  const problem = problemLine();
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  let known = Infinity;
  const show = () => {
    const { requests } = lists.lists;
    // One sentence for all that came, as strangers cause them.
    if (requests.length > known) {
      announce(`${things(requests.length, "join request")} to decide`);
    }
    if (model.connection !== "connecting") known = requests.length;
    setText(number, requests.length === 0 ? "" : String(requests.length));
    empty.hidden = requests.length > 0;
    setText(problem, lists.problem("requests") ?? "");
    updateList(list, rows, requests, {
      key: ({ id }) => id,
      make: ({ id }) => joinRequest(id, { model, lists, after }),
      update: showJoinRequest,
    });
  };
  lists.addEventListener("change", show);
  show();
  return h(
    "section",
    { class: "part" },
    h("h3", null, "Join requests ", number),
    empty,
    list,
    problem,
  );
}

/** @param {string} id @param {Context} context */
function joinRequest(id, { model, lists, after }) {
  const decide = (/** @type {typeof allowPeer} */ how) => {
    const names = model.peers.find((it) => it.id === id) ?? {};
    const address = lists.lists.requests.find((it) => it.id === id)?.address;
    const subject = { id, names, ...address !== undefined && { address } };
    return how(subject, { api: model.api, lists, after });
  };
  const button = (
    /** @type {string} */ label,
    /** @type {typeof allowPeer} */ how,
    kind = "",
  ) =>
    h("button", {
      type: "button",
      class: kind,
      "aria-label": `${label} ${shortId(id)}`,
      on: { click: () => void decide(how) },
    }, label);
  return h(
    "li",
    null,
    h(
      "div",
      { class: "row-main" },
      copyButton({
        label: shortId(id),
        what: `the whole id ${shortId(id)}`,
        text: () => id,
        kind: "id mono",
      }),
      h("span", { class: "row-text", dir: "auto" }),
    ),
    h(
      "div",
      { class: "row-buttons" },
      button("Allow…", allowPeer),
      button("Deny…", denyPeer, "danger"),
    ),
  );
}

/** @param {Element} element @param {JoinRequestRow} request */
function showJoinRequest(element, { address, direction, lastSeen }) {
  const where = direction === "inbound" ? "came from" : "was dialed at";
  const text = element.querySelector(".row-text");
  if (text === null) return;
  setText(
    text,
    `${where} ${shownText(address, 300)}, last at ${moment(lastSeen)}`,
  );
}

/** @param {Context} context */
function invites(context) {
  const { model, lists } = context;
  const number = h("span", { class: "muted figure" });
  const list = h("ul", { class: "rows" });
  const problem = problemLine();
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  const show = () => {
    // The node tells of no invite that it has expired.
    const now = model.nodeTime;
    const invites = lists.lists.invites.filter(({ expiresAt }) =>
      !(Date.parse(expiresAt) <= now)
    );
    setText(number, invites.length === 0 ? "" : String(invites.length));
    setText(problem, lists.problem("invites") ?? "");
    updateList(list, rows, invites, {
      key: ({ id }) => id,
      make: ({ id }) => inviteRow(id, context),
      update: (element, invite) => showInvite(element, invite, model),
    });
  };
  model.addEventListener("change", show);
  lists.addEventListener("change", show);
  show();
  return h(
    "section",
    { class: "part" },
    h("h3", null, "Invites ", number),
    inviteForm(context),
    list,
    problem,
  );
}

/** @param {string} id @param {Context} context */
function inviteRow(id, { model, lists, after }) {
  const revoke = async () => {
    const usedBy = lists.lists.invites.find((it) => it.id === id)?.usedBy;
    const isDone = await confirmDialog({
      title: `Revoke invite ${shortId(id)}?`,
      body: [
        h(
          "p",
          null,
          usedBy === undefined
            ? "It admits no node from now on. The line that was given away is worthless then."
            : `It ends. ${
              peerLabel(usedBy, model.peers.find((it) => it.id === usedBy))
            } came in by it and stays in: deny it to keep it out.`,
        ),
      ],
      verb: "Revoke",
      danger: true,
      task: async () => {
        await model.api.post("/v1/invites/revoke", { id });
        await lists.refresh(["invites"]);
      },
      after,
    });
    if (isDone) announce(`Revoked invite ${shortId(id)}`);
  };
  return h(
    "li",
    null,
    h(
      "div",
      { class: "row-main" },
      h("code", { class: "id", title: shownText(id, 64) }, shortId(id)),
      h("span", { class: "row-text", dir: "auto" }),
    ),
    h(
      "div",
      { class: "row-buttons" },
      h("button", {
        type: "button",
        class: "danger",
        "aria-label": `Revoke invite ${shortId(id)}`,
        on: { click: () => void revoke() },
      }, "Revoke…"),
    ),
  );
}

/**
 * @param {Element} element
 * @param {InviteRow} invite
 * @param {Model} model
 */
function showInvite(element, { expiresAt, usedBy }, { peers }) {
  const text = element.querySelector(".row-text");
  if (text === null) return;
  const guest = usedBy === undefined
    ? "unused"
    : `used by ${peerLabel(usedBy, peers.find((it) => it.id === usedBy))}`;
  setText(text, `${guest}, until ${moment(expiresAt)}`);
}

/** @param {Context} context */
function inviteForm({ model, lists, after }) {
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
  const address = h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    dir: "auto",
  });
  const button = h("button", { class: "primary" }, "Create invite");
  const problem = problemLine();
  const made = h("div", { class: "invite", hidden: true });
  /** @type {{ readonly id: string, isListed: boolean } | undefined} */
  let shown;
  const form = h(
    "form",
    { class: "invite-form", novalidate: true },
    h("label", { class: "inline" }, "Valid for ", amount, unit),
    h("label", { class: "inline grow" }, "Reach this node at ", address),
    button,
    problem,
  );
  const create = buttonAction({
    button,
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
    const own = shownText(status.advertise ?? status.address, 80);
    // A guest cannot dial "every address" of this machine.
    const isAny = /^(0\.0\.0\.0|\[::\]):/.test(own);
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
 * The line of an invite, which the node tells once, until it is closed.
 *
 * @param {HTMLElement} element
 * @param {{ invite: string, id: string, qr?: unknown }} answer
 * @param {{ ttlMs: number, network: string }} circumstances
 */
function showMade(element, { invite, id, qr }, { ttlMs, network }) {
  const line = h("code", { class: "invite-line", tabindex: 0 }, invite);
  const picture = qrPicture(qr, `QR code of invite ${shortId(id)}`);
  const close = h("button", { type: "button", class: "quiet" }, "Hide");
  close.addEventListener("click", () => hideMade(element));
  element.replaceChildren(
    h(
      "p",
      null,
      `Invite ${shortId(id)}, good once and for ${
        duration(ttlMs)
      }. It is shown only here and now: the first node that uses it is the guest, so send it over a private channel.`,
    ),
    ...picture === undefined ? [] : [picture],
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

/** A time of day, with the day if that is another. @param {string} time */
function moment(time) {
  return day(time) === day(Date.now())
    ? clock(time)
    : `${day(time)} ${clock(time)}`;
}
