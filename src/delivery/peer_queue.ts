/** What waits for each peer. */
import type { PeerId } from "../identity/identity.ts";
import { MAX_IDLE_STREAMS } from "./delivery_limits.ts";
import { type OutgoingMessage, SendStream } from "./outgoing_message.ts";
import type { Sender } from "./sender.ts";

/** Messages to one peer: a stream for each topic, and the sender of its session. */
export class PeerQueue {
  readonly to: PeerId;
  readonly streams = new Map<string, SendStream>();
  sender: Sender | undefined;
  /** Unacknowledged messages, and their bytes. */
  count = 0;
  bytes = 0;
  /** Those that have no other receiver. */
  alone = 0;
  /** Whether the peer had standing when it was checked last. */
  hasStanding: boolean;
  #pruneAt = MAX_IDLE_STREAMS;

  constructor(to: PeerId, hasStanding: boolean) {
    this.to = to;
    this.hasStanding = hasStanding;
  }

  /** The stream of a topic, which is made if there is none. */
  stream(topic: string): SendStream {
    let stream = this.streams.get(topic);
    if (stream === undefined) {
      this.#prune();
      stream = new SendStream(topic);
      this.streams.set(topic, stream);
    }
    return stream;
  }

  /** Drops topics without messages, once there are many. */
  #prune(): void {
    if (this.streams.size < this.#pruneAt) return;
    for (const stream of this.streams.values()) {
      if (stream.isEmpty && stream.place === "idle") {
        this.streams.delete(stream.topic);
      }
    }
    this.#pruneAt = Math.max(MAX_IDLE_STREAMS, 2 * this.streams.size);
  }

  /** Unacknowledged messages that may be sent, in order for each topic. */
  *[Symbol.iterator](): IterableIterator<OutgoingMessage> {
    for (const stream of this.streams.values()) yield* stream;
  }
}

/** The queues of one node. */
export class PeerQueues extends Map<PeerId, PeerQueue> {
  /** Whether a message waits that has this peer as its only receiver. */
  isAwaited(to: PeerId): boolean {
    return (this.get(to)?.alone ?? 0) > 0;
  }
}
