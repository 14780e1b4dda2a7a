/**
 * What a node remembers of the senders of messages, in memory and in the store: the ids
 * of acked messages, by which one that comes again is known, and how often unacked
 * ones were delivered. Senders without standing are forgotten first.
 */
import type { PeerId } from "../identity/identity.ts";
import {
  MAX_DELIVERY_COUNTS,
  MAX_SEEN_SENDERS,
  SEEN_IDS_PER_SENDER,
  SEEN_IDS_SLACK,
} from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import { type MessageOwner, PeerInbox } from "./incoming_message.ts";
import type { StoredDeliveryCount } from "./message_store.ts";
import { MessageId } from "./seen_ids.ts";

interface DeliveryCount {
  readonly id: MessageId;
  readonly count: number;
}

/** The senders of one node. */
export class SenderMemory {
  readonly #settings: DeliverySettings;
  readonly #owner: MessageOwner;
  /** A number that peers do not know. */
  readonly #salt: number;
  /** Most recently connected last; `undefined` until its ids are loaded from the store. */
  readonly #inboxes = new Map<PeerId, PeerInbox | undefined>();
  /** By sender and message id, oldest first. */
  readonly #counts = new Map<PeerId, Map<string, DeliveryCount>>();
  #countSize = 0;

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
    for (const counted of store.deliveryCounts()) this.#keepCount(counted);
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

  // --- Delivery counts -------------------------------------------------------

  /** How often a message was delivered and nacked. */
  deliveryCount(from: PeerId, id: MessageId): number {
    if (this.#countSize === 0) return 0;
    return this.#counts.get(from)?.get(id.toString())?.count ?? 0;
  }

  /** Remembers a delivery count; the store comes first, because it may fail. */
  putDeliveryCount(counted: StoredDeliveryCount): void {
    this.#settings.store?.putDeliveryCount(counted);
    this.#keepCount(counted);
    while (this.#countSize > MAX_DELIVERY_COUNTS) {
      const amounts = [...this.#counts].map(([sender, counts]) =>
        [sender, counts.size] as const
      );
      const sender = firstToGiveWay(amounts, this.#settings.hasStanding);
      const [oldest] = this.#counts.get(sender!)!.values();
      this.deleteDeliveryCount(sender!, oldest!.id);
    }
  }

  /** The message is settled. */
  deleteDeliveryCount(from: PeerId, id: MessageId): void {
    if (this.#countSize === 0) return;
    const counts = this.#counts.get(from);
    if (!counts?.delete(id.toString())) return;
    this.#countSize--;
    if (counts.size === 0) this.#counts.delete(from);
    this.#settings.store?.deleteDeliveryCount(from, id.toBytes());
  }

  #keepCount({ from, id, deliveryCount: count }: StoredDeliveryCount): void {
    let counts = this.#counts.get(from);
    if (counts === undefined) {
      counts = new Map();
      this.#counts.set(from, counts);
    }
    const messageId = new MessageId(id);
    const key = messageId.toString();
    if (!counts.has(key)) this.#countSize++;
    counts.set(key, { id: messageId, count });
  }

  // --- Bounds ----------------------------------------------------------------

  #evict(newest: PeerId): void {
    while (this.#inboxes.size > MAX_SEEN_SENDERS) {
      const sender = this.#firstToGo(newest);
      if (sender === undefined) return;
      this.#inboxes.delete(sender);
      this.#countSize -= this.#counts.get(sender)?.size ?? 0;
      this.#counts.delete(sender);
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
 * The sender that gives way when a node keeps too much of all senders together: one
 * without standing if there is any, and among those the one that has most.
 */
export function firstToGiveWay(
  amounts: Iterable<readonly [PeerId, number]>,
  hasStanding: (peer: PeerId) => boolean,
): PeerId | undefined {
  let found: PeerId | undefined;
  let most = -1;
  let foundHasStanding = true;
  for (const [sender, amount] of amounts) {
    if (!foundHasStanding && amount <= most) continue;
    const has = hasStanding(sender);
    if (has && (!foundHasStanding || amount <= most)) continue;
    found = sender;
    most = amount;
    foundHasStanding = has;
  }
  return found;
}
