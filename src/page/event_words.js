// @ts-check
/**
 * Events in plain sentences, as `verack run` says them. All text of the network in them is
 * escaped here.
 */
import { base64Bytes } from "./received_messages.js";
import { bytes, duration, things } from "./format.js";
import { peerLabel } from "./shown_name.js";
import { shortId, shownText } from "./shown_text.js";

/** @import { PageEvent } from "./model.js" */

/** @typedef {"peers" | "messages" | "files" | "mesh" | "trouble"} EventKind */
/** @typedef {"good" | "warn" | "bad" | "plain"} EventState */
/** @typedef {{ peer: string, label: string }} PeerPart A peer that can be selected. */
/** @typedef {{ quote: string }} QuotePart Text of a peer. */
/** @typedef {string | PeerPart | QuotePart} Part */
/** @typedef {{ kind: EventKind, state: EventState, mark: string, parts: Part[] }} EventWords */

/** What a filter shows, in its order. */
export const EVENT_KINDS = /** @type {const} */ ([
  "peers",
  "messages",
  "files",
  "mesh",
  "trouble",
]);

const MAX_REASON_CHARS = 300;
const MAX_MESSAGE_CHARS = 500;
const MAX_TOPIC_CHARS = 64;
const MAX_ADDRESS_CHARS = 120;
const MAX_PAIRS = 4;

const TRUST_WORDS = {
  "first-use": "unverified, first use",
  known: "known",
  pinned: "pinned",
};

/** @param {PageEvent} event @returns {EventWords} */
export function eventWords(event) {
  switch (event.type) {
    case "peer:up":
      return say("peers", "good", "up", [
        peerPart(event.id, event),
        ...(event.via === undefined
          ? [
            event.direction === "inbound" ? " from " : " at ",
            address(event.address),
          ]
          : viaParts(event.via)),
        ` (${event.direction}, ${TRUST_WORDS[event.trust] ?? "?"})`,
      ]);
    case "peer:down":
      return event.left
        ? say("peers", "warn", "left", [peerPart(event.id, event)])
        : say("peers", "bad", "lost", [
          peerPart(event.id, event),
          `: ${reason(event.reason)}`,
        ]);
    case "path":
      return say("peers", "plain", "path", [
        peerPart(event.id, event),
        " is reached",
        ...(event.via === undefined ? [" directly"] : viaParts(event.via)),
        " now",
      ]);
    case "join-request":
      return say("peers", "warn", "join", [
        { peer: event.id, label: shortId(event.id) },
        " at ",
        address(event.address),
        " asks to join",
      ]);
    case "name-conflict":
      return say("peers", "warn", "name", [
        peerPart(event.id, event),
        event.ownName
          ? " uses this node's own name"
          : ` uses a name of ${shortId(event.holder)}`,
      ]);
    case "replaced":
      return say("peers", "warn", "new", [
        address(event.address),
        ": now ",
        { peer: event.id, label: shortId(event.id) },
        `, before ${shortId(event.former)}, whose key lived in memory only`,
      ]);
    case "message":
      return say("messages", "plain", "msg", [
        peerPart(event.from, event),
        topic(event.topic),
        ": ",
        event.text === undefined
          ? `${
            things(event.bodyBytes ?? base64Bytes(event.base64), "byte")
          }, no text`
          : { quote: shownText(event.text, MAX_MESSAGE_CHARS) },
      ]);
    case "ping":
      return say("messages", "plain", "ping", [
        peerPart(event.id, event),
        ": ",
        { quote: shownText(event.text) },
      ]);
    case "undelivered":
      return say("messages", "bad", "unsent", [
        peerPart(event.to, event),
        topic(event.topic),
        `: ${reason(event.reason, `Cannot deliver to ${shortId(event.to)}: `)}`,
      ]);
    case "dead-letter":
      return say("messages", "warn", "dead", [
        "a message from ",
        peerPart(event.from, event),
        topic(event.topic),
        `, nacked too often: ${reason(event.reason)}`,
      ]);
    case "file":
      return fileWords(event);
    case "mesh":
      return meshWords(event);
    case "listening":
      if (event.addresses.length === 0) {
        const words = "nowhere: this node only dials others";
        return say("mesh", "plain", "listen", [words]);
      }
      return say("mesh", "plain", "listen", [
        ...listed("on ", event.addresses, ""),
      ]);
    case "network": {
      const { added, removed } = event;
      return say("mesh", "plain", "net", [
        ...listed("this machine has ", added, ""),
        ...(added.length > 0 && removed.length > 0 ? [", "] : []),
        ...listed("", removed, " gone"),
      ]);
    }
    case "stopped":
      return say("mesh", "bad", "stop", ["this node left the mesh"]);
    case "refused":
      return say("trouble", "bad", "refuse", [
        address(event.address),
        `: ${reasonAt(event)}`,
      ]);
    case "found":
      return say("mesh", "plain", "found", [
        event.id === undefined ? "a node" : peerPart(event.id, {}),
        " at ",
        address(event.address),
        ", announced on the local network",
      ]);
    case "unreachable":
      return say("trouble", "warn", "wait", [
        address(event.address),
        `: ${reasonAt(event)}; still trying`,
      ]);
    case "reach":
      return event.reachable === false
        ? say("mesh", "warn", "reach", ["others cannot dial this node"])
        : say("mesh", "good", "reach", [
          event.reachable
            ? "others can dial this node again"
            : "it is not known any more whether others can dial this node",
        ]);
    case "trouble":
      return say(
        "trouble",
        event.severity === "failing" ? "bad" : "warn",
        event.severity === "failing" ? "fault" : "warn",
        [reason(event.reason)],
      );
    case "resolved":
      return say("trouble", "good", "over", [
        `${reason(event.reason)} (lasted ${duration(event.lastedMs)})`,
      ]);
    case "overflow":
      return say("mesh", "warn", "lag", [
        `${things(event.dropped, "event")} not shown`,
      ]);
    case "page:gap":
      return say("mesh", "warn", "gap", [
        "connected again after a restart or a long time; events before are missing",
      ]);
    default:
      // Later versions have other types.
      return say("mesh", "plain", "event", [
        shownText(/** @type {{ type?: unknown }} */ (event).type, 48),
      ]);
  }
}

