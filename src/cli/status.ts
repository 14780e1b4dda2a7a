/** `verack status`: the state of a running node. */
import type { AllowedUse } from "../control/allowed_uses.ts";
import type { StatusAnswer } from "../control/answers.ts";
import { escapeText } from "../core/escape.ts";
import { isPeerId, shortId } from "../core/peer_id.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { answerCommand, labelled, utcMinute } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import type { Command } from "./command.ts";
import { whyNotAnnounced } from "./greeting.ts";
import { reasonRow } from "./health.ts";
import { keptWords } from "./kept_topic_commands.ts";
import { missingWords, whyMissing } from "./links.ts";

/** Relayed peers that are listed one by one. */
const MAX_RELAYED_ROWS = 8;

/** Public addresses that are shown. */
const MAX_SEEN = 4;

/** Shows the state of a node. */
export const statusCommand: Command = answerCommand({
  flags: CLIENT_FLAGS,
  examples: [
    [
      "verack status --data data/alice",
      "The id of alice, its mesh, and what waits there",
    ],
  ],
  ask: (flags) => withNode(flags, (node) => node.status()),
  lines: (answer, colors) => labelled(rows(answer), colors),
});

/** An address at which it listens, and what one that is none of an interface means. */
function listenWords(address: string): string {
  const shown = escapeText(address);
  return address.startsWith("0.0.0.0:")
    ? `${shown} (every IPv4 address)`
    : address.startsWith("[::]:")
    ? `${shown} (every address)`
    : shown;
}

/** Where peers see it, which a node behind a router cannot find out by itself. */
function seenRows(
  { ownNetwork: { seenAs } }: StatusAnswer,
): [what: string, text: string][] {
  if (seenAs.length === 0) return [];
  const text = seenAs.slice(0, MAX_SEEN).map(({ address, peers }) =>
    `${escapeText(address)} by ${count(peers, "peer")}`
  );
  return [["seen as", text.join(", ")]];
}

