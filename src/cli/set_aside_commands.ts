/**
 * How commands reach what was set aside, whether the node runs or not. Who answers
 * is decided in `data_owner.ts`; only a node can offer a message again.
 */
import type { ControlClient } from "../control/control_client.ts";
import {
  type DeadLetterHead,
  deadLetterHead,
  deadLetterRow,
} from "../control/dead_letter_routes.ts";
import { DeadLetterBox } from "../delivery/dead_letters.ts";
import { VerackError } from "../core/errors.ts";
import { parsePeerId, type PeerId } from "../identity/identity.ts";
import { Records } from "../store/records.ts";
import type { OpenedStore } from "../store/data_directory.ts";
import { askNode } from "./ask_node.ts";
import { withDataOwner } from "./data_owner.ts";
import { UsageError } from "./flags.ts";

/** A message in a list. */
export type SetAsideRow = DeadLetterHead & { readonly preview: string };

/** A whole message. */
export type WholeSetAside = DeadLetterHead & { readonly base64: string };

/** What can be done about messages that were set aside. */
export interface SetAsideCommands {
  readonly list: () => Promise<readonly SetAsideRow[]>;
  readonly show: (id: string, from?: string) => Promise<WholeSetAside>;
  readonly retry: (id: string, from?: string) => Promise<void>;
  readonly discard: (id: string, from?: string) => Promise<void>;
}

/**
 * Runs `use` on what was set aside in a data directory, whether its node runs or not.
 *
 * @throws {VerackError} as `openStore`, or for a running node as `ControlClient`.
 */
export async function withSetAside<T>(
  directory: string,
  use: (commands: SetAsideCommands) => Promise<T>,
): Promise<T> {
  return await withDataOwner(
    directory,
    (opened) => use(storedCommands(opened)),
    (client) => use(liveCommands(client)),
  );
}

function storedCommands({ store }: OpenedStore): SetAsideCommands {
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
  const setAside = new DeadLetterBox({
    store: store.messages,
    hasStanding: () => true,
    onDeadLetter: () => {},
  }, target);
  const peers = new Map(
    new Records(store).peers().map((peer) => [peer.identity, peer]),
  );
  return {
    // deno-lint-ignore require-await -- the other one has to wait
    list: async () =>
      setAside.list().map((it) => deadLetterRow(it, peers.get(it.from))),
    // deno-lint-ignore require-await -- the other one has to wait
    show: async (id, from) => {
      const message = setAside.get(id, sender(from));
      return {
        ...deadLetterHead(message, peers.get(message.from)),
        base64: message.body.toBase64(),
      };
    },
    // deno-lint-ignore require-await -- the other one has to wait
    retry: async (id, from) => setAside.retry(id, sender(from)),
    // deno-lint-ignore require-await -- the other one has to wait
    discard: async (id, from) => setAside.discard(id, sender(from)),
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

/** The answers are those of this program, behind a directory of ours. */
function liveCommands(client: ControlClient): SetAsideCommands {
  const fields = (id: string, from: string | undefined) => ({
    id,
    ...(from !== undefined && { from }),
  });
  const decide =
    (action: "retry" | "discard") =>
    async (id: string, from?: string): Promise<void> => {
      const path = `/v1/set-aside/${action}`;
      const body = fields(id, from);
      await askNode(client, { method: "POST", path, body });
    };
  return {
    list: async () => {
      const path = "/v1/set-aside";
      const { messages } = await client.ask({ method: "GET", path });
      return messages as SetAsideRow[];
    },
    show: async (id, from) => {
      const path = "/v1/set-aside/message";
      const query = fields(id, from);
      const answer = await askNode(client, { method: "GET", path, query });
      return answer as unknown as WholeSetAside;
    },
    retry: decide("retry"),
    discard: decide("discard"),
  };
}
