/** `verack tail`: watches what a running node takes in, without taking it away. */
import { ControlClient } from "../control/control_client.ts";
import { jsonLine } from "../escape.ts";
import { defineCommand } from "./args.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { eventLine, type PrintedEvent } from "./event_lines.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Invocation, type Program, program } from "./program.ts";
import { SignalWatch } from "./signals.ts";
import { COLOR_FLAG } from "./terminal.ts";

const FLAGS = {
  data: DATA_FLAG,
  topic: {
    type: "string",
    short: "t",
    value: "TOPIC",
    help: "Messages of this topic only",
  },
  all: {
    type: "boolean",
    help: "Everything that happens, not only messages",
  },
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

/** Watches a node. */
export const tailProgram: Program = program(
  defineCommand({
    name: "tail",
    summary: "Watch the messages that a running node takes",
    description: [
      "Messages show when the node's own program has taken them. Watching " +
      "acknowledges nothing, and misses what was taken before it began.",
    ],
    flags: FLAGS,
    examples: [
      ["verack tail --data data/alice --topic news", "News, as they come"],
      ["verack tail --data data/alice --all", "Also who comes and goes"],
    ],
  }),
  async (
    { flags, terminal, outputLost }: Invocation<typeof FLAGS>,
  ): Promise<ExitCode> => {
    const { data, topic, all, json } = flags;
    const { stdout, out } = terminal;
    using signals = new SignalWatch();
    using client = await ControlClient.find(data);
    const ends = AbortSignal.any([signals.signal, outputLost]);
    const events = client.events({
      ...(!all && { type: "message" }),
      ...(topic !== undefined && { topic }),
    }, ends);
    for await (const { time, ...event } of events) {
      // A node of this program, behind a directory of ours: its events are known.
      const known = event as unknown as PrintedEvent;
      stdout.line(
        json
          ? jsonLine({ time, ...event })
          : eventLine(known, new Date(String(time)), out),
      );
    }
    return signals.code ?? EXIT.success;
  },
);
