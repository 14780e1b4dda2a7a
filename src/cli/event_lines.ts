/**
 * A node's events as lines of text or JSON, with everything from the network escaped. Lines are
 * written by `event_printer.ts`.
 */
import type { FileEvent, MessageEvent } from "../control/answers.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import { peerLabel, type PeerNames, shownName } from "../identity/peer_name.ts";
import type { NodeEvent, Trust } from "../mesh/events.ts";
import { hintOf } from "./hints.ts";
import { shownText } from "./message_text.ts";
import { fileColor, fileWords } from "./files/transfer_lines.ts";
import type { Palette } from "./terminal.ts";

/** A printed event: one of a node, or a message that it received. */
export type PrintedEvent =
  | NodeEvent
  | MessageEvent
  | FileEvent
  | ListeningEvent
  | LeftOutEvent;

/** Where the node listens, also for its control API and its metrics if these have ports of their own. */
export type ListeningEvent = Extract<NodeEvent, { type: "listening" }> & {
  /** A URL. */
  readonly control?: string;
  /** A URL. */
  readonly metrics?: string;
};

/** Events were not printed; without a reason, because the reader was too slow. */
export type LeftOutEvent = Extract<NodeEvent, { type: "overflow" }> & {
  readonly reason?: string;
};

/** The label of each kind of trust. */
export const TRUST_WORDS: Readonly<Record<Trust, string>> = {
  "first-use": "unverified, first use",
  known: "known",
  pinned: "pinned",
};

/** Reasons as shown: long enough for two identities and two addresses. */
const MAX_REASON_CHARS = 512;

/** Messages as text, where a mark shows that something was cut; JSON has all of it. */
const MAX_MESSAGE_CHARS = 4_000;
const MAX_TOPIC_CHARS = 128;

/** DNS names have at most 253 characters; with escapes an address may get longer. */
const MAX_ADDRESS_CHARS = 300;

/** Pairs out of each other's reach that one line names. */
const MAX_PAIRS = 4;

/** Width of the label at the beginning of a line. */
const LABEL_CHARS = 6;

/** Columns before the text of a line: the time, a space, the label, a space. */
export const LINE_INDENT: number = 8 + 1 + LABEL_CHARS + 1;

/** The line `run --json` prints: the event, and the time as ISO 8601. */
export function eventJson(event: PrintedEvent, time: Date): string {
  return jsonLine({ time: time.toISOString(), ...event });
}

/** Options of {@linkcode eventLine}. */
export interface EventLineOptions {
  /** Whether commands reach the node, which takes a data directory. @default true */
  readonly mayDecide?: boolean;
  /** The label of a peer of which an event has the id alone. @default its first digits */
  readonly labelOf?: (id: PeerId) => string;
}

/** The labels of the peers of a node, for {@linkcode EventLineOptions.labelOf}. */
export function labelsOf(
  node: { peer(id: PeerId): PeerNames | undefined },
): (id: PeerId) => string {
  return (id) => {
    const { name, boundName } = node.peer(id) ?? {};
    return peerLabel(id, name, boundName);
  };
}

/** The line of text, with the local time of day. */
export function eventLine(
  event: PrintedEvent,
  time: Date,
  colors: Palette,
  options: EventLineOptions = {},
): string {
  const clock = colors.dim(time.toTimeString().slice(0, 8));
  return `${clock} ${words(event, colors, options)}`;
}

