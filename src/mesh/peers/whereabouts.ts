/** Whether a peer with a relayed session may be behind the same router as this node. Pure. */

/** What is known of where such a peer is. */
export interface Whereabouts {
  /** Whether the operator of this node has configured or allowed it. */
  readonly isChosen: boolean;
  /** The IP address at which the relay sees it; absent if that has not said. */
  readonly seenAt: string | undefined;
}

/** Whether it may be; `site` says whether peers see this node at a public address. */
export function isBeside(
  { isChosen, seenAt }: Whereabouts,
  site: { isSeenAt(ip: string): boolean },
): boolean {
  return isChosen || (seenAt !== undefined && site.isSeenAt(seenAt));
}
