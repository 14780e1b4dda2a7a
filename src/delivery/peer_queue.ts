/** What a node has to send to one peer: a stream for each topic, and who sends them. */
import { MAX_IDLE_STREAMS } from "../delivery_limits.ts";
import type { PeerId } from "../identity/identity.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import type { SendStream } from "./send_stream.ts";
import type { Sender } from "./sender.ts";

/** What waits for one peer. */
export class PeerQueue {
  readonly to: PeerId;
  readonly streams = new Map<string, SendStream>();
  sender: Sender | undefined;
  /** Messages not acknowledged, and the bytes of them. */
  count = 0;
  bytes = 0;
  /** Those of them that are for this peer alone. */
  alone = 0;
  /** Whether the peer has standing, as of the last time it was asked. */
  hasStanding: boolean;
  #pruneAt = MAX_IDLE_STREAMS;

  constructor(to: PeerId, hasStanding: boolean) {
    this.to = to;
    this.hasStanding = hasStanding;
  }

  /** Lets go of topics that nothing waits under, once there are many. */
  prune(): void {
    if (this.streams.size < this.#pruneAt) return;
    for (const stream of this.streams.values()) {
      if (stream.isEmpty && stream.place === "idle") {
        this.streams.delete(stream.topic);
      }
    }
    this.#pruneAt = Math.max(MAX_IDLE_STREAMS, 2 * this.streams.size);
  }

  /** Everything not acknowledged; in order for each topic. */
  *[Symbol.iterator](): IterableIterator<OutgoingMessage> {
    for (const stream of this.streams.values()) yield* stream;
  }
}