function words(
  event: PrintedEvent,
  colors: Palette,
  { mayDecide = true, labelOf = shortId }: EventLineOptions,
): string {
  const peerName = (id: PeerId, { name, boundName }: PeerNames) =>
    colors.bold(peerLabel(id, name, boundName));
  const peer = (event: { readonly id: PeerId } & PeerNames) =>
    peerName(event.id, event);
  switch (event.type) {
    case "listening":
      return `${label("listen", colors.bold)} ${
        event.addresses.length === 0
          ? "not at all, only dials,"
          : `on ${event.addresses.map(address).join(", ")}`
      } as ${peer(event)}`;
    case "peer:up":
      return `${label("up", colors.green)} ${peer(event)} ${
        whereabouts(event)
      } (${event.direction}, ${TRUST_WORDS[event.trust]})`;
    case "peer:down":
      return event.left
        ? `${label("left", colors.yellow)} ${peer(event)}`
        : `${label("lost", colors.red)} ${peer(event)}: ${
          escapeText(event.reason, { max: MAX_REASON_CHARS })
        }`;
    case "path":
      return `${label("path", colors.blue)} ${peer(event)} is reached ${
        event.via === undefined ? "directly" : viaWords(event.via, event)
      } now`;
    case "ping":
      return `${label("ping", colors.cyan)} ${peer(event)}: ${
        escapeText(event.text)
      }`;
    case "message":
      return `${label("msg", colors.green)} ${peerName(event.from, event)}${
        topic(event)
      }: ${body(event)}`;
    case "file":
      return `${label("file", fileColor(event, colors))} ${
        fileWords(event, peerName(event.from, event))
      }`;
    case "mesh":
      return `${label("mesh", colors.blue)} ${meshWords(event, colors)}`;
    case "refused":
      return `${label("refuse", colors.red)} ${
        event.via === undefined
          ? address(event.address)
          : viaWords(event.via, event)
      }${reasonAt(event)}${bothIdentities(event)}`;
    case "join-request":
      return `${label("join", colors.yellow)} ${colors.bold(event.id)} at ${
        address(event.address)
      } asks to join: allow or deny it`;
    case "name-conflict":
      return `${label("name", colors.yellow)} ${peer(event)} uses ${
        event.ownName
          ? "this node's own name"
          : `a name of ${colors.bold(shortId(event.holder))}`
      }; it is reached as ${shortId(event.id)}${
        event.ownName || !mayDecide
          ? ""
          : `, and to say whose the name is: verack allow ID --name ${
            shownName(event.name)
          }`
      }`;
    case "unreachable":
      return `${label("wait", colors.yellow)} ${address(event.address)}${
        reasonAt(event)
      }; still trying`;
    case "found":
      return `${label("found", colors.cyan)} ${
        event.id === undefined ? "a node" : peer({ id: event.id })
      } at ${address(event.address)}, announced on the local network`;
    case "reach":
      return event.reachable === false
        ? `${label("reach", colors.yellow)} others cannot dial this node (${
          triedBy(event.by, labelOf)
        }); it dials them`
        : `${label("reach", colors.green)} ${
          event.reachable
            ? `others can dial this node again (${triedBy(event.by, labelOf)})`
            : "peers do not agree any more that others cannot dial this node"
        }`;
    case "replaced":
      return `${label("new", colors.yellow)} ${
        address(event.address)
      }: now ${event.id}, before ${event.former}, whose key lived in memory only`;
    case "undelivered":
      return `${label("unsent", colors.red)} ${peerName(event.to, event)}: ${
        undeliveredReason(event)
      }`;
    case "dead-letter":
      return `${label("dead", colors.yellow)} a message from ${
        peerName(event.from, event)
      }, nacked too often: ${
        escapeText(event.reason, { max: MAX_REASON_CHARS })
      }`;
    case "trouble":
      return `${
        event.severity === "failing"
          ? label("fault", colors.red)
          : label("warn", colors.yellow)
      } ${escapeText(event.reason, { max: MAX_REASON_CHARS })}${
        hintOf(event.code)
      }`;
    case "resolved":
      return `${label("over", colors.green)} ${
        escapeText(event.reason, { max: MAX_REASON_CHARS })
      }`;
    case "overflow":
      return `${label("lag", colors.yellow)} ${
        count(event.dropped, "event")
      } not shown${"reason" in event ? `: ${event.reason}` : ""}`;
    case "network":
      return `${label("net", colors.blue)} ${networkWords(event)}`;
    case "stopped":
      return `${label("stop", colors.bold)} left the mesh`;
    default:
      return event satisfies never;
  }
}

