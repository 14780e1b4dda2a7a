/** Which sender gives way when what a node keeps of all senders is too much. */
import type { PeerId } from "../identity/identity.ts";

/**
 * The sender that gives way: one without standing before all that have it, and among
 * those the one that has most; of several with as much, the first.
 *
 * @param amounts What each has.
 */
export function firstToGiveWay(
  amounts: Iterable<readonly [PeerId, number]>,
  hasStanding: (peer: PeerId) => boolean,
): PeerId | undefined {
  let found: PeerId | undefined;
  let most = -1;
  let foundHasStanding = true;
  for (const [sender, amount] of amounts) {
    if (!foundHasStanding && amount <= most) continue;
    const has = hasStanding(sender);
    if (has && (!foundHasStanding || amount <= most)) continue;
    found = sender;
    most = amount;
    foundHasStanding = has;
  }
  return found;
}
