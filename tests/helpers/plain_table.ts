/** A peer table without the node around it. */
import { systemClock } from "../../src/core/clock.ts";
import {
  PeerTable,
  type TableOptions,
} from "../../src/mesh/peers/peer_table.ts";

/** By default no peer has standing but those named in `friends`, and none is awaited. */
export function plainTable(
  options: Partial<TableOptions> & { friends?: ReadonlySet<string> } = {},
): PeerTable {
  const { friends = new Set() } = options;
  return new PeerTable({
    clock: systemClock,
    hasStanding: ({ id, earnedStanding }) => earnedStanding || friends.has(id),
    isAwaited: () => false,
    ...options,
  });
}
