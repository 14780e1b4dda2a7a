/** Waiting until a node has done with what a peer said. */
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import type { RawConnection } from "./raw_connection.ts";
import { until } from "./until.ts";

const QUESTION = encodeGetPeers({ digest: "00".repeat(32), fingerprints: [] });

/**
 * Resolves when the node has worked off all gossip that was sent so far: a request
 * for peers, of which 16 are granted at once, is answered after it.
 */
export async function handled(peer: RawConnection): Promise<void> {
  const before = peer.count(COMMAND.peerids);
  await peer.say(COMMAND.getpeers, QUESTION);
  await until(
    "gossip to be worked off",
    () => peer.count(COMMAND.peerids) > before,
    30_000,
  );
}
