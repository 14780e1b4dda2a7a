// @ts-check
/** Puts the views into the page, and connects it. */
import { mountAdmission } from "./admission_view.js";
import { mountCounters } from "./counters.js";
import { mountHeader } from "./header.js";
import { browserTimes } from "./live_stream.js";
import { mountMeshPicture } from "./mesh_picture.js";
import { Model } from "./model.js";
import { mountMessages } from "./messages_view.js";
import { NodeLists } from "./node_lists.js";
import { mountNode } from "./node_view.js";
import { mountNotice } from "./notice.js";
import { mountPeers } from "./peers_view.js";
import { listenToKeys } from "./shortcuts.js";
import { mountSignIn } from "./sign_in.js";
import { TabTurns } from "./tab_turns.js";
import { mountTimeline } from "./timeline.js";

const turns = new TabTurns({
  locks: navigator.locks,
  channel: new BroadcastChannel("verack.tabs"),
  isHidden: () => document.hidden,
  times: browserTimes,
});

const model = new Model({
  fetch: (...args) => fetch(...args),
  storage: localStorage,
  tabStorage: sessionStorage,
  turns,
});

const lists = new NodeLists(model);

// One of another program that had this port before could answer in the place of the node.
navigator.serviceWorker?.getRegistrations()
  .then((all) => all.forEach((it) => it.unregister()));

/** @param {string} id */
function place(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element #${id}`);
  return element;
}

const main = place("main");
model.addEventListener("change", () => {
  main.hidden = model.status === undefined;
  main.classList.toggle("is-stale", model.connection === "stale");
  if (model.connection !== "signed-out") return;
  // They name peers, and lead to nothing without a sign-in.
  document.querySelectorAll("dialog").forEach((it) => it.close());
});

mountHeader(place("header"), model);
mountNotice(place("notice"), model);
mountCounters(place("counters"), model);
mountMeshPicture(place("mesh"), model);
mountTimeline(place("timeline"), model);
const messages = mountMessages(place("messages"), model);
const peers = mountPeers(place("peers"), model, {
  lists,
  onMessage: (id) => messages.writeTo(id),
});
mountAdmission(place("admission"), model, lists);
mountNode(place("node"), model, lists);
mountSignIn(place("sign-in"), model);
listenToKeys([
  {
    key: "/",
    label: "filter the peers",
    run: () => peers.focusFilter(),
  },
  {
    key: "m",
    label: "write a message",
    run: () => messages.focus(),
  },
]);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) turns.look();
  else model.hurry();
});
globalThis.addEventListener("pagehide", () => model.remember());
globalThis.addEventListener("online", () => model.hurry());
