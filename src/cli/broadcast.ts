/** `verack broadcast`: a message to all peers, through a running node. */
import { escapeText, jsonLine } from "../core/escape.ts";
import type { PeerId } from "../identity/identity.ts";
import { peerLabel } from "../identity/peer_name.ts";
import type { BroadcastAnswer } from "../control/answers.ts";
import { withNode } from "./ask_node.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  MESSAGE_FLAGS,
  messageBytes,
  sendOptions,
  TEXT_HELP,
} from "./message_text.ts";
import { type Command, command, type Invocation } from "./command.ts";

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
