/**
 * Whose message is handed out next: peers with standing before all others, senders
 * in turn, and the topics of one sender in turn. A sender chooses its topics, so
 * that they give it no more turns.
 */
import { MAX_EMPTY_LISTS, STANDING_TURNS } from "../delivery_limits.ts";
import type { PeerId } from "../identity/identity.ts";
import type { ReceiveStream } from "./incoming_message.ts";
import type { PeerInbox } from "./peer_inbox.ts";
import { Ring } from "../core/ring.ts";

/** Which messages a consumer takes; see `MessagesOptions`. */
export interface MessageFilter {
  readonly topic?: string | undefined;
  readonly exceptTopic?: string | undefined;
  readonly from?: ((sender: PeerId) => boolean) | undefined;
}

/** Streams that can be taken from. */
export class Turns {
  readonly #standing = new Group();
  readonly #others = new Group();
  /** Turns of peers with standing since the last one of the others. */
  #run = 0;

  /** Lists a stream that is not listed. */
  list(stream: ReceiveStream): void {
    this.#groupOf(stream.peer).list(stream);
  }

  /** Takes the stream whose turn it is off the list. */
  next(filter: MessageFilter): ReceiveStream | undefined {
    const groups = this.#run < STANDING_TURNS
      ? [this.#standing, this.#others]
      : [this.#others, this.#standing];
    for (const group of groups) {
      const stream = group.next(filter);
      if (stream === undefined) continue;
      group.remove(stream);
      const othersWait = this.#others.peers.first !== undefined;
      this.#run = group === this.#standing && othersWait ? this.#run + 1 : 0;
      return stream;
    }
    return undefined;
  }

  /** Takes those of a peer's streams off the list that have become empty. */
  prune(peer: PeerInbox): void {
    for (const stream of [...peer.ready]) {
      if (stream.isEmpty) this.#groupOf(peer).remove(stream);
    }
  }

  /** Moves peers that have gained or lost standing while messages of theirs waited. */
  refresh(): void {
    for (const group of [this.#standing, this.#others]) {
      for (const peer of [...group.peers]) {
        if (this.#wanted(peer) === group) continue;
        const streams = [...peer.ready];
        for (const stream of streams) group.remove(stream);
        for (const stream of streams) this.list(stream);
      }
    }
  }

  /** All listed streams of a peer are in one group. */
  #groupOf(peer: PeerInbox): Group {
    const { ring } = peer.turn;
    if (ring === undefined) return this.#wanted(peer);
    return ring === this.#standing.peers ? this.#standing : this.#others;
  }

  #wanted({ hasStanding }: PeerInbox): Group {
    return hasStanding ? this.#standing : this.#others;
  }
}

/** Listed streams of peers that share their turns. */
class Group {
  /** Each with a listed stream. */
  readonly peers = new Ring<PeerInbox>();
  readonly #topics = new Map<string, Ring<ReceiveStream>>();

  list(stream: ReceiveStream): void {
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
    for (const { ready, from: sender } of this.peers) {
      if (from?.(sender) === false) continue;
      // Of one topic a peer has one stream, so that the second will do.
      const turn = ready.first?.value.topic === exceptTopic
        ? ready.first?.next
        : ready.first;
      if (turn !== undefined) return turn.value;
    }
    return undefined;
  }

  /** Its peer is the last in turn then. */
  remove(stream: ReceiveStream): void {
    const { peer, topic, topicTurn, turn } = stream;
    const streams = this.#topics.get(topic);
    streams?.remove(topicTurn);
    if (
      streams?.first === undefined && this.#topics.size > MAX_EMPTY_LISTS
    ) this.#topics.delete(topic);
    peer.ready.remove(turn);
    this.peers.remove(peer.turn);
    if (peer.ready.first !== undefined) this.peers.push(peer.turn);
  }
}
