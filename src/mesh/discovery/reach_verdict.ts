/**
 * Whether others can dial a node, from the votes of peers that have tried: pure. A peer may lie,
 * so one vote never outweighs another, and votes of peers without standing, which cost nothing,
 * count once for each source, and not at all where peers with standing suffice.
 */
import type { PeerId } from "../../core/peer_id.ts";

/** What one peer has found when it dialed the node's addresses. */
export interface ReachVote {
  readonly id: PeerId;
  /** Its source for fair shares. */
  readonly source: string;
  readonly hasStanding: boolean;
  /** Whether it reached the node at one of them. */
  readonly reached: boolean;
}

/** So many votes of peers with standing are enough by themselves. */
const ENOUGH_TRUSTED = 2;

/**
 * Whether the node is reachable; `undefined` if that is not known: on a tie, and where all votes
 * are of one source without standing.
 *
 * @param votes At most one of each peer; of one source the last counts.
 */
export function reachVerdict(votes: readonly ReachVote[]): boolean | undefined {
  const trusted = votes.filter(({ hasStanding }) => hasStanding);
  const strangers = new Map(
    votes.filter(({ hasStanding }) => !hasStanding)
      .map((vote) => [vote.source, vote]),
  );
  const counted = trusted.length >= ENOUGH_TRUSTED
    ? trusted
    : [...trusted, ...strangers.values()];
  if (trusted.length === 0 && counted.length < 2) return undefined;
  const yes = counted.filter(({ reached }) => reached).length;
  const no = counted.length - yes;
  return yes === no ? undefined : yes > no;
}