/**
 * Addresses between two texts; nothing if there are none.
 *
 * @param {string} before
 * @param {readonly string[]} addresses
 * @param {string} after
 * @returns {Part[]}
 */
function listed(before, addresses, after) {
  if (addresses.length === 0) return [];
  const parts = addresses.flatMap((it, at) =>
    at === 0 ? [address(it)] : [", ", address(it)]
  );
  return [before, ...parts, after];
}

/**
 * The sentence as text.
 *
 * @param {EventWords} words
 */
export function plainText({ mark, parts }) {
  const text = parts.map((part) =>
    typeof part === "string" ? part : "peer" in part ? part.label : part.quote
  ).join("");
  return `${mark} ${text}`;
}

/**
 * @param {EventKind} kind
 * @param {EventState} state
 * @param {string} mark
 * @param {Part[]} parts
 * @returns {EventWords}
 */
function say(kind, state, mark, parts) {
  return { kind, state, mark, parts };
}

/**
 * @param {string} id
 * @param {{ name?: string, boundName?: string }} names
 * @returns {PeerPart}
 */
function peerPart(id, { name, boundName }) {
  return { peer: id, label: peerLabel(id, { name, boundName }) };
}

/** @param {string} relay @returns {Part[]} */
function viaParts(relay) {
  return [" via ", { peer: relay, label: shortId(relay) }];
}

/** @param {string} text @returns {QuotePart} */
function address(text) {
  return { quote: shownText(text, MAX_ADDRESS_CHARS) };
}

/** Nothing for messages without a topic, which are the most common. @param {string} name */
function topic(name) {
  return name === "" ? "" : ` [${shownText(name, MAX_TOPIC_CHARS)}]`;
}

/**
 * @param {string} text
 * @param {string} [known] A beginning that the line has already.
 */
function reason(text, known = "") {
  const rest = text.startsWith(known) ? text.slice(known.length) : text;
  return shownText(rest, MAX_REASON_CHARS);
}

/**
 * The reason without the action that failed, which the line has already.
 *
 * @param {{ address: string, reason: string }} event
 */
function reasonAt(event) {
  const begin = [
    `dial ${event.address}`,
    `accept ${event.address}`,
    "open session",
  ].map((it) => `Cannot ${it}: `).find((it) => event.reason.startsWith(it));
  return reason(event.reason, begin);
}

/** @param {Extract<PageEvent, { type: "mesh" }>} event @returns {EventWords} */
function meshWords({ nodes, sessions, missing }) {
  if (nodes === 1) return say("mesh", "plain", "mesh", ["no other node"]);
  const lacking = nodes - 1 - sessions;
  const shown = missing.slice(0, MAX_PAIRS)
    .map((pair) => pair.map(shortId).join(" and ")).join(", ");
  const rest = missing.length - MAX_PAIRS;
  const note = missing.length > 0
    ? `; out of each other's reach: ${shown}${
      rest > 0 ? `, ${things(rest, "pair")} more` : ""
    }`
    : lacking > 0
    ? ` (${lacking} missing)`
    : "";
  return say("mesh", note === "" ? "plain" : "warn", "mesh", [
    `${things(nodes, "node")}, ${things(sessions, "session")} here${note}`,
  ]);
}

/** @param {Extract<PageEvent, { type: "file" }>} event @returns {EventWords} */
function fileWords(event) {
  const { step, path, files, done, failed } = event;
  const why = event.reason === undefined ? "" : `: ${reason(event.reason)}`;
  const isBad = event.reason !== undefined || (failed ?? 0) > 0;
  const state = isBad
    ? "bad"
    : step === "done" || step === "end"
    ? "good"
    : "plain";
  /** @type {Part[]} */
  const what = path === ""
    ? [
      step === "end"
        ? ` ${done ?? 0} of ${things(files, "file")} received${
          (failed ?? 0) > 0 ? `, ${failed} failed` : ""
        }`
        : ` ${shownText(step, 24)}, ${things(files, "file")}, ${
          bytes(event.bytes)
        }`,
    ]
    : [
      " ",
      { quote: shownText(path) },
      `, ${shownText(step, 24)}, ${bytes(event.bytes)}`,
    ];
  const peer = peerPart(event.from, event);
  return say("files", state, "file", [peer, ":", ...what, why]);
}
