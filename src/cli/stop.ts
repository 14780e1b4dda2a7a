/** `verack stop`: asks a running node to leave, and waits until it has. */
import { sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { isInUse } from "../store/lock_file.ts";
import { DATA_FLAG, withNode } from "./ask_node.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { COLOR_FLAG } from "./terminal.ts";

/** Leaving takes a second at the most where peers do not read; then it hangs. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

const FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object instead of text" },
  color: COLOR_FLAG,
} as const;

/** Stops a node. */
export const stopCommand: Command = command(
  {
    description: [
      "It says bye to everybody, as after Ctrl-C, and ends with exit code 0. " +
      "Its directory is free when this command returns.",
    ],
    flags: FLAGS,
    examples: [["verack stop --data data/alice", "alice leaves"]],
  },
  async ({ flags, terminal }: Invocation<typeof FLAGS>): Promise<ExitCode> => {
    const { data } = flags;
    const { id } = await withNode(data, async (node) => {
      const status = await node.status();
      await node.stop();
      return status;
    });
    const end = systemClock.monotonic() + PATIENCE_MS;
    while (isInUse(data)) {
      if (systemClock.monotonic() > end) {
        throw new VerackError(
          "timeout",
          `Cannot stop the node in "${
            escapeText(data)
          }": it is still running after ${PATIENCE_MS} ms`,
        );
      }
      await sleep(systemClock, POLL_MS);
    }
    terminal.stdout.line(
      flags.json ? jsonLine({ id, stopped: true }) : `stopped  ${id}`,
    );
    return EXIT.success;
  },
);
