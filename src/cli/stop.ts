/** `verack stop`: stops a running node, and waits until it has left. */
import { sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { isInUse } from "../store/lock_file.ts";
import { answerCommand, DATA_FLAG, withNode } from "./answer_command.ts";
import type { Command } from "./command.ts";

/** Leaving takes a second at the most where peers do not read; then it hangs. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

/** Stops a node. */
export const stopCommand: Command = answerCommand({
  description: [
    "It sends bye to all peers, as after Ctrl-C, and ends with exit code 0. " +
    "Its directory is free when this command returns.",
  ],
  flags: { data: DATA_FLAG },
  examples: [["verack stop --data data/alice", "alice leaves"]],
  async ask({ data }) {
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
    return { id, stopped: true };
  },
  lines: ({ id }) => [`stopped  ${id}`],
});
