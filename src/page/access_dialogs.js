// @ts-check
/** Decisions about a peer: allow, deny, forget, and the name that it has here. */
import { h, shownText } from "./dom.js";
import { announce } from "./button_action.js";
import { confirmDialog } from "./confirm_dialog.js";
import { peerLabel } from "./shown_name.js";

/** @import { Names } from "./shown_name.js" */
/** @import { NodeLists } from "./node_lists.js" */

/**
 * @typedef {object} Subject
 * @property {string} id
 * @property {Names} names
 * @property {string} [address]
 */

/**
 * @typedef {object} Deciding
 * @property {{ post(path: string, body: object): Promise<any> }} api
 * @property {NodeLists} lists
 * @property {HTMLElement} [after] Gets the focus if the button is gone.
 */

/** @param {string} id The whole id, in its own line. */
function wholeId(id) {
  return h("p", { class: "whole-id mono" }, shownText(id, 64));
}

/**
 * Asks, and admits a peer; with a name if one is typed.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function allowPeer({ id, names, address }, context) {
  const { api, lists, after } = context;
  const label = peerLabel(id, names);
  const name = nameField(names.boundName);
  const isDone = await confirmDialog({
    title: `Allow ${label}?`,
    body: [
      wholeId(id),
      h(
        "p",
        null,
        "It may join from now on, also if it was denied before. In a closed mesh the other members admit it too, unless they deny it.",
        address === undefined
          ? null
          : ` It asked from ${shownText(address, 300)}.`,
      ),
      h(
        "p",
        null,
        "Compare all digits with those that the other side shows: names and first digits can be imitated.",
      ),
      name.element,
    ],
    verb: "Allow",
    task: () => decide(lists, allow(api, id, name.value())),
    ...after && { after },
  });
  if (isDone) announce(`Allowed ${label}`);
}

/**
 * Asks for a name, and binds it to a peer.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function namePeer({ id, names }, { api, lists, after }) {
  const label = peerLabel(id, names);
  const name = nameField(names.boundName ?? "", { isNeeded: true });
  const isDone = await confirmDialog({
    title: `Name ${label}`,
    body: [
      wholeId(id),
      h(
        "p",
        null,
        "What is sent to this name goes to this peer from now on, whatever others call themselves. It is allowed by that, too. The name holds at this node only.",
      ),
      name.element,
    ],
    verb: "Give name",
    task: async () => {
      if (name.value() === undefined) {
        name.focus();
        throw new RangeError("The name is empty, must have a letter.");
      }
      await decide(lists, allow(api, id, name.value()));
    },
    ...after && { after },
  });
  if (isDone) announce(`Named ${label}`);
}

/**
 * Asks, and denies a peer.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function denyPeer({ id, names }, { api, lists, after }) {
  const label = peerLabel(id, names);
  const isDone = await confirmDialog({
    title: `Deny ${label}?`,
    body: [
      wholeId(id),
      h(
        "p",
        null,
        "This node closes its session at once and refuses it, whatever invite or other members say, until it is allowed again. A name that you gave it, and an invite by which it came, end.",
      ),
      h("p", null, "It holds at this node only: repeat it at each of yours."),
    ],
    verb: "Deny",
    danger: true,
    task: () => decide(lists, api.post("/v1/deny", { id })),
    ...after && { after },
  });
  if (isDone) announce(`Denied ${label}`);
}

/**
 * Asks, and forgets a peer.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function forgetPeer({ id, names }, { api, lists, after }) {
  const label = peerLabel(id, names);
  const isDone = await confirmDialog({
    title: `Forget ${label}?`,
    body: [
      wholeId(id),
      h(
        "p",
        null,
        "It is taken off the record, and what other members tell of it is ignored. When it comes by itself it is a stranger: an open mesh lets it in, a closed one lists a join request. A name that you gave it, and an invite by which it came, end.",
      ),
    ],
    verb: "Forget",
    danger: true,
    task: () => decide(lists, api.post("/v1/forget", { id })),
    ...after && { after },
  });
  if (isDone) announce(`Forgot ${label}`);
}

/**
 * Waits for a decision and for what follows from it, so that the dialog closes when the button
 * that opened it is gone, if it goes.
 *
 * @param {NodeLists} lists
 * @param {Promise<unknown>} decision
 */
async function decide(lists, decision) {
  await decision;
  await lists.refresh(["rules", "requests", "invites"]);
}

/**
 * @param {{ post(path: string, body: object): Promise<any> }} api
 * @param {string} id
 * @param {string | undefined} name
 */
function allow(api, id, name) {
  return api.post("/v1/allow", { id, ...name !== undefined && { name } });
}

/**
 * @param {string} [present]
 * @param {{ isNeeded?: boolean }} [options]
 */
function nameField(present = "", { isNeeded = false } = {}) {
  const input = h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 64,
    value: present,
    dir: "auto",
  });
  return {
    element: h(
      "label",
      { class: "field" },
      isNeeded ? "Name here" : "Name here (optional)",
      input,
    ),
    /** @returns {string | undefined} */
    value: () => input.value.trim() === "" ? undefined : input.value.trim(),
    focus: () => input.focus(),
  };
}
