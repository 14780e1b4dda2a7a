/** `verack send`: a message to one peer, through a running node. */
import { jsonLine } from "../core/escape.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { withNode } from "./ask_node.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  MESSAGE_FLAGS,
  messageBytes,
  sendOptions,
  TEXT_HELP,
} from "./message_text.ts";
import { type Command, command, type Invocation } from "./command.ts";

/** Sends to one. */
export const sendCommand: Command = command(
  {
    description: [
      "Says delivered once the peer's application has acked it. Else it is kept, " +
      "by a node with --data across restarts, and sent when the peer is back; " +
      "the exit code is 0 then too. For a peer that is away nothing is waited.",
      "A name means the first peer that had it and proved its key to the node. If " +
      "another has it too it is refused, unless that one is a stranger and the " +
      "first is not: give the identity, or say whose the name is by `verack " +
      "allow ID --name NAME`.",
    ],
    positionals: [
      {
        name: "NAME",
        help: "A name, an identity, or its first 8 digits or more",
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
