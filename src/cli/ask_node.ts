/** Asking a running node on behalf of a person. */
import type {
  ControlClient,
  ControlRequest,
} from "../control/control_client.ts";
import { UsageError } from "./flags.ts";

/**
 * Asks a node, and returns its answer.
 *
 * @throws {UsageError} when it finds what the person wrote to be wrong.
 * @throws {VerackError} as `ControlClient.ask`.
 */
export async function askNode(
  client: ControlClient,
  request: ControlRequest,
): Promise<Record<string, unknown>> {
  try {
    return await client.ask(request);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
