// @ts-check
/**
 * The rows of the table of peers: what the node has of peers, sessions, access rules and
 * join requests, joined by id; their order, and which of them a filter leaves.
 */

import { peerLabel } from "./shown_name.js";

/** @import { AccessRuleRow, JoinRequestRow, PeerRow, SessionRow } from "../control/answers.ts" */

/**
 * - `connected`: there is a session
 * - `away`: it has proven its key before
 * - `request`: it proved its key, and is not admitted
 * - `gossip`: other members tell of it
 * - `denied`: this node refuses it
 * - `allowed`: it may come in, and has not come yet
 *
 * @typedef {"connected" | "away" | "request" | "gossip" | "denied" | "allowed"} PeerState
 */

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {string} [name] The name that it advertises; not escaped.
 * @property {string} [boundName] The name that the user gave it.
 * @property {string} [nameHeldBy] The peer that its name is bound to.
 * @property {PeerState} state
 * @property {"allowed" | "denied" | "forgotten"} [rule]
 * @property {"inbound" | "outbound"} [direction]
 * @property {SessionRow["via"]} [via] The member that relays its session.
 * @property {number} [hops]
 * @property {string} [relay] The label of that member, escaped.
 * @property {"first-use" | "known" | "pinned"} [trust]
 * @property {number} [rttMs]
 * @property {number} [openedAt] When its oldest session opened, milliseconds since 1970.
 * @property {number} [bytesReceived]
 * @property {number} [bytesSent]
 * @property {number} [messagesReceived]
 * @property {number} [messagesSent]
 * @property {string} [address] Of its session if that is direct, or its best one.
 * @property {string} [userAgent]
 * @property {number} sessions
 * @property {PeerRow} [peer]
 * @property {JoinRequestRow} [request]
 */

/**
 * @typedef {"name" | "id" | "state" | "direction" | "trust" | "rtt" | "age" | "received"
 *   | "sent" | "messagesReceived" | "messagesSent" | "address" | "userAgent"} SortKey
 */

/**
 * @typedef {object} Order
 * @property {SortKey} key
 * @property {boolean} descending
 */

/** States in the order of the table. */
export const STATES = /** @type {const} */ ([
  "request",
  "connected",
  "away",
  "allowed",
  "gossip",
  "denied",
]);

/** @type {Readonly<Record<PeerState, string>>} */
export const STATE_WORDS = {
  request: "asks to join",
  connected: "connected",
  away: "away",
  allowed: "allowed",
  gossip: "in gossip",
  denied: "denied",
};

/** @type {Readonly<Record<"first-use" | "known" | "pinned", string>>} */
export const TRUST_WORDS = {
  "first-use": "first use",
  known: "known",
  pinned: "pinned",
};

/**
 * @param {object} tables
 * @param {readonly PeerRow[]} tables.peers
 * @param {readonly SessionRow[]} tables.sessions
 * @param {readonly AccessRuleRow[]} [tables.rules]
 * @param {readonly JoinRequestRow[]} [tables.requests]
 * @returns {Row[]}
 */
export function peerRows({ peers, sessions, rules = [], requests = [] }) {
  const ruleOf = new Map(rules.map(({ id, rule }) => [id, rule]));
  const requestOf = new Map(requests.map((it) => [it.id, it]));
  const sessionsOf = Map.groupBy(sessions, ({ id }) => id);
  const known = new Map(peers.map((it) => [it.id, it]));
  const ids = new Set([
    ...known.keys(),
    ...requestOf.keys(),
    // A peer that was forgotten is off the record.
    ...rules.filter(({ rule }) => rule !== "forgotten").map(({ id }) => id),
  ]);
  return [...ids].map((id) => {
    const peer = known.get(id);
    const request = requestOf.get(id);
    const rule = ruleOf.get(id);
    /** @type {Row} */
    const row = {
      id,
      state: stateOf(peer, rule, request),
      sessions: 0,
      ...peer && namesOf(peer),
      ...rule !== undefined && { rule },
      ...request !== undefined && { request },
    };
    const address = peer?.addresses[0] ?? request?.address;
    if (address !== undefined) row.address = address;
    if (peer !== undefined) {
      row.peer = peer;
      row.trust = peer.trust;
    }
    addSessions(row, sessionsOf.get(id) ?? []);
    if (row.via !== undefined) {
      row.relay = peerLabel(row.via, known.get(row.via) ?? {});
    }
    return row;
  });
}

/** @param {PeerRow} peer */
function namesOf({ name, boundName, nameHeldBy }) {
  return {
    ...name !== undefined && name !== "" && { name },
    ...boundName !== undefined && { boundName },
    ...nameHeldBy !== undefined && { nameHeldBy },
  };
}

/**
 * @param {PeerRow | undefined} peer
 * @param {string | undefined} rule
 * @param {JoinRequestRow | undefined} request
 * @returns {PeerState}
 */
function stateOf(peer, rule, request) {
  if (peer?.connected) return "connected";
  if (rule === "denied") return rule;
  if (request !== undefined) return "request";
  if (peer === undefined) return "allowed";
  return peer.introducedBy === undefined ? "away" : "gossip";
}

/**
 * Adds up the sessions of one peer, which are rarely more than one.
 *
 * @param {Row} row
 * @param {readonly SessionRow[]} sessions
 */
