/**
 * Senders whose messages are known when they come again: as many in the store as in
 * memory. The ids of one that was not here since the start are loaded when it comes.
 */
import type { PeerId } from "../identity/identity.ts";
import {
  MAX_SEEN_SENDERS,
  SEEN_IDS_PER_SENDER,
  SEEN_IDS_SLACK,
} from "../delivery_limits.ts";
import { MessageId } from "./message_id.ts";
import type { MessageStore } from "./message_store.ts";
import { PeerInbox } from "./peer_inbox.ts";

/** What {@linkcode Senders} need. */
export interface SendersOptions {
  readonly store: MessageStore | undefined;
  /** Any number that peers do not know. */
  readonly salt: number;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: (peer: PeerId) => boolean;
  /** Nothing is known of a sender any more. */
  readonly onForget: (sender: PeerId) => void;
}

/** The senders of one node. */
export class Senders {
  readonly #options: SendersOptions;
  /** Seen last is last; `undefined` for one that only the store knows. */
  readonly #peers = new Map<PeerId, PeerInbox | undefined>();

  /** Takes up what an earlier process has left, and drops what is too much of it. */
  constructor(options: SendersOptions) {
    this.#options = options;
    const { store, hasStanding } = options;
    if (store === undefined) return;
    // Each is bounded, however many the store has.
    const standing: PeerId[] = [];
    const others: PeerId[] = [];
    let count = 0;
    for (const sender of store.senders()) {
      count++;
      const list = hasStanding(sender) ? standing : others;
      if (list.length < MAX_SEEN_SENDERS) list.push(sender);
    }
    const kept = [...standing, ...others].slice(0, MAX_SEEN_SENDERS);
    if (count > kept.length) store.trimSenders(kept);
    for (const sender of kept.reverse()) this.#peers.set(sender, undefined);
  }

  /** The inbox of a sender, which is made if there is none. */
  get(from: PeerId): PeerInbox {
    const known = this.#peers.get(from);
    if (known !== undefined) return known;
    const { store, salt, hasStanding } = this.#options;
    const peer = new PeerInbox(from, salt, hasStanding(from));
    for (const id of store?.seenBy(from) ?? []) {
      peer.seen.add(new MessageId(id));
      peer.untrimmed++;
    }
    this.#peers.set(from, peer);
    this.#evict(from);
    return peer;
  }

  /** {@linkcode get}, for a session: the sender is the one that was seen last. */
  open(from: PeerId): PeerInbox {
    const peer = this.get(from);
    peer.hasStanding = this.#options.hasStanding(from);
    this.#peers.delete(from);
    this.#peers.set(from, peer);
    return peer;
  }

  /** A message was taken; first in the store, because that may fail. */
  put(peer: PeerInbox, id: MessageId, now: () => number): void {
    const { store } = this.#options;
    if (store !== undefined) {
      store.putSeen({ from: peer.from, id: id.toBytes(), at: now() });
      // As `IdWindow` does, so that the store keeps no more than memory.
      if (++peer.untrimmed >= SEEN_IDS_PER_SENDER + SEEN_IDS_SLACK) {
        store.trimSeen(peer.from, SEEN_IDS_PER_SENDER);
        peer.untrimmed = SEEN_IDS_PER_SENDER;
      }
    }
    peer.seen.add(id);
  }

  /** Asks anew which of them have standing. */
  refresh(): void {
    for (const [from, peer] of this.#peers) {
      if (peer === undefined) continue;
      peer.hasStanding = this.#options.hasStanding(from);
    }
  }

  #evict(newest: PeerId): void {
    while (this.#peers.size > MAX_SEEN_SENDERS) {
      const sender = this.#firstToGo(newest);
      if (sender === undefined) return;
      this.#peers.delete(sender);
      this.#options.onForget(sender);
      try {
        this.#options.store?.deleteSender(sender);
      } catch {
        // The disk is full: what stays there is dropped at the next start.
      }
    }
  }

  /** Of those that are away, the one seen longest ago, without standing if possible. */
  #firstToGo(newest: PeerId): PeerId | undefined {
    let first: PeerId | undefined;
    for (const [sender, peer] of this.#peers) {
      if (sender === newest || peer?.isBusy) continue;
      if (!this.#options.hasStanding(sender)) return sender;
      first ??= sender;
    }
    return first;
  }
}
