/** `verack broadcast`: a message to all peers, through a running node. */
import { ControlClient } from "../control/control_client.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import type { PeerId } from "../identity/identity.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { defineCommand } from "./args.ts";
import { askNode } from "./ask_node.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  MESSAGE_FLAGS,
  messageBytes,
  messageQuery,
  TEXT_HELP,
} from "./message_text.ts";
import { type Invocation, type Program, program } from "./program.ts";

/** The answer of the control API. */
interface Answer {
  readonly delivered: readonly PeerId[];
  readonly waiting: readonly PeerId[];
  readonly failed: readonly {
    readonly identity: PeerId;
    readonly reason: string;
  }[];
  readonly names: Readonly<Record<PeerId, string>>;
  readonly boundNames: Readonly<Record<PeerId, string>>;
}

/** Sends to all. */
export const broadcastProgram: Program = program(
  defineCommand({
    name: "broadcast",
    summary: "Send a message to everybody, through a running node",
    description: [
      "To every peer that this node has met, also those that are away: for them " +
      "it is kept. The exit code is 1 if somebody will not get it.",
    ],
    positionals: [{ name: "TEXT", help: TEXT_HELP }],
    flags: MESSAGE_FLAGS,
    examples: [
      ["verack broadcast 'lunch' --data data/alice", "alice tells everybody"],
    ],
  }),
  async (
    { flags, positionals, terminal }: Invocation<typeof MESSAGE_FLAGS>,
  ): Promise<ExitCode> => {
    const [text = ""] = positionals;
    using client = await ControlClient.find(flags.data);
    const fields = await askNode(client, {
      method: "POST",
      path: "/v1/broadcasts",
      query: messageQuery(flags),
      body: await messageBytes(text),
      ...(flags.wait !== undefined && { waitMs: flags.wait * 1_000 }),
    });
    // A node of this program, behind a directory of ours: its fields are known.
    const answer = fields as unknown as Answer;
    const { delivered, waiting, failed, names, boundNames } = answer;
    const receiver = (id: PeerId) => peerLabel(id, names[id], boundNames[id]);
    const { stdout, out } = terminal;
    const code = failed.length > 0 ? EXIT.failure : EXIT.success;
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
    for (const { identity, reason } of failed) {
      stdout.line(
        `${out.red("failed   ")}  ${receiver(identity)}: ${
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
