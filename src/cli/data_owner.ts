/**
 * Who answers for a data directory: the directory itself, which is locked
 * meanwhile, as long as no node uses it, else that node.
 */
import { ControlClient } from "../control/control_client.ts";
import { VerackError } from "../core/errors.ts";
import { type OpenedStore, openStore } from "../store/data_directory.ts";

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
    if (!(error instanceof VerackError && error.code === "data-in-use")) {
      throw error;
    }
    using client = await ControlClient.find(directory);
    return await live(client);
  }
  using _closed = opened;
  return await stored(opened);
}
