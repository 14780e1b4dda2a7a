/** `verack tail`: watches what a running node takes in, without taking it away. */
import { systemClock } from "../core/clock.ts";
import { withNode } from "./ask_node.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { EventPrinter } from "./event_printer.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { KnownPeers } from "./known_peers.ts";
import { type Command, command, type Invocation } from "./command.ts";
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
export const tailCommand: Command = command(
  {
    description: [
      "Messages show when the node's application has acked them. Watching " +
      "acknowledges nothing, and misses what was taken before it began. Where " +
      "events are missed since, because what reads them is too slow, their number " +
      "is shown. It ends when the node does, with exit code 1 if that was no " +
      "orderly stop.",
    ],
    flags: FLAGS,
    examples: [
      ["verack tail --data data/alice --topic news", "News, as they come"],
      ["verack tail --data data/alice --all", "Also who comes and goes"],
    ],
  },
  async (
    { flags, terminal, outputLost }: Invocation<typeof FLAGS>,
  ): Promise<ExitCode> => {
    const { data, topic, all, json } = flags;
    const { stdout, out } = terminal;
    using signals = new SignalWatch();
    const ends = AbortSignal.any([signals.signal, outputLost]);
    const say = (text: string) => terminal.stderr.line(`verack tail: ${text}`);
    await withNode(data, async (node) => {
      const query = {
        ...(!all && { type: "message" }),
        ...(topic !== undefined && { topic }),
      };
      const events = node.follow(query, {
        signal: ends,
        onTrouble: ({ message }) => say(`${message}; trying again`),
      });
      const known = await KnownPeers.of(node, all);
      using printer = new EventPrinter({
        output: stdout,
        json,
        colors: out,
        clock: systemClock,
        hasStanding: (id) => known.hasStanding(id),
      });
      for await (const { time, ...event } of events) {
        if (event.type === "stopped") say("the node has stopped");
        if (event.type === "stopped" && !all) break;
        printer.print(event, { time: new Date(time) });
        // A slow reader holds up the node's journal, which counts what it loses.
        await stdout.ready(ends);
      }
    });
    return signals.code ?? EXIT.success;
  },
);
