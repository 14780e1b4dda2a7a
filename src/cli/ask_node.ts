/** Asks a running node on behalf of a command. */
import type { ControlClient } from "../control/control_client.ts";
import { type TextFlag, UsageError } from "./flags.ts";

/**
 * Runs `use` with a client of the node of a data directory.
 *
 * @throws {UsageError} when the node finds an argument wrong.
 * @throws {VerackError} as `ControlClient`.
 */
export async function withNode<T>(
  directory: string,
  use: (client: ControlClient) => Promise<T>,
): Promise<T> {
  // Other commands need neither the client nor its packages.
  const { ControlClient } = await import("../control/control_client.ts");
  using client = await ControlClient.find(directory);
  try {
    return await use(client);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** The flag of a command that needs one. */
export const DATA_FLAG = {
  type: "path",
  short: "d",
  value: "DIR",
  required: true,
  help: "Data directory of the node that is meant",
} as const satisfies TextFlag;
