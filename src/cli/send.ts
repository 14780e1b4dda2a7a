/** `verack send` and `broadcast`: messages to one peer or to all, through a running node. */
import type { BroadcastAnswer } from "../control/answers.ts";
import { escapeText } from "../core/escape.ts";
import type { PeerId } from "../core/peer_id.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { answerCommand } from "./answer_command.ts";
import { withNode } from "./client_flags.ts";
import type { Command } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  MESSAGE_FLAGS,
  messageBytes,
  sendOptions,
  TEXT_HELP,
} from "./message_text.ts";

/** Sends to one. */
export const sendCommand: Command = answerCommand({
  description: [
    "Prints delivered once the peer's application has acked it. Else it is kept, " +
    "by a node with --data across restarts, and sent when the peer is back; " +
    "the exit code is 0 then too. It does not wait for a peer that is away.",
    "A name means the first peer that used it and proved its key to the node. If " +
    "another uses it too it is refused, unless that one has no standing and the " +
    "first has: give the id, or bind the name by `verack " +
    "allow ID --name NAME`.",
  ],
  positionals: [
    {
      name: "NAME",
      help: "A name, an id, or its first 8 digits or more",
      completes: "peer",
    },
    { name: "TEXT", text: true, help: TEXT_HELP },
  ],
  flags: MESSAGE_FLAGS,
  examples: [
    ["verack send bob 'hello' --data data/alice", "alice sends hello to bob"],
    [
      "verack send bob - --topic logs --data data/alice < out.log",
      "A file, up to 4 MB",
    ],
  ],
  ask: (flags, [to = "", text = ""]) =>
    withNode(
      flags,
      async (node) =>
        await node.send(to, await messageBytes(text), sendOptions(flags)),
    ),
  lines(answer, { green, yellow }) {
    const receiver = peerLabel(answer.to, answer.name, answer.boundName);
    if (answer.delivered) return [`${green("delivered")}  ${receiver}`];
    const away = answer.connected ? "" : ", which is away";
    return [`${yellow("kept     ")}  ${receiver}${away}`];
  },
});

/** The exit code: peers without standing make the command fail only if no peer gets the message. */
export function broadcastExit(
  { delivered, waiting, failed }: Pick<
    BroadcastAnswer,
    "delivered" | "waiting" | "failed"
  >,
): ExitCode {
  const isLost = failed.some(({ standing }) => standing) ||
    (failed.length > 0 && delivered.length + waiting.length === 0);
  return isLost ? EXIT.failure : EXIT.success;
}

/** Sends to all. */
export const broadcastCommand: Command = answerCommand({
  description: [
    "To every peer that has proven its key to this node, also those that are away: " +
    "for them it is kept. The exit code is 1 if a peer with standing will not get " +
    "it, or if no peer will.",
  ],
  positionals: [{ name: "TEXT", text: true, help: TEXT_HELP }],
  flags: MESSAGE_FLAGS,
  examples: [
    ["verack broadcast 'lunch' --data data/alice", "alice sends to all peers"],
  ],
  ask: (flags, [text = ""]) =>
    withNode(
      flags,
      async (node) =>
        await node.broadcast(await messageBytes(text), sendOptions(flags)),
    ),
  lines({ delivered, waiting, failed, names, boundNames }, colors) {
    const receiver = (id: PeerId) => peerLabel(id, names[id], boundNames[id]);
    const { green, yellow, red } = colors;
    return [
      ...delivered.map((id) => `${green("delivered")}  ${receiver(id)}`),
      ...waiting.map((id) => `${yellow("kept     ")}  ${receiver(id)}`),
      ...failed.map(({ id, reason }) =>
        `${red("failed   ")}  ${receiver(id)}: ${
          escapeText(reason, { max: 512 })
        }`
      ),
    ];
  },
  remark: ({ delivered, waiting, failed }) =>
    delivered.length + waiting.length + failed.length === 0 &&
    "Nobody is known yet.",
  exit: broadcastExit,
});
