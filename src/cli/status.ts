/** `verack status`: the state of a running node. */
import type { StatusAnswer } from "../control/answers.ts";
import { escapeText } from "../core/escape.ts";
import { peerLabel } from "../identity/peer_name.ts";
import {
  answerCommand,
  DATA_FLAG,
  labelled,
  withNode,
} from "./answer_command.ts";
import type { Command } from "./command.ts";
import { hintOf } from "./hints.ts";
import { keptWords } from "./kept_topic_commands.ts";

/** Shows the state of a node. */
export const statusCommand: Command = answerCommand({
  flags: { data: DATA_FLAG },
  examples: [
    [
      "verack status --data data/alice",
      "The id of alice, its mesh, and what waits there",
    ],
  ],
  ask: ({ data }) => withNode(data, (node) => node.status()),
  lines: (answer, colors) => labelled(rows(answer), colors),
});

function rows(status: StatusAnswer): [what: string, text: string][] {
  const { id: peerId, name, mesh, limits, outbox, queues } = status;
  const label = (id: string) => escapeText(id.slice(0, 8));
  return [
    ["node", peerLabel(peerId, name)],
    ["id", peerId + (status.ephemeral ? " (in memory only)" : "")],
    [
      "address",
      [
        escapeText(status.address),
        ...(status.advertise === undefined
          ? []
          : [`advertised as ${escapeText(status.advertise)}`]),
      ].join(", "),
    ],
    ...(status.control.url === undefined
      ? []
      : [["control", escapeText(status.control.url)] as [string, string]]),
    ...(status.tls === undefined
      ? []
      : [["tls", `by ${status.tls}`] as [string, string]]),
    ["network", `${escapeText(status.network)}, ${admissionWords(status)}`],
    ["running", `${duration(status.uptimeMs)}, verack ${status.version}`],
    [
      "mesh",
      `${count(mesh.nodes, "node")}, ${count(mesh.sessions, "session")} here`,
    ],
    ...mesh.missing.map(([a, b]): [string, string] => [
      "missing",
      `${label(a)} and ${label(b)} cannot reach each other`,
    ]),
    ...status.health.map(({ code, message, since }): [string, string] => [
      "trouble",
      `${escapeText(code)} since ${escapeText(since)}: ${
        escapeText(message, { max: 512 })
      }${hintOf(code)}`,
    ]),
    ["peers", `${status.peers} remembered, at most ${limits.peers}`],
    [
      "messages",
      `${outbox.messages} wait, at most ${limits.messages}; ${outbox.bytes} of at most ${limits.messageBytes} bytes`,
    ],
    ...status.keptTopics.map((kept): [string, string] => [
      "kept",
      `${kept.topic === "" ? "no topic" : escapeText(kept.topic)}: ${
        keptWords(kept)
      }`,
    ]),
    ...forwardRows(status),
    ...queues.map((queue): [string, string] => [
      "waiting",
      `${peerLabel(queue.id, queue.name, queue.boundName)}: ${
        count(queue.messages, "message")
      }${queue.bytes > 0 ? `, ${queue.bytes} bytes at the socket` : ""}${
        queue.connected ? "" : ", away"
      }`,
    ]),
  ];
}

function forwardRows({ forwarding }: StatusAnswer): [string, string][] {
  if (forwarding === undefined) return [];
  const { connect, listen, connections, listeners } = forwarding;
  const shown = (rules: readonly string[]) =>
    escapeText(rules.join(", "), { max: 512 });
  return [
    ["forwarding", count(connections, "connection")],
    ...(connect.length === 0
      ? []
      : [["allowed", `to connect to ${shown(connect)}`] as [string, string]]),
    ...(listen.length === 0 ? [] : [
      [
        "allowed",
        `to listen on ${shown(listen)}: ${count(listeners, "socket")}`,
      ] as [string, string],
    ]),
  ];
}

/** The admission mode, in the words of the documents. */
function admissionWords({ admission, secret }: StatusAnswer): string {
  const mode = admission === "closed" ? "closed to strangers" : "open to all";
  return `${mode}${secret ? ", with a secret" : ""}`;
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  return parts.slice(first === -1 ? -1 : first).slice(0, 2)
    .map(([value, unit]) => `${value} ${unit}`).join(" ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
