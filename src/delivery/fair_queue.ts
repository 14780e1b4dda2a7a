/**
 * Which stream delivers next: peers with standing come first, senders take turns, and
 * so do the topics of each sender. More topics give a sender no more turns.
 */
import { Ring } from "../core/ring.ts";
import type { MessageFilter } from "./consumer.ts";
import { MAX_EMPTY_LISTS, STANDING_TURNS } from "./delivery_limits.ts";
import type { PeerInbox, ReceiveStream } from "./incoming_message.ts";

/** Streams that have a message to deliver. */
export class FairQueue {
  readonly #standing = new Group();
  readonly #others = new Group();
  /** Turns of peers with standing since the last one of the others. */
  #run = 0;

  /** Adds a stream that is not queued. */
  add(stream: ReceiveStream): void {
    this.#groupOf(stream.peer).add(stream);
  }

  /** Removes and returns the stream whose turn it is. */
  next(filter: MessageFilter): ReceiveStream | undefined {
    const isTheirs = this.#run < STANDING_TURNS;
    const [standing, others] = [this.#standing, this.#others];
    return this.#nextOf(isTheirs ? standing : others, filter) ??
      this.#nextOf(isTheirs ? others : standing, filter);
  }

  #nextOf(group: Group, filter: MessageFilter): ReceiveStream | undefined {
    const stream = group.next(filter);
    if (stream === undefined) return undefined;
    group.remove(stream);
    const othersWait = this.#others.peers.first !== undefined;
    this.#run = group === this.#standing && othersWait ? this.#run + 1 : 0;
    return stream;
  }

  /** Removes the streams of a peer that have become empty. */
  prune(peer: PeerInbox): void {
    for (const stream of [...peer.ready]) {
      if (stream.isEmpty) this.#groupOf(peer).remove(stream);
    }
  }

  /** Moves peers that have gained or lost standing while they were queued. */
  refresh(): void {
    for (const group of [this.#standing, this.#others]) {
      for (const peer of [...group.peers]) {
        if (this.#wanted(peer) === group) continue;
        const streams = [...peer.ready];
        for (const stream of streams) group.remove(stream);
        for (const stream of streams) this.add(stream);
      }
    }
  }

  /** The group of a peer's queued streams. */
  #groupOf(peer: PeerInbox): Group {
    const { ring } = peer.turn;
    if (ring === undefined) return this.#wanted(peer);
    return ring === this.#standing.peers ? this.#standing : this.#others;
  }

  #wanted({ hasStanding }: PeerInbox): Group {
    return hasStanding ? this.#standing : this.#others;
  }
}

/** Queued streams of peers that take turns with each other. */
class Group {
  /** Peers with a queued stream. */
  readonly peers = new Ring<PeerInbox>();
  readonly #topics = new Map<string, Ring<ReceiveStream>>();

  add(stream: ReceiveStream): void {
    const { peer, topic } = stream;
    let streams = this.#topics.get(topic);
    if (streams === undefined) {
      streams = new Ring();
      this.#topics.set(topic, streams);
    }
    streams.push(stream.topicTurn);
    peer.ready.push(stream.turn);
    if (peer.turn.ring === undefined) this.peers.push(peer.turn);
  }

  next(filter: MessageFilter): ReceiveStream | undefined {
    const { topic, exceptTopic, from } = filter;
    if (topic !== undefined) {
      const streams = this.#topics.get(topic);
      for (const stream of streams ?? []) {
        if (from?.(stream.peer.from) !== false) return stream;
      }
      return undefined;
    }
    // Without the ring's iterator, which would be most of the work.
    for (let peer = this.peers.first; peer !== undefined; peer = peer.next) {
      const { ready, from: sender } = peer.value;
      if (from?.(sender) === false) continue;
      // A peer has one stream of each topic, so that the second one will do.
      const turn = ready.first?.value.topic === exceptTopic
        ? ready.first?.next
        : ready.first;
      if (turn !== undefined) return turn.value;
    }
    return undefined;
  }

  /** Removes a stream, and moves its peer to the end. */
  remove(stream: ReceiveStream): void {
    const { peer, topic, topicTurn, turn } = stream;
    const streams = topicTurn.ring;
    streams?.remove(topicTurn);
    if (
      streams?.first === undefined && this.#topics.size > MAX_EMPTY_LISTS
    ) this.#topics.delete(topic);
    peer.ready.remove(turn);
    this.peers.remove(peer.turn);
    if (peer.ready.first !== undefined) this.peers.push(peer.turn);
  }
}
