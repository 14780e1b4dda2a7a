/**
 * How often the application refused messages that it may still take, in memory and
 * in the store. When they are too many, senders give way as `shares.ts` says.
 */
import type { PeerId } from "../identity/identity.ts";
import { MAX_DELIVERY_COUNTS } from "../delivery_limits.ts";
import { MessageId } from "./message_id.ts";
import type { MessageStore, StoredDeliveryCount } from "./message_store.ts";
import { firstToGiveWay } from "./shares.ts";

interface Refused {
  readonly id: MessageId;
  readonly deliveryCount: number;
}

/** Refused messages of one node. */
export class DeliveryCounts {
  readonly #store: MessageStore | undefined;
  readonly #hasStanding: (peer: PeerId) => boolean;
  /** Of each sender by id, oldest first. */
  readonly #senders = new Map<PeerId, Map<string, Refused>>();
  #size = 0;

  /** Takes up what an earlier process has left. */
  constructor(
    store: MessageStore | undefined,
    hasStanding: (peer: PeerId) => boolean,
  ) {
    this.#store = store;
    this.#hasStanding = hasStanding;
    store?.trimDeliveryCounts(MAX_DELIVERY_COUNTS);
    for (const counted of store?.deliveryCounts() ?? []) this.#keep(counted);
  }

  /** How often a message was refused. */
  get(from: PeerId, id: MessageId): number {
    if (this.#size === 0) return 0;
    return this.#senders.get(from)?.get(id.toString())?.deliveryCount ?? 0;
  }

  /** A message was refused once more. */
  put(counted: StoredDeliveryCount): void {
    // First, because it may fail.
    this.#store?.putDeliveryCount(counted);
    this.#keep(counted);
    while (this.#size > MAX_DELIVERY_COUNTS) {
      const amounts = [...this.#senders].map(([sender, refused]) =>
        [sender, refused.size] as const
      );
      const sender = firstToGiveWay(amounts, this.#hasStanding);
      const [oldest] = this.#senders.get(sender!)!.values();
      this.delete(sender!, oldest!.id);
    }
  }

  /** A message was taken, or set aside. */
  delete(from: PeerId, id: MessageId): void {
    if (this.#size === 0) return;
    const refused = this.#senders.get(from);
    if (!refused?.delete(id.toString())) return;
    this.#size--;
    if (refused.size === 0) this.#senders.delete(from);
    this.#store?.deleteDeliveryCount(from, id.toBytes());
  }

  /** Forgets those of a sender, which the store drops with the sender. */
  forget(from: PeerId): void {
    this.#size -= this.#senders.get(from)?.size ?? 0;
    this.#senders.delete(from);
  }

  #keep({ from, id, deliveryCount }: StoredDeliveryCount): void {
    let refused = this.#senders.get(from);
    if (refused === undefined) {
      refused = new Map();
      this.#senders.set(from, refused);
    }
    const messageId = new MessageId(id);
    const key = messageId.toString();
    if (!refused.has(key)) this.#size++;
    refused.set(key, { id: messageId, deliveryCount });
  }
}