function addSessions(row, sessions) {
  const first = sessions.find(({ via }) => via === undefined) ?? sessions[0];
  if (first === undefined) return;
  row.sessions = sessions.length;
  row.direction = first.direction;
  if (first.via === undefined) row.address = first.remoteAddress;
  else {
    row.via = first.via;
    row.hops = first.hops;
  }
  row.userAgent = first.userAgent;
  const rtts = sessions.flatMap(({ rttMs }) => rttMs ?? []);
  if (rtts.length > 0) row.rttMs = Math.min(...rtts);
  const opened = sessions.map((it) => Date.parse(it.openedAt ?? ""))
    .filter((it) => !Number.isNaN(it));
  if (opened.length > 0) row.openedAt = Math.min(...opened);
  row.bytesReceived = sum(sessions, (it) => it.bytesReceived);
  row.bytesSent = sum(sessions, (it) => it.bytesSent);
  row.messagesReceived = sum(sessions, (it) => it.messagesReceived);
  row.messagesSent = sum(sessions, (it) => it.messagesSent);
}

/**
 * @param {readonly SessionRow[]} sessions
 * @param {(session: SessionRow) => number | undefined} value
 */
function sum(sessions, value) {
  return sessions.reduce((total, it) => total + (value(it) ?? 0), 0);
}

/** The name under which a row is sorted. @param {Row} row */
export function calledName({ name, boundName }) {
  return boundName ?? name;
}

const collator = new Intl.Collator("en", {
  numeric: true,
  sensitivity: "base",
});

/**
 * What rows are compared by; a row without it is last in both directions.
 *
 * @type {Readonly<Record<SortKey, (row: Row) => string | number | undefined>>}
 */
const VALUES = {
  name: calledName,
  id: ({ id }) => id,
  state: ({ state }) => STATES.indexOf(state),
  direction: ({ direction }) => direction,
  trust: ({ trust }) => trust,
  rtt: ({ rttMs }) => rttMs,
  age: ({ openedAt }) => openedAt === undefined ? undefined : -openedAt,
  received: ({ bytesReceived }) => bytesReceived,
  sent: ({ bytesSent }) => bytesSent,
  messagesReceived: ({ messagesReceived }) => messagesReceived,
  messagesSent: ({ messagesSent }) => messagesSent,
  address: ({ address }) => address,
  userAgent: ({ userAgent }) => userAgent,
};

/** Figures are sorted the largest first at the first click; a short round trip is better. */
const DESCENDING_FIRST = /** @type {ReadonlySet<SortKey>} */ (new Set([
  "age",
  "received",
  "sent",
  "messagesReceived",
  "messagesSent",
]));

/**
 * The order after a click on a header.
 *
 * @param {Order} order
 * @param {SortKey} key
 * @returns {Order}
 */
export function nextOrder(order, key) {
  return order.key === key
    ? { key, descending: !order.descending }
    : { key, descending: DESCENDING_FIRST.has(key) };
}

/**
 * Rows with equal values are in the order of their ids, so that none moves without a reason.
 *
 * @param {readonly Row[]} rows
 * @param {Order} order
 * @returns {Row[]}
 */
export function sortRows(rows, { key, descending }) {
  const value = VALUES[key];
  const sign = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [value(a), value(b)];
    const order = left === undefined || right === undefined
      ? Number(left === undefined) - Number(right === undefined)
      : sign * compare(left, right);
    return order || byName(a, b) || (a.id < b.id ? -1 : 1);
  });
}

/** Rows without a name are last. @param {Row} a @param {Row} b */
function byName(a, b) {
  const [left, right] = [calledName(a), calledName(b)];
  return left === undefined || right === undefined
    ? Number(left === undefined) - Number(right === undefined)
    : collator.compare(left, right);
}

/** @param {string | number} left @param {string | number} right */
function compare(left, right) {
  return typeof left === "number" && typeof right === "number"
    ? left - right
    : collator.compare(String(left), String(right));
}

/**
 * Rows of one state, or all, that have every word of a text somewhere.
 *
 * @param {readonly Row[]} rows
 * @param {object} filter
 * @param {string} [filter.text]
 * @param {PeerState | "all"} [filter.state]
 * @returns {Row[]}
 */
export function filterRows(rows, { text = "", state = "all" }) {
  const words = text.toLowerCase().split(/\s+/).filter((it) => it !== "");
  return rows.filter((row) => {
    if (state !== "all" && row.state !== state) return false;
    if (words.length === 0) return true;
    const all = searchedText(row);
    return words.every((word) => all.includes(word));
  });
}

/** @param {Row} row */
function searchedText(row) {
  const { id, name, boundName, state, direction, trust, userAgent } = row;
  return [
    id,
    name,
    boundName,
    STATE_WORDS[state],
    direction,
    row.relay === undefined ? undefined : `relayed via ${row.relay}`,
    trust,
    row.address,
    ...row.peer?.addresses ?? [],
    userAgent,
  ].filter((it) => it !== undefined).join("\n").toLowerCase();
}

/** @param {readonly Row[]} rows @returns {Record<PeerState | "all", number>} */
export function countStates(rows) {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  return /** @type {Record<PeerState | "all", number>} */ ({
    all: rows.length,
    ...counts,
  });
}
