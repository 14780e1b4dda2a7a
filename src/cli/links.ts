/** `verack links`: the sessions of a running node, in the manner of `bitcoin-cli -netinfo`. */
import type {
  PeersAnswer,
  SessionRow,
  StatusAnswer,
} from "../control/answers.ts";
import { systemClock } from "../core/clock.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import type { PeerId } from "../core/peer_id.ts";
import { namesOf, peerLabel, type PeerNames } from "../identity/peer_name.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { type Command, command } from "./command.ts";
import { EXIT } from "./exit.ts";
import { bytesText } from "./files/transfer_lines.ts";
import { roundTripText } from "./ping.ts";
import { type Column, table } from "./table.ts";
import { OUTPUT_FLAGS, type Palette } from "./terminal.ts";
import { showWatched, WATCH_FLAG } from "./watch_screen.ts";

/** The sessions of a node, as `--json` shows them. */
export interface LinksView {
  readonly id: PeerId;
  readonly name?: string;
  /** Members of the mesh, with the node itself. */
  readonly nodes: number;
  readonly inbound: number;
  readonly outbound: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly sessions: readonly SessionRow[];
  /** Pairs of members that cannot reach each other. */
  readonly missing: StatusAnswer["mesh"]["missing"];
  /** Peers of these that no member relays to this node, and why. */
  readonly notRelayed: StatusAnswer["notRelayed"];
}

/** The command. */
export const linksCommand: Command = command({
  description: [
    "Each line is a session: which end dialed it, the peer, the shortest and the last round " +
    "trip in milliseconds, its age, bytes and messages out and in, the address, and the version. " +
    "The address of a relayed session is its relay. " +
    "Below are pairs of members that cannot reach each other.",
  ],
  flags: { ...CLIENT_FLAGS, watch: WATCH_FLAG, ...OUTPUT_FLAGS },
  examples: [
    ["verack links", "The sessions of the node in the default directory"],
    ["verack links --watch --data data/alice", "As they change, until Ctrl-C"],
  ],
  async action({ flags, terminal, outputLost }) {
    const { json, watch } = flags;
    const { stdout, out } = terminal;
    return await withNode(flags, async (node) => {
      if (watch) {
        return await showWatched(node, {
          ...{ json, terminal, outputLost },
          view: ({ status, peers }) => linksView(status, peers),
          lines: (view, now) => linkLines(view, out, now),
        });
      }
      const [status, peers] = await Promise.all([node.status(), node.peers()]);
      const view = linksView(status, peers);
      if (json) stdout.line(jsonLine(view));
      else {
        for (const line of linkLines(view, out, systemClock.now())) {
          stdout.line(line, false, false);
        }
      }
      return EXIT.success;
    });
  },
});

/** What is shown of a node's answers. */
export function linksView(
  status: StatusAnswer,
  { sessions }: Pick<PeersAnswer, "sessions">,
): LinksView {
  const inbound = sessions.filter((it) => it.direction === "inbound").length;
  const sum = (
    key:
      | "bytesSent"
      | "bytesReceived"
      | "messagesSent"
      | "messagesReceived",
  ) => sessions.reduce((total, it) => total + it[key], 0);
  return {
    id: status.id,
    ...(status.name !== undefined && { name: status.name }),
    nodes: status.mesh.nodes,
    inbound,
    outbound: sessions.length - inbound,
    bytesSent: sum("bytesSent"),
    bytesReceived: sum("bytesReceived"),
    messagesSent: sum("messagesSent"),
    messagesReceived: sum("messagesReceived"),
    sessions,
    missing: status.mesh.missing,
    notRelayed: status.notRelayed,
  };
}

const COLUMNS: readonly Column[] = [
  { title: "" },
  { title: "peer" },
  { title: "min", align: "right" },
  { title: "now", align: "right" },
  { title: "age", align: "right" },
  { title: "sent", align: "right" },
  { title: "received", align: "right" },
  { title: "messages", align: "right" },
  { title: "address" },
  { title: "version" },
];

/** The view as text. */
export function linkLines(
  view: LinksView,
  { bold, dim, green, cyan, yellow }: Palette,
  now: number,
): string[] {
  const { id, name, nodes, inbound, outbound, sessions, missing } = view;
  const known = new Map<string, PeerNames>([
    ...[...view.notRelayed, ...sessions]
      .map((it) => [it.id, namesOf(it)] as const),
    [id, { ...(name !== undefined && { name }) }],
  ]);
  const label = (id: PeerId) => {
    const { name, boundName } = known.get(id) ?? {};
    return peerLabel(id, name, boundName);
  };
  const rows = sessions.map((it) => [
    it.direction === "inbound"
      ? { text: "in", color: cyan }
      : { text: "out", color: green },
    { text: label(it.id) },
    { text: it.minRttMs === undefined ? "" : roundTripText(it.minRttMs) },
    { text: it.rttMs === undefined ? "" : roundTripText(it.rttMs) },
    { text: ageText(now - Date.parse(it.openedAt)) },
    { text: bytesText(it.bytesSent) },
    { text: bytesText(it.bytesReceived) },
    { text: `${it.messagesSent}/${it.messagesReceived}` },
    it.via === undefined
      ? { text: escapeText(it.remoteAddress, { max: 300 }) }
      : { text: `relayed via ${label(it.via)}`, color: yellow },
    { text: escapeText(it.userAgent, { max: 64 }), color: dim },
  ]);
  const total = [
    { text: "" },
    { text: "total" },
    { text: "" },
    { text: "" },
    { text: "" },
    { text: bytesText(view.bytesSent) },
    { text: bytesText(view.bytesReceived) },
    { text: `${view.messagesSent}/${view.messagesReceived}` },
  ].map((it) => ({ ...it, color: dim }));
  return [
    `${bold(label(id))}  ${count(nodes, "node")}, ${
      count(sessions.length, "session")
    } here: ${inbound} in, ${outbound} out`,
    ...(sessions.length === 0
      ? []
      : table(COLUMNS, sessions.length === 1 ? rows : [...rows, total], dim)),
    ...missing.map((pair) =>
      yellow(
        `missing  ${missingWords(pair, label)}${whyMissing(pair, view)}`,
      )
    ),
  ];
}

/** That two members have no session. */
export function missingWords(
  [a, b]: readonly [PeerId, PeerId],
  label: (id: PeerId) => string,
): string {
  return `${label(a)} and ${label(b)} cannot reach each other`;
}

/** Why no member relays a pair, if it is one of the node that was asked. */
export function whyMissing(
  pair: readonly [PeerId, PeerId],
  { id: own, notRelayed }: Pick<StatusAnswer, "id" | "notRelayed">,
): string {
  const reason = !pair.includes(own)
    ? undefined
    : notRelayed.find(({ id }) => pair.includes(id))?.reason;
  return reason === undefined
    ? ""
    : `, and none relays: ${escapeText(reason, { max: 300 })}`;
}

/** A time in one unit: `12 s`, `3 min`, `5 h`, `2 d`. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
