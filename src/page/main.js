// @ts-check
/// <reference lib="dom" />
/** Puts the views into the page, and connects it. */
import { mountActions } from "./actions.js";
import { mountCounters } from "./counters.js";
import { mountHeader } from "./header.js";
import { mountMeshPicture } from "./mesh_picture.js";
import { Model } from "./model.js";
import { mountNotice } from "./notice.js";
import { mountPeerTable } from "./peer_table.js";
import { mountSignIn } from "./sign_in.js";
import { mountTimeline } from "./timeline.js";

const model = new Model({
  fetch: (...args) => fetch(...args),
  storage: localStorage,
});

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
});

mountHeader(place("header"), model);
mountNotice(place("notice"), model);
mountCounters(place("counters"), model);
mountMeshPicture(place("mesh"), model);
mountTimeline(place("timeline"), model);
mountPeerTable(place("peers"), model);
mountActions(place("actions"), model);
mountSignIn(place("sign-in"), model);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) model.hurry();
});
globalThis.addEventListener("online", () => model.hurry());
