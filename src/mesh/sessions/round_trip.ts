/** Measuring how far away a peer is. */
import type { PeerId } from "../../identity/identity.ts";
import { PROBE_TIMEOUT_MS } from "../../limits.ts";
import type { MeshContext } from "../context.ts";

/** See `Node.roundTrip`. */
export async function roundTrip(
  { table }: MeshContext,
  peer: PeerId,
): Promise<number | undefined> {
  const session = table.get(peer)?.primary?.session;
  const answered = await session?.probe(PROBE_TIMEOUT_MS) ?? false;
  return answered ? session?.rttMs : undefined;
}
