/** `verack stop`: stops a running node, and waits until it has left. */
import type { ControlClient } from "../control/control_client.ts";
import { sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { isInUse } from "../store/lock_file.ts";
import { answerCommand } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import type { Command } from "./command.ts";

/** Leaving takes a second at the most where peers do not read; then it hangs. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

/** Stops a node. */
export const stopCommand: Command = answerCommand({
  description: [
    "It sends bye to all peers, as after Ctrl-C, and ends with exit code 0. " +
    "Its directory is free when this command returns; with --url, it does not " +
    "answer any more then.",
  ],
  flags: CLIENT_FLAGS,
  examples: [["verack stop --data data/alice", "alice leaves"]],
  ask: (flags) =>
    withNode(flags, async (node) => {
      const { id } = await node.status();
      await node.stop();
      const place = node.directory ?? flags.url ?? "";
      const end = systemClock.monotonic() + PATIENCE_MS;
      while (await isRunning(node)) {
        if (systemClock.monotonic() > end) {
          throw new VerackError(
            "timeout",
            `Cannot stop the node in "${
              escapeText(place)
            }": it is still running after ${PATIENCE_MS} ms`,
          );
        }
        await sleep(systemClock, POLL_MS);
      }
      return { id, stopped: true };
    }),
  lines: ({ id }) => [`stopped  ${id}`],
});

async function isRunning(node: ControlClient): Promise<boolean> {
  if (node.directory !== undefined) return isInUse(node.directory);
  try {
    await node.status();
    return true;
  } catch (error) {
    const ended = error instanceof VerackError &&
      ["connection-refused", "closed"].includes(error.code);
    if (ended) return false;
    throw error;
  }
}
