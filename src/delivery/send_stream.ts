/**
 * The messages to one peer under one topic: they leave one after another, in the
 * order in which they were given. What leaves when is decided in `sender.ts`.
 */
import type { OutgoingMessage } from "./outgoing_message.ts";

/** From how many entries on the array is made short again. */
const COMPACT_AT = 1_024;

/** One stream of messages. */
export class SendStream {
  readonly topic: string;
  /** Everything not acknowledged, oldest first; some in between may be done. */
  #queue: OutgoingMessage[] = [];
  #head = 0;
  #next = 0;
  /** What waits at the receiver unacknowledged, as it counts there. */
  inFlight = 0;
  /** How many messages that is, begun and not settled. */
  unsettled = 0;
  /** Where the sender keeps it now. */
  place: "idle" | "ready" | "blocked" = "idle";

  constructor(topic: string) {
    this.topic = topic;
  }

  /** Whether nothing is left of it. */
  get isEmpty(): boolean {
    return this.#head === this.#queue.length;
  }

  push(outgoing: OutgoingMessage): void {
    outgoing.stream = this;
    this.#queue.push(outgoing);
  }

  /** The message to send, or to send more of. */
  next(): OutgoingMessage | undefined {
    let outgoing = this.#queue[this.#next];
    // One that has begun is finished, so that the receiver is not left waiting.
    while (outgoing?.done && outgoing.credit === 0) {
      outgoing = this.#queue[++this.#next];
    }
    return outgoing;
  }

  /** All of the message that {@linkcode next} gave is sent. */
  advance(): void {
    this.#next++;
  }

  /** Some of it is done: lets go of what is done at its beginning. */
  settle(): void {
    for (
      let oldest = this.#queue[this.#head];
      oldest?.done && (this.#head < this.#next || oldest.credit === 0);
      oldest = this.#queue[this.#head]
    ) {
      this.#head++;
      this.#next = Math.max(this.#next, this.#head);
    }
    if (this.#head === this.#queue.length) {
      this.#queue.length = this.#head = this.#next = 0;
    } else if (
      this.#head >= COMPACT_AT && 2 * this.#head >= this.#queue.length
    ) {
      this.#queue.splice(0, this.#head);
      this.#next -= this.#head;
      this.#head = 0;
    }
  }

  /** Lets go of everything that is done and not about to be sent. */
  sweep(): void {
    let next = 0;
    const kept: OutgoingMessage[] = [];
    for (let at = this.#head; at < this.#queue.length; at++) {
      const outgoing = this.#queue[at]!;
      const sending = at === this.#next && outgoing.credit > 0;
      if (outgoing.done && !sending) continue;
      if (at < this.#next) next++;
      kept.push(outgoing);
    }
    this.#queue = kept;
    this.#head = 0;
    this.#next = next;
  }

  /** The session is gone: everything is to be sent again. */
  rewind(): void {
    for (let at = this.#head; at < this.#queue.length; at++) {
      this.#queue[at]!.rewind();
    }
    this.#next = this.#head;
    this.inFlight = this.unsettled = 0;
    this.place = "idle";
    this.sweep();
  }

  /** Everything not done, oldest first. */
  *[Symbol.iterator](): IterableIterator<OutgoingMessage> {
    for (let at = this.#head; at < this.#queue.length; at++) {
      const outgoing = this.#queue[at]!;
      if (!outgoing.done) yield outgoing;
    }
  }
}
