// @ts-check
/** What the picture of the mesh shows, out of the state of the page; no part of it is drawn here. */
import { milliseconds, things } from "./format.js";
import { MAX_DRAWN } from "./layout.js";
import { namesWords, peerLabel, shownName } from "./shown_name.js";
import { shortId } from "./shown_text.js";

/** @import { PeerRow, SessionRow, StatusAnswer } from "../control/answers.ts" */
/** @import { PeerChange } from "./event_feed.js" */

/** @typedef {"connected" | "away" | "gossip"} NodeState */

/**
 * @typedef {object} DrawnPeer
 * @property {string} id
 * @property {string} label Escaped.
 * @property {NodeState} state
 * @property {number | undefined} rttMs
 * @property {string | undefined} via The member that relays it.
 * @property {PeerChange | undefined} change
 * @property {string} words Everything about it in words, escaped.
 */

/**
 * @typedef {object} MeshView
 * @property {DrawnPeer[]} peers In the order of their ids.
 * @property {[string, string][]} missing Pairs of drawn nodes, this one among them.
 * @property {number} leftOut Peers that are not drawn.
 * @property {string} summary
 */

/** Longest name beside a node. */
const MAX_LABEL_CHARS = 16;

/** @type {Readonly<Record<PeerChange, string>>} */
const CHANGE_WORDS = {
  joined: "has just joined",
  left: "has just left",
  lost: "was just lost",
};

/** Bounds of the bands of round trips, milliseconds. */
export const RTT_BANDS = /** @type {const} */ ([10, 50, 150]);

/**
 * The band of a round trip, 0 to 3.
 *
 * @param {number | undefined} rttMs
 */
export function rttBand(rttMs) {
  if (rttMs === undefined) return undefined;
  const band = RTT_BANDS.findIndex((most) => rttMs < most);
  return band < 0 ? RTT_BANDS.length : band;
}

/**
 * The width of a link: 4 for a tenth of a millisecond, 1 from a second on; less among many.
 *
 * @param {number | undefined} rttMs
 * @param {number} peers
 */
export function linkWidth(rttMs, peers) {
  const width = rttMs === undefined
    ? 1.5
    : 3.25 - 0.75 * Math.log10(Math.max(0.1, rttMs));
  const share = peers <= 24 ? 1 : peers <= 60 ? 0.7 : peers <= 120 ? 0.5 : 0.35;
  return Math.round(Math.max(1, Math.min(4, width)) * share * 10) / 10;
}

/**
 * @param {object} state
 * @param {StatusAnswer} state.status
 * @param {readonly PeerRow[]} state.peers
 * @param {readonly SessionRow[]} state.sessions
 * @param {ReadonlyMap<string, { what: PeerChange }>} state.changes
 * @returns {MeshView}
 */
export function meshView({ status, peers, sessions, changes }) {
  const sessionOf = usedSessions(sessions);
  /** @type {Map<string, PeerRow>} */
  const known = new Map(peers.map((it) => [it.id, it]));
  const labelOf = (/** @type {string} */ id) => {
    const { name, boundName } = known.get(id) ?? {};
    return peerLabel(id, { name, boundName });
  };
  const chosen = choose(peers);
  const drawn = new Set([status.id, ...chosen.map(({ id }) => id)]);
  return {
    peers: chosen.map((peer) =>
      drawnPeer(
        peer,
        sessionOf.get(peer.id),
        changes.get(peer.id)?.what,
        labelOf,
      )
    ),
    missing: status.mesh.missing
      .filter(([a, b]) => drawn.has(a) && drawn.has(b))
      .map(([a, b]) => [a, b]),
    leftOut: peers.length - chosen.length,
    summary: summaryOf(status, peers),
  };
}

/**
 * The session of each peer that is used: a direct one before a relayed one, which it replaces.
 *
 * @param {readonly SessionRow[]} sessions
 */
export function usedSessions(sessions) {
  /** @type {Map<string, SessionRow>} */
  const used = new Map();
  for (const session of sessions) {
    const other = used.get(session.id);
    const isBetter = other === undefined || session.via === undefined ||
      other.via !== undefined;
    if (isBetter) used.set(session.id, session);
  }
  return used;
}

/** Connected ones first, then those that were seen last. @param {readonly PeerRow[]} peers */
function choose(peers) {
  const all = peers.length <= MAX_DRAWN
    ? [...peers]
    : peers.toSorted((a, b) =>
      Number(b.connected) - Number(a.connected) ||
      (b.lastSeen ?? "").localeCompare(a.lastSeen ?? "") ||
      (a.id < b.id ? -1 : 1)
    ).slice(0, MAX_DRAWN);
  return all.sort((a, b) => a.id < b.id ? -1 : 1);
}

/**
 * @param {PeerRow} peer
 * @param {SessionRow | undefined} session
 * @param {PeerChange | undefined} change
 * @param {(id: string) => string} labelOfId
 * @returns {DrawnPeer}
 */
function drawnPeer(peer, session, change, labelOfId) {
  const { id, connected, introducedBy } = peer;
  const state = connected
    ? "connected"
    : introducedBy === undefined
    ? "away"
    : "gossip";
  const via = session?.via;
  const relay = via === undefined ? undefined : labelOfId(via);
  const rttMs = session?.rttMs;
  return {
    id,
    label: labelOf(peer),
    state,
    rttMs,
    via,
    change,
    words: wordsOf(peer, session, { state, change, relay }),
  };
}

/** The name, cut, without the id that is beside it. @param {{ name?: string, boundName?: string }} peer */
export function labelOf({ name, boundName }) {
  const called = boundName ?? name;
  if (called === undefined || called === "") return "";
  const shown = shownName(called);
  const chars = [...shown];
  return chars.length <= MAX_LABEL_CHARS
    ? shown
    : `${chars.slice(0, MAX_LABEL_CHARS - 1).join("")}…`;
}

/**
 * @param {PeerRow} peer
 * @param {SessionRow | undefined} session
 * @param {{ state: NodeState, change: PeerChange | undefined, relay: string | undefined }} more
 */
function wordsOf(peer, session, { state, change, relay }) {
  const present = state === "gossip"
    ? "known by gossip only"
    : state === "away"
    ? "away"
    : "connected";
  return [
    `${namesWords(peer)} ${shortId(peer.id)}`.trim(),
    change === undefined ? present : CHANGE_WORDS[change],
    relay !== undefined ? `relayed via ${relay}` : session?.direction,
    session?.rttMs !== undefined && milliseconds(session.rttMs),
  ].filter(Boolean).join(", ");
}

/** @param {StatusAnswer} status @param {readonly PeerRow[]} peers */
function summaryOf({ mesh }, peers) {
  if (mesh.nodes === 1 && peers.length === 0) return "No other node yet.";
  const lacking = Math.max(0, mesh.nodes - 1 - mesh.sessions);
  const away = peers.filter((it) => !it.connected && !it.introducedBy).length;
  const pairs = mesh.missing.length;
  return [
    `${things(mesh.nodes, "node")}, ${things(mesh.sessions, "session")} here`,
    pairs > 0 && `${things(pairs, "pair")} out of each other's reach`,
    lacking > 0 && `${things(lacking, "link")} of this node missing`,
    pairs === 0 && lacking === 0 && "every link is up",
    away > 0 && `${away} away`,
  ].filter(Boolean).join(" · ");
}