/** Where a peer is; of a relayed one that is known to its relay. */
function whereabouts(
  { address: at, direction, via, ...event }: Extract<
    PrintedEvent,
    { type: "peer:up" }
  >,
): string {
  if (via !== undefined) return viaWords(via, event);
  return `${direction === "inbound" ? "from" : "at"} ${address(at)}`;
}

/** The relay, named as in tables. */
function viaWords(
  via: PeerId,
  { viaName }: { readonly viaName?: string },
): string {
  return `via ${peerLabel(via, viaName)}`;
}

/** Which addresses this machine has, and which are gone. */
function networkWords(
  { added, removed }: Extract<NodeEvent, { type: "network" }>,
): string {
  const all = (addresses: readonly string[]) =>
    addresses.map(address).join(", ");
  return [
    ...(added.length > 0 ? [`this machine has ${all(added)}`] : []),
    ...(removed.length > 0 ? [`${all(removed)} gone`] : []),
  ].join(", ");
}

function meshWords(
  { nodes, sessions, missing: pairs }: Extract<NodeEvent, { type: "mesh" }>,
  colors: Palette,
): string {
  if (nodes === 1) return "no other node";
  const missing = nodes - 1 - sessions;
  const note = pairs.length > 0
    ? colors.yellow(`; out of each other's reach: ${pairWords(pairs)}`)
    : missing > 0
    ? colors.yellow(` (${missing} missing)`)
    : "";
  return `${count(nodes, "node")}, ${count(sessions, "session")} here${note}`;
}

function pairWords(pairs: readonly (readonly [PeerId, PeerId])[]): string {
  const shown = pairs.slice(0, MAX_PAIRS).map((pair) =>
    pair.map((id) => shortId(id)).join(" and ")
  );
  const rest = pairs.length - shown.length;
  return shown.join(", ") + (rest > 0 ? `, ${count(rest, "pair")} more` : "");
}

/** Nothing for messages without a topic, which are the most common. */
function topic({ topic }: { readonly topic: string }): string {
  return topic === ""
    ? ""
    : ` [${escapeText(topic, { max: MAX_TOPIC_CHARS })}]`;
}

function body({ text, base64 }: MessageEvent): string {
  if (text !== undefined) return shownText(text, MAX_MESSAGE_CHARS);
  const { length } = Uint8Array.fromBase64(base64 ?? "");
  return `${count(length, "byte")}, no text`;
}

function label(text: string, color: (text: string) => string): string {
  return color(text.padEnd(LABEL_CHARS));
}

function address(text: string): string {
  return escapeText(text, { max: MAX_ADDRESS_CHARS });
}

/** The reason behind an address, without the action that failed, which the line has already. */
function reasonAt(
  { address, reason }: { readonly address: string; readonly reason: string },
): string {
  const action = [`dial ${address}`, `accept ${address}`, "open session"]
    .map((it) => `Cannot ${it}`)
    .find((it) => reason.startsWith(`${it}: `) || reason.startsWith(`${it} (`));
  // Of a name stays what it was resolved to: ` (192.0.2.1): …`.
  const rest = action === undefined
    ? `: ${reason}`
    : reason.slice(action.length);
  return escapeText(rest, { max: MAX_REASON_CHARS });
}

/** Why a message is not sent any more, without what the line has already. */
export function undeliveredReason(
  { to, reason }: Extract<NodeEvent, { type: "undelivered" }>,
): string {
  const begin = `Cannot deliver to ${shortId(to)}: `;
  const rest = reason.startsWith(begin) ? reason.slice(begin.length) : reason;
  return escapeText(rest, { max: MAX_REASON_CHARS });
}

/** The expected and the actual identity, unless the reason names them. */
function bothIdentities(
  { reason, expected, actual }: Extract<NodeEvent, { type: "refused" }>,
): string {
  const missing = expected !== undefined && actual !== undefined &&
    !(reason.includes(expected) && reason.includes(actual));
  return missing ? ` (it is ${actual}, must be ${expected})` : "";
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** The peers that tried. */
function triedBy(
  ids: readonly PeerId[],
  labelOf: (id: PeerId) => string,
): string {
  return `tried by ${ids.map(labelOf).join(", ")}`;
}
