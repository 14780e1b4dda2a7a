// @ts-check
/** Decisions about a peer: allow, deny, forget, and the name that it has here. */
import { h, shownText, textInput } from "./dom.js";
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

/**
 * Asks, and admits a peer; with a name if one is typed.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function allowPeer(peer, context) {
  const { id, names, address } = peer;
  const name = nameField("Name here (optional)", names.boundName);
  await decide(peer, context, {
    verb: "Allow",
    done: "Allowed",
    body: [
      [
        "It may join from now on, also if it was denied before. In a closed mesh the other members admit it too, unless they deny it.",
        address !== undefined && ` It asked from ${shownText(address, 300)}.`,
      ],
      "Compare all digits with those that the other side shows: names and first digits can be imitated.",
    ],
    field: name.element,
    task: () => allow(context, id, name.value()),
  });
}

/**
 * Asks for a name, and binds it to a peer.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function namePeer(peer, context) {
  const { id, names } = peer;
  const name = nameField("Name here", names.boundName);
  await decide(peer, context, {
    title: `Name ${peerLabel(id, names)}`,
    verb: "Give name",
    done: "Named",
    body: [
      "What is sent to this name goes to this peer from now on, whatever others call themselves. It is allowed by that, too. The name holds at this node only.",
    ],
    field: name.element,
    task: async () => {
      if (name.value() === undefined) {
        name.focus();
        throw new RangeError("The name is empty, must have a letter.");
      }
      await allow(context, id, name.value());
    },
  });
}

/**
 * Asks, and denies a peer.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function denyPeer(peer, context) {
  await decide(peer, context, {
    verb: "Deny",
    done: "Denied",
    danger: true,
    body: [
      "This node closes its session at once and refuses it, whatever invite or other members say, until it is allowed again. A name that you gave it, and an invite by which it came, end.",
      "It holds at this node only: repeat it at each of yours.",
    ],
    task: () => context.api.post("/v1/deny", { id: peer.id }),
  });
}

/**
 * Asks, and forgets a peer.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 */
export async function forgetPeer(peer, context) {
  await decide(peer, context, {
    verb: "Forget",
    done: "Forgot",
    danger: true,
    body: [
      "It is taken off the record, and what other members tell of it is ignored. When it comes by itself it is a stranger: an open mesh lets it in, a closed one lists a join request. A name that you gave it, and an invite by which it came, end.",
    ],
    task: () => context.api.post("/v1/forget", { id: peer.id }),
  });
}

/**
 * @typedef {object} Decision
 * @property {string} verb
 * @property {string} done The verb afterwards.
 * @property {string} [title]
 * @property {readonly (string | (string | false)[])[]} body A paragraph each.
 * @property {HTMLElement} [field]
 * @property {boolean} [danger]
 * @property {() => Promise<unknown>} task
 */

/**
 * Waits for a decision and for what follows from it, so that the dialog closes when the button
 * that opened it is gone, if it goes.
 *
 * @param {Subject} peer
 * @param {Deciding} context
 * @param {Decision} decision
 */
async function decide({ id, names }, { lists, after }, decision) {
  const label = peerLabel(id, names);
  const { verb, done, title = `${verb} ${label}?` } = decision;
  const { body, field, danger = false, task } = decision;
  const isDone = await confirmDialog({
    title,
    body: [
      h("p", { class: "whole-id mono" }, shownText(id, 64)),
      ...body.map((text) => h("p", null, text)),
      field,
    ],
    verb,
    danger,
    task: async () => {
      await task();
      await lists.refresh(["rules", "requests", "invites"]);
    },
    ...after && { after },
  });
  if (isDone) announce(`${done} ${label}`);
}

/** @param {Deciding} context @param {string} id @param {string} [name] */
function allow({ api }, id, name) {
  return api.post("/v1/allow", { id, ...name !== undefined && { name } });
}

/** @param {string} label @param {string} [present] */
function nameField(label, present = "") {
  const input = textInput({ maxlength: 64, value: present, dir: "auto" });
  return {
    element: h("label", { class: "field" }, label, input),
    value: () => input.value.trim() || undefined,
    focus: () => input.focus(),
  };
}
