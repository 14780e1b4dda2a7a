// @ts-check
/** Which nodes may come in: join requests, and the invites that have not ended. */
import { button, h, setText, shownText } from "./dom.js";
import { allowPeer, denyPeer } from "./access_dialogs.js";
import { announce } from "./button_action.js";
import { confirmDialog } from "./confirm_dialog.js";
import { copyButton } from "./copy_button.js";
import { moment, things } from "./format.js";
import { inviteForm } from "./invite_form.js";
import { listPart, listRow } from "./list_part.js";
import { peerLabel } from "./shown_name.js";
import { shortId } from "./shown_text.js";

/** @import { InviteRow, JoinRequestRow } from "../control/answers.ts" */
/** @import { NodeLists } from "./node_lists.js" */
/** @import { Model } from "./model.js" */

/** @param {HTMLElement} element @param {Model} model @param {NodeLists} lists */
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
  /** @type {ReturnType<typeof listPart<JoinRequestRow>>} */
  const part = listPart({
    title: "Join requests",
    empty: "No join requests.",
    key: ({ id }) => id,
    make: ({ id }) => joinRequest(id, { model, lists, after }),
    words({ address, direction, lastSeen }) {
      const where = direction === "inbound" ? "came from" : "was dialed at";
      const last = moment(lastSeen);
      return `${where} ${shownText(address, 300)}, last at ${last}`;
    },
  });
  let known = Infinity;
  const show = () => {
    const { requests } = lists.lists;
    // One sentence for all that came, as strangers cause them.
    if (requests.length > known) {
      announce(`${things(requests.length, "join request")} to decide`);
    }
    if (model.connection !== "connecting") known = requests.length;
    part.show(requests, { problem: lists.problem("requests") });
  };
  lists.addEventListener("change", show);
  show();
  return part.element;
}

/** @param {string} id @param {Context} context */
function joinRequest(id, { model, lists, after }) {
  const decide = (/** @type {typeof allowPeer} */ how) => {
    const names = model.peers.find((it) => it.id === id) ?? {};
    const address = lists.lists.requests.find((it) => it.id === id)?.address;
    const subject = { id, names, ...address !== undefined && { address } };
    return how(subject, { api: model.api, lists, after });
  };
  const whole = copyButton({
    label: shortId(id),
    what: `the whole id ${shortId(id)}`,
    text: () => id,
    kind: "id mono",
  });
  return listRow(whole, [
    button("Allow…", () => decide(allowPeer), {
      "aria-label": `Allow… ${shortId(id)}`,
    }),
    button("Deny…", () => decide(denyPeer), {
      class: "danger",
      "aria-label": `Deny… ${shortId(id)}`,
    }),
  ]);
}

/** @param {Context} context */
function invites(context) {
  const { model, lists } = context;
  /** @param {string} id */
  const labelOf = (id) => peerLabel(id, model.peers.find((it) => it.id === id));
  /** @type {ReturnType<typeof listPart<InviteRow>>} */
  const part = listPart({
    title: "Invites",
    form: inviteForm(context),
    key: ({ id }) => id,
    make: ({ id }) => inviteRow(id, context, labelOf),
    words({ expiresAt, usedBy }) {
      const guest = usedBy === undefined
        ? "unused"
        : `used by ${labelOf(usedBy)}`;
      return `${guest}, until ${moment(expiresAt)}`;
    },
  });
  const show = () => {
    // No event says that an invite has expired.
    const now = model.nodeTime;
    const invites = lists.lists.invites.filter(({ expiresAt }) =>
      !(Date.parse(expiresAt) <= now)
    );
    part.show(invites, { problem: lists.problem("invites") });
  };
  model.addEventListener("change", show);
  lists.addEventListener("change", show);
  show();
  return part.element;
}

/** @param {string} id @param {Context} context @param {(id: string) => string} labelOf */
function inviteRow(id, { model, lists, after }, labelOf) {
  const revoke = async () => {
    const usedBy = lists.lists.invites.find((it) => it.id === id)?.usedBy;
    const consequence = usedBy === undefined
      ? "It admits no node from now on. The line that was given away is worthless then."
      : `It ends. ${
        labelOf(usedBy)
      } came in by it and stays in: deny it to keep it out.`;
    const isDone = await confirmDialog({
      title: `Revoke invite ${shortId(id)}?`,
      body: [h("p", null, consequence)],
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
  return listRow(
    h("code", { class: "id", title: shownText(id, 64) }, shortId(id)),
    [
      button("Revoke…", revoke, {
        class: "danger",
        "aria-label": `Revoke invite ${shortId(id)}`,
      }),
    ],
  );
}
