/** `verack invite`: lets one guest into a closed mesh. */
import { ControlClient } from "../control/control_client.ts";
import { escapeText, jsonLine } from "../escape.ts";
import { formatAddress, parseAddress } from "../transport/address.ts";
import { defineCommand } from "./args.ts";
import { askNode } from "./ask_node.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Invocation, type Program, program } from "./program.ts";
import { COLOR_FLAG } from "./terminal.ts";

const FLAGS = {
  data: DATA_FLAG,
  ttl: {
    type: "seconds",
    value: "S",
    min: 1,
    max: 30 * 86_400,
    default: 86_400,
    help: "How long it can be used",
  },
  address: {
    type: "string",
    value: "HOST:PORT",
    parse: (text: string) => formatAddress(parseAddress(text)),
    help: "Where the guest reaches this node, if not where it listens",
  },
  json: { type: "boolean", help: "Print one JSON object instead of text" },
  color: COLOR_FLAG,
} as const;

/** Makes an invite. */
export const inviteProgram: Program = program(
  defineCommand({
    name: "invite",
    summary: "Make an invite for one guest, at a running node",
    description: [
      "One line for verack run --join. Whoever has it first is the guest, and " +
      "nobody after: give it only to the one who is meant.",
    ],
    flags: FLAGS,
    examples: [[
      "verack invite --data data/alice --address alice.example:8080",
      "A line that lets one guest in within a day",
    ]],
  }),
  async ({ flags, terminal }: Invocation<typeof FLAGS>): Promise<ExitCode> => {
    const { data, ttl, address } = flags;
    using client = await ControlClient.find(data);
    const answer = await askNode(client, {
      method: "POST",
      path: "/v1/invites",
      body: {
        ttlMs: ttl * 1_000,
        ...(address !== undefined && { address }),
      },
    });
    terminal.stdout.line(
      flags.json
        ? jsonLine(answer)
        : escapeText(String(answer.invite), { max: 1_024 }),
    );
    return EXIT.success;
  },
);
