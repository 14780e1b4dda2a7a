/** `verack send` and `broadcast`: messages to one peer or to all, through a running node. */
import type { BroadcastAnswer } from "../control/answers.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import type { PeerId } from "../identity/identity.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { withNode } from "./ask_node.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  MESSAGE_FLAGS,
  messageBytes,
  sendOptions,
  TEXT_HELP,
} from "./message_text.ts";

/** Sends to one. */
export const sendCommand: Command = command(
  {
    description: [
      "Says delivered once the peer's application has acked it. Else it is kept, " +
      "by a node with --data across restarts, and sent when the peer is back; " +
      "the exit code is 0 then too. For a peer that is away nothing is waited.",
      "A name means the first peer that had it and proved its key to the node. If " +
      "another has it too it is refused, unless that one is a stranger and the " +
      "first is not: give the id, or say whose the name is by `verack " +
      "allow ID --name NAME`.",
    ],
    positionals: [
      {
        name: "NAME",
        help: "A name, an id, or its first 8 digits or more",
      },
      { name: "TEXT", help: TEXT_HELP },
    ],
    flags: MESSAGE_FLAGS,
    examples: [
      ["verack send bob 'hello' --data data/alice", "alice says hello to bob"],
      [
        "verack send bob - --topic logs --data data/alice < out.log",
        "A file, up to 4 MB",
      ],
    ],
  },
  async (
    { flags, positionals, terminal }: Invocation<typeof MESSAGE_FLAGS>,
  ): Promise<ExitCode> => {
    const [to = "", text = ""] = positionals;
    const answer = await withNode(
      flags.data,
      async (node) =>
        await node.send(to, await messageBytes(text), sendOptions(flags)),
    );
    const { stdout, out } = terminal;
    if (flags.json) {
      stdout.line(jsonLine(answer));
      return EXIT.success;
    }
    const receiver = peerLabel(answer.to, answer.name, answer.boundName);
    stdout.line(
      answer.delivered
        ? `${out.green("delivered")}  ${receiver}`
        : `${out.yellow("kept     ")}  ${receiver}${
          answer.connected ? "" : ", which is away"
        }`,
    );
    return EXIT.success;
  },
);

/** The exit code: peers without standing make the command fail only if no peer gets it. */
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
export const broadcastCommand: Command = command(
  {
    description: [
      "To every peer that this node has met, also those that are away: for them " +
      "it is kept. The exit code is 1 if a peer with standing will not get it, " +
      "or if nobody will.",
    ],
    positionals: [{ name: "TEXT", help: TEXT_HELP }],
    flags: MESSAGE_FLAGS,
    examples: [
      ["verack broadcast 'lunch' --data data/alice", "alice tells everybody"],
    ],
  },
  async (
    { flags, positionals, terminal }: Invocation<typeof MESSAGE_FLAGS>,
  ): Promise<ExitCode> => {
    const [text = ""] = positionals;
    const answer = await withNode(
      flags.data,
      async (node) =>
        await node.broadcast(await messageBytes(text), sendOptions(flags)),
    );
    const { delivered, waiting, failed, names, boundNames } = answer;
    const receiver = (id: PeerId) => peerLabel(id, names[id], boundNames[id]);
    const { stdout, out } = terminal;
    const code = broadcastExit(answer);
    if (flags.json) {
      stdout.line(jsonLine(answer));
      return code;
    }
    for (const id of delivered) {
      stdout.line(`${out.green("delivered")}  ${receiver(id)}`);
    }
    for (const id of waiting) {
      stdout.line(`${out.yellow("kept     ")}  ${receiver(id)}`);
    }
    for (const { id, reason } of failed) {
      stdout.line(
        `${out.red("failed   ")}  ${receiver(id)}: ${
          escapeText(reason, { max: 512 })
        }`,
      );
    }
    if (delivered.length + waiting.length + failed.length === 0) {
      terminal.stderr.line("Nobody is known yet.");
    }
    return code;
  },
);
