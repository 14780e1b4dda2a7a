/**
 * What a node keeps of the senders of messages, in memory and in the store: the ids of acked
 * messages, by which duplicates are recognised, and the delivery counts of nacked ones. Senders
 * without standing are forgotten first.
 */
import type { PeerId } from "../core/peer_id.ts";
import {
  MAX_DELIVERY_COUNTS,
  MAX_SEEN_SENDERS,
  SEEN_IDS_PER_SENDER,
  SEEN_IDS_SLACK,
} from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import { type MessageOwner, PeerInbox } from "./incoming_message.ts";
import type { StoredDeliveryCount } from "./message_store.ts";
import { MessageId, messageKey } from "./seen_ids.ts";

/** The senders of one node. */
export class SenderMemory {
  readonly #settings: DeliverySettings;
  readonly #owner: MessageOwner;
  /** A number that peers do not know. */
  readonly #salt: number;
  /** Most recently connected last; `undefined` until its ids are loaded from the store. */
  readonly #inboxes = new Map<PeerId, PeerInbox | undefined>();
  /** Oldest first. */
  readonly #counts = new Map<string, StoredDeliveryCount>();

  /** Loads what an earlier process left, as far as it fits. */
  constructor(settings: DeliverySettings, owner: MessageOwner) {
    this.#settings = settings;
    this.#owner = owner;
    const { store, hasStanding, random } = settings;
    this.#salt = new DataView(random.bytes(4).buffer).getInt32(0);
    if (store === undefined) return;
    // Two bounded lists, however many senders the store has.
    const standing: PeerId[] = [];
    const others: PeerId[] = [];
    let total = 0;
    for (const sender of store.senders()) {
      total++;
      const list = hasStanding(sender) ? standing : others;
      if (list.length < MAX_SEEN_SENDERS) list.push(sender);
    }
    const kept = [...standing, ...others].slice(0, MAX_SEEN_SENDERS);
    if (total > kept.length) store.trimSenders(kept);
    for (const sender of kept.reverse()) this.#inboxes.set(sender, undefined);
    store.trimDeliveryCounts(MAX_DELIVERY_COUNTS);
    for (const counted of store.deliveryCounts()) {
      this.#counts.set(messageKey(counted.from, counted.id), counted);
    }
  }

  /** The inbox of a sender, which is made if there is none. */
  inbox(from: PeerId): PeerInbox {
    const known = this.#inboxes.get(from);
    if (known !== undefined) return known;
    const { store, hasStanding } = this.#settings;
    const standing = hasStanding(from);
    const peer = new PeerInbox(from, this.#owner, this.#salt, standing);
    for (const id of store?.seenBy(from) ?? []) {
      peer.seen.add(new MessageId(id));
      peer.untrimmed++;
    }
    this.#inboxes.set(from, peer);
    this.#evict(from);
    return peer;
  }

  /** The inbox of a sender that has connected. */
  open(from: PeerId): PeerInbox {
    const peer = this.inbox(from);
    peer.hasStanding = this.#settings.hasStanding(from);
    this.#inboxes.delete(from);
    this.#inboxes.set(from, peer);
    return peer;
  }

  /** Updates the standing of all senders. */
  refresh(): void {
    for (const [from, peer] of this.#inboxes) {
      if (peer === undefined) continue;
      peer.hasStanding = this.#settings.hasStanding(from);
    }
  }

  /** Remembers an acked message; the store comes first, because it may fail. */
  putSeen(peer: PeerInbox, id: MessageId): void {
    const { store, keptNow } = this.#settings;
    if (store !== undefined) {
      store.putSeen({ from: peer.from, id: id.toBytes(), at: keptNow() });
      // The same bound as that of `SeenIds`.
      if (++peer.untrimmed >= SEEN_IDS_PER_SENDER + SEEN_IDS_SLACK) {
        store.trimSeen(peer.from, SEEN_IDS_PER_SENDER);
        peer.untrimmed = SEEN_IDS_PER_SENDER;
      }
    }
    peer.seen.add(id);
  }

  /** How often a message was delivered and nacked. */
  deliveryCount(from: PeerId, id: MessageId): number {
    if (this.#counts.size === 0) return 0;
    return this.#counts.get(messageKey(from, id))?.deliveryCount ?? 0;
  }

  /** Remembers a delivery count; the store comes first, because it may fail. */
  putDeliveryCount(counted: StoredDeliveryCount): void {
    const { store, hasStanding } = this.#settings;
    store?.putDeliveryCount(counted);
    this.#counts.set(messageKey(counted.from, counted.id), counted);
    if (this.#counts.size <= MAX_DELIVERY_COUNTS) return;
    const counts = this.#counts.values().toArray();
    const { from, id } = firstToGiveWay(counts, () => 1, hasStanding);
    this.deleteDeliveryCount(from, new MessageId(id));
  }

  /** The message is settled. */
  deleteDeliveryCount(from: PeerId, id: MessageId): void {
    if (this.#counts.size === 0) return;
    if (!this.#counts.delete(messageKey(from, id))) return;
    this.#settings.store?.deleteDeliveryCount(from, id.toBytes());
  }

  #evict(newest: PeerId): void {
    while (this.#inboxes.size > MAX_SEEN_SENDERS) {
      const sender = this.#firstToGo(newest);
      if (sender === undefined) return;
      this.#inboxes.delete(sender);
      for (const [key, { from }] of this.#counts) {
        if (from === sender) this.#counts.delete(key);
      }
      try {
        this.#settings.store?.deleteSender(sender);
      } catch {
        // The disk is full: the rows are dropped at the next start.
      }
    }
  }

  /** The absent sender that was connected longest ago, without standing if there is one. */
  #firstToGo(newest: PeerId): PeerId | undefined {
    let first: PeerId | undefined;
    for (const [sender, peer] of this.#inboxes) {
      if (sender === newest || peer?.isBusy) continue;
      if (!this.#settings.hasStanding(sender)) return sender;
      first ??= sender;
    }
    return first;
  }
}

/**
 * The entry to evict when a node keeps too much of all senders together: the oldest of the
 * sender that has most, one without standing if there is any.
 *
 * @param kept At least one, oldest first.
 */
export function firstToGiveWay<Kept extends { readonly from: PeerId }>(
  kept: readonly Kept[],
  amountOf: (one: Kept) => number,
  hasStanding: (peer: PeerId) => boolean,
): Kept {
  const amounts = new Map<PeerId, number>();
  for (const one of kept) {
    amounts.set(one.from, (amounts.get(one.from) ?? 0) + amountOf(one));
  }
  const strangers = [...amounts].filter(([sender]) => !hasStanding(sender));
  const [sender] = (strangers.length > 0 ? strangers : [...amounts])
    .reduce((most, one) => one[1] > most[1] ? one : most);
  return kept.find(({ from }) => from === sender)!;
}