function rows(status: StatusAnswer): [what: string, text: string][] {
  const { id: peerId, name, mesh, limits, outbox, queues } = status;
  return [
    ["node", peerLabel(peerId, name)],
    ["id", peerId + (status.ephemeral ? " (in memory only)" : "")],
    [
      "address",
      [
        ...status.addresses.length === 0 ? ["none: it does not listen"] : [],
        ...status.addresses.map(listenWords),
        ...(status.advertise === undefined
          ? []
          : [`advertised as ${
            status.advertise.map((address) => escapeText(address)).join(", ")
          }`]),
      ].join(", "),
    ],
    ...seenRows(status),
    ...(status.control.url === undefined
      ? []
      : [["control", escapeText(status.control.url)] as [string, string]]),
    ...(status.control.page === undefined
      ? []
      : [["page", escapeText(status.control.page)] as [string, string]]),
    ...(status.tls === undefined
      ? []
      : [["tls", `by ${status.tls}`] as [string, string]]),
    ["network", `${escapeText(status.network)}, ${admissionWords(status)}`],
    [
      "running",
      `${duration(status.uptimeMs)}, verack ${escapeText(status.version)}`,
    ],
    ["health", healthWords(status)],
    ...status.health.map(reasonRow),
    [
      "mesh",
      `${count(mesh.nodes, "node")}, ${count(mesh.sessions, "session")} here`,
    ],
    ...relayedRows(status),
    ...missingRows(status),
    ["peers", `${status.peers} remembered, at most ${limits.peers}`],
    [
      "messages",
      `${outbox.messages} wait, at most ${limits.messages}; ${outbox.bytes} of at most ${limits.messageBytes} bytes`,
    ],
    ...discoveryRows(status),
    ...status.keptTopics.map((kept): [string, string] => [
      "kept",
      `${kept.topic === "" ? "no topic" : escapeText(kept.topic)}: ${
        keptWords(kept)
      }`,
    ]),
    ["reach", reachWords(status)],
    ["relay", relayWords(status)],
    ...forwardRows(status),
    ...useRows(status),
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

function discoveryRows(
  { addresses, discovery }: StatusAnswer,
): [string, string][] {
  if (discovery === undefined) return [];
  const { announced, found, networks, open } = discovery;
  const what = open
    ? "with its id and the network's name"
    : "by its port alone";
  return [
    [
      "discovery",
      [
        networks.length === 0
          ? "on no network"
          : `on ${escapeText(networks.join(", "), { max: 200 })}`,
        announced
          ? `announced ${what}`
          : `not announced, as ${whyNotAnnounced(addresses)}`,
        `${count(found.length, "other node")} found`,
      ].join("; "),
    ],
  ];
}

/** Peers that are reached through relays, and the number of those that are not shown. */
function relayedRows({ relayed }: StatusAnswer): [string, string][] {
  const rest = relayed.length - MAX_RELAYED_ROWS;
  return [
    ...relayed.slice(0, MAX_RELAYED_ROWS).map((
      { id, name, boundName, via, viaName, hops },
    ): [string, string] => [
      "relayed",
      `${peerLabel(id, name, boundName)} via ${peerLabel(via, viaName)}${
        hops > 2 ? `, through ${hops - 1} relays` : ""
      }`,
    ]),
    ...(rest > 0
      ? [["relayed", `${rest} more, see verack links`] as [string, string]]
      : []),
  ];
}

/** Whether others can dial the node, and which peers say so. */
function reachWords({ reach }: StatusAnswer): string {
  const { listening, peers, reachable, since } = reach;
  if (!listening) return "it dials others, and none can dial it";
  const say = (reached: boolean) =>
    peers.filter((it) => it.reached === reached)
      .map(({ id, name, boundName }) => peerLabel(id, name, boundName))
      .join(", ");
  if (reachable === undefined) {
    const [yes, no] = [say(true), say(false)];
    return peers.length === 0
      ? "not known yet whether others can dial it: no peer could try"
      : `not known whether others can dial it: reached by ${
        yes || "none"
      }, not by ${no || "none"}`;
  }
  const by = say(reachable);
  const at = since === undefined ? "" : ` since ${utcMinute(since)}`;
  return reachable
    ? `others can dial it${at}${by === "" ? "" : `, such as ${by}`}`
    : `others cannot dial it${at}${by === "" ? "" : `: not ${by}`}`;
}

function relayWords({ relay }: StatusAnswer): string {
  if (relay === undefined) return "no other members";
  const { pairs, maxPairs, bytesPerSecond, maxBytesPerSecond } = relay;
  const bound = maxBytesPerSecond === undefined
    ? ""
    : ` of at most ${maxBytesPerSecond}`;
  return `${
    count(pairs, "pair")
  } of other members, at most ${maxPairs}; ${bytesPerSecond}${bound} bytes/s`;
}

function forwardRows(
  { forwarding, allowed = [] }: StatusAnswer,
): [string, string][] {
  if (forwarding === undefined) return [];
  const { connect, listen, connections, listeners } = forwarding;
  const use = allowed.find((it) => it.use === "forward");
  const shown = (rules: readonly string[]) => {
    const text = escapeText(rules.join(", "), { max: 512 });
    const open = rules.filter((rule) => use?.of.includes(rule));
    if (use === undefined || open.length === 0) return text;
    const peers = peersText(use);
    return open.length === rules.length
      ? `${text}, for ${peers}`
      : `${text}; without an id, for ${peers}`;
  };
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

function useRows({ allowed = [] }: StatusAnswer): [string, string][] {
  return allowed.filter(({ use }) => use !== "forward").map((allowed) => {
    const { use, of } = allowed;
    const what = escapeText(of.join(", "), { max: 512 });
    const words = use === "request"
      ? `to request ${what}`
      : use === "file"
      ? `to send files into ${what}`
      : `to start the program by messages${
        of.length === 0 ? "" : ` of topic ${what}`
      }`;
    return ["allowed", `${words}, for ${peersText(allowed)}`];
  });
}

function peersText({ from }: AllowedUse): string {
  if (from === "all") return "every peer";
  if (from === "local") return "peers on this machine";
  const short = from.map((it) => isPeerId(it) ? shortId(it) : it);
  return escapeText(short.join(", "), { max: 512 });
}

/** The admission mode, in the words of the documents. */
function admissionWords({ admission, secret }: StatusAnswer): string {
  const mode = admission === "closed" ? "closed to strangers" : "open to all";
  return `${mode}${secret ? ", with a secret" : ""}`;
}

/** Pairs without any session that no row of the health shows, as pairs with a stranger. */
function missingRows(status: StatusAnswer): [string, string][] {
  const { health, mesh } = status;
  const facts = health.filter(({ code }) => code === "unreachable-pair");
  return mesh.missing.flatMap((pair): [string, string][] => {
    const words = missingWords(pair, shortId);
    if (facts.some(({ message }) => message.startsWith(words))) return [];
    return [["missing", words + whyMissing(pair, status)]];
  });
}

/** In one word if all is well. */
function healthWords({ health }: StatusAnswer): string {
  const failing = health.filter(({ severity }) => severity === "failing");
  const warnings = health.length - failing.length;
  const counted = [
    ...(failing.length > 0 ? [`${failing.length} failing`] : []),
    ...(warnings > 0 ? [count(warnings, "warning")] : []),
  ];
  return counted.length === 0 ? "good" : counted.join(", ");
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
