/** What has come from one peer, by whatever session: its streams, and the ids it used. */
import type { PeerId } from "../identity/identity.ts";
import { MAX_IDLE_STREAMS } from "../delivery_limits.ts";
import { decodeTopic } from "../wire/messages/message.ts";
import { IdWindow } from "./id_window.ts";
import { ReceiveStream } from "./incoming_message.ts";
import type { Receiver } from "./receiver.ts";
import { Ring, RingEntry } from "../core/ring.ts";

/** The receiving end of one peer's messages. */
export class PeerInbox {
  readonly from: PeerId;
  readonly seen: IdWindow;
  /** Sessions with it; more than one only while one takes over from another. */
  readonly receivers = new Set<Receiver>();
  /** Ids that the store has of it. */
  untrimmed = 0;
  /** Refreshed each tick; see `mesh/peers/standing.ts`. */
  hasStanding: boolean;
  /** Its place among the peers whose streams can be taken from, and those streams. */
  readonly turn = new RingEntry<PeerInbox>(this);
  readonly ready = new Ring<ReceiveStream>();
  readonly #streams = new Map<string, ReceiveStream>();
  #pruneAt = MAX_IDLE_STREAMS;
  #last: ReceiveStream | undefined;

  constructor(from: PeerId, salt: number, hasStanding: boolean) {
    this.from = from;
    this.hasStanding = hasStanding;
    this.seen = new IdWindow(salt);
  }

  /**
   * The stream of a topic, which is most often that of the message before.
   *
   * @throws {VerackError} `malformed` when the topic is no UTF-8.
   */
  stream(topicBytes: Uint8Array): ReceiveStream {
    const last = this.#last;
    if (last !== undefined && equal(last.topicBytes, topicBytes)) return last;
    const topic = decodeTopic(topicBytes);
    let stream = this.#streams.get(topic);
    if (stream === undefined) {
      this.#prune();
      stream = new ReceiveStream(this, topic, topicBytes.slice());
      this.#streams.set(topic, stream);
    }
    return this.#last = stream;
  }

  /** Whether it has a session, or anything of it waits or is with the application. */
  get isBusy(): boolean {
    if (this.receivers.size > 0) return true;
    for (const stream of this.#streams.values()) {
      if (!stream.isEmpty) return true;
    }
    return false;
  }

  /** A session has ended. */
  drop(receiver: Receiver): void {
    this.receivers.delete(receiver);
    for (const stream of this.#streams.values()) stream.drop(receiver);
  }

  /** Lets go of topics that nothing waits under, once there are many. */
  #prune(): void {
    if (this.#streams.size < this.#pruneAt) return;
    for (const stream of this.#streams.values()) {
      if (stream.isEmpty && !stream.listed) this.#streams.delete(stream.topic);
    }
    this.#pruneAt = Math.max(MAX_IDLE_STREAMS, 2 * this.#streams.size);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
