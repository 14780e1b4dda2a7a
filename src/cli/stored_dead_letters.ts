/** Dead letters for commands, of a running node or of a data directory without one. */
// deno-lint-ignore-file require-await -- the methods of a running node are async
import type { ControlClient } from "../control/control_client.ts";
import { deadLetterRow, wholeDeadLetter } from "../control/answers.ts";
import { DeadLetterBox } from "../delivery/dead_letters.ts";
import { VerackError } from "../core/errors.ts";
import { parsePeerId, type PeerId } from "../identity/identity.ts";
import { Records } from "../store/records.ts";
import type { OpenedStore } from "../store/data_directory.ts";
import { withDataOwner } from "./data_owner.ts";
import { UsageError } from "./flags.ts";

/** What can be done about dead letters, whether the node runs or not. */
export type DeadLetterCommands = Pick<
  ControlClient,
  "deadLetters" | "deadLetter" | "retry" | "discard"
>;

/**
 * Runs `use` on the dead letters of a data directory, whether its node runs or not.
 *
 * @throws {VerackError} as `openStore`, or for a running node as `ControlClient`.
 */
export async function withDeadLetters<T>(
  directory: string,
  use: (commands: DeadLetterCommands) => Promise<T>,
): Promise<T> {
  return await withDataOwner(
    directory,
    (opened) => use(storedCommands(opened)),
    use,
  );
}

function storedCommands({ store }: OpenedStore): DeadLetterCommands {
  const target = {
    retry: () => {
      throw new VerackError(
        "stopped",
        "Cannot retry message: no node runs on this data directory, must be started first",
      );
    },
    withdraw: () => {},
  };
  // No message is added, so that none has to give way.
  const box = new DeadLetterBox({
    store: store.messages,
    hasStanding: () => true,
    onDeadLetter: () => {},
  }, target);
  const peers = new Map(
    new Records(store).peers().map((peer) => [peer.id, peer]),
  );
  return {
    deadLetters: async () =>
      box.list().map((it) => deadLetterRow(it, peers.get(it.from))),
    deadLetter: async (id, from) => {
      const message = box.get(id, sender(from));
      return wholeDeadLetter(message, peers.get(message.from));
    },
    retry: async (id, from) => box.retry(id, sender(from)),
    discard: async (id, from) => box.discard(id, sender(from)),
  };
}

function sender(text: string | undefined): PeerId | undefined {
  try {
    return text === undefined ? undefined : parsePeerId(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UsageError(error.message);
    throw error;
  }
}
