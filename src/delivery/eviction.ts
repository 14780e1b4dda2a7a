/**
 * Chooses which message an outbox gives up to make room for one that can be sent
 * now. Only messages to absent peers are given up.
 */
import type { PeerId } from "../identity/identity.ts";
import type { OutboxLimits } from "./outbox_limits.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import type { PeerQueue } from "./peer_queue.ts";

/** What may be given up. */
export interface EvictionOptions {
  readonly limits: OutboxLimits;
  readonly isInMemory: (peer: PeerId) => boolean;
  /** Only messages to peers whose key lives in memory. */
  readonly inMemoryOnly: boolean;
  /** Only messages whose body no connected peer waits for: others give no bytes back. */
  readonly idleOnly: boolean;
  /** Messages that are not durable yet and therefore in no stream, oldest first. */
  readonly unreleased: readonly OutgoingMessage[];
}

/**
 * The oldest message of an absent peer: of one whose key lives in memory rather
 * than of others, then of one without standing, then of the one that has most waiting.
 */
export function chooseVictim(
  peers: Iterable<PeerQueue>,
  options: EvictionOptions,
): OutgoingMessage | undefined {
  const { maxMessages, maxBytes } = options.limits;
  let victim: OutgoingMessage | undefined;
  let most = -1;
  for (const peer of peers) {
    if (peer.sender !== undefined || peer.count === 0) continue;
    const inMemory = options.isInMemory(peer.to);
    if (options.inMemoryOnly && !inMemory) continue;
    const share = Math.max(peer.count / maxMessages, peer.bytes / maxBytes);
    const rank = share + (inMemory ? 4 : peer.hasStanding ? 0 : 2);
    if (rank <= most) continue;
    const oldest = oldestOf(peer, options);
    if (oldest === undefined) continue;
    victim = oldest;
    most = rank;
  }
  return victim;
}

function oldestOf(
  peer: PeerQueue,
  { idleOnly, unreleased }: EvictionOptions,
): OutgoingMessage | undefined {
  const fits = ({ to, done, content }: OutgoingMessage) =>
    to === peer.to && !done && !(idleOnly && content.connected > 0);
  let oldest: OutgoingMessage | undefined;
  for (const stream of peer.streams.values()) {
    for (const outgoing of stream) {
      if (!fits(outgoing)) continue;
      if (oldest === undefined || outgoing.since < oldest.since) {
        oldest = outgoing;
      }
      break;
    }
  }
  // What is not durable yet is younger than all that is.
  return oldest ?? unreleased.find(fits);
}
