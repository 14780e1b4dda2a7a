/**
 * Chooses what answers for a data directory: the node that runs on it, or the directory
 * itself, which is locked meanwhile.
 */
import type { ControlClient } from "../control/control_client.ts";
import { VerackError } from "../core/errors.ts";
import { type OpenedStore, openStore } from "../store/data_directory.ts";
import { withNode } from "./ask_node.ts";

/**
 * Runs `stored` on what is in a data directory, or `live` with the node that uses it.
 *
 * @throws {VerackError} as `openStore`, or for a running node as `ControlClient`.
 */
export async function withDataOwner<T>(
  directory: string,
  stored: (opened: OpenedStore) => Promise<T>,
  live: (client: ControlClient) => Promise<T>,
): Promise<T> {
  let opened: OpenedStore;
  try {
    opened = openStore(directory);
  } catch (error) {
    if (error instanceof VerackError && error.code === "data-in-use") {
      return await withNode(directory, live);
    }
    throw error;
  }
  using _closed = opened;
  return await stored(opened);
}
