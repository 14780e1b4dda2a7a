/**
 * Messages in the mesh: which peers can be sent to, on which session, and the events
 * about messages. `delivery/` delivers them.
 */
import type { BroadcastResult } from "../delivery/broadcast.ts";
import {
  type BroadcastOptions,
  Delivery,
  type SendOptions,
} from "../delivery/delivery.ts";
import type { MessageHandler, MessagesOptions } from "../delivery/consumer.ts";
import type { Message } from "../delivery/incoming_message.ts";
import type { StoredDeadLetter } from "../delivery/message_store.ts";
import type { OutgoingMessage } from "../delivery/outgoing_message.ts";
import type { InboxUsage } from "../delivery/inbox.ts";
import type { DeadLetters } from "../delivery/dead_letters.ts";
import type { KeptTopics } from "../delivery/kept_topics.ts";
import {
  IN_MEMORY_PEER_KEPT_MS,
  OUTBOX_SWEEP_MS,
} from "../delivery/delivery_limits.ts";
import { VerackError } from "../core/errors.ts";
import { parsePeerId, type PeerId, shortId } from "../core/peer_id.ts";
import type { Clock, Random } from "../core/clock.ts";
import type { NodeHistograms } from "../core/histogram.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import type { PeerQueues, QueueUse } from "../delivery/outbox_usage.ts";
import { broadcastSpan, sendSpan } from "../core/spans.ts";
import type { Emit } from "./events.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import type { AccessRules } from "./peers/access_rules.ts";
import type { NameResolver } from "./peers/name_resolver.ts";
import type { Peer } from "./peers/peer.ts";
import type { PeerEvents } from "./peers/peer_events.ts";
import type { PeerMemory } from "./peers/peer_memory.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { Standing } from "./peers/standing.ts";

/** The error of messages for a peer that cannot come back. */
const LOST =
  "it was lost more than a minute ago, and its key is in memory only";

/** Dependencies of {@linkcode Messaging}. */
export interface MessagingOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly magic: Uint8Array;
  readonly counters: NodeCounters;
  readonly histograms: NodeHistograms;
  readonly settings: Pick<
    ResolvedNodeOptions,
    "keepTopics" | "keptTime" | "maxDeliveries" | "messages" | "outbox"
  >;
  /** Filled here, and read where a record must be evicted. */
  readonly queues: PeerQueues;
  /** This node. */
  readonly own: PeerId;
  readonly table: PeerTable;
  readonly rules: Pick<AccessRules, "isDenied">;
  readonly standing: Standing;
  readonly names: NameResolver;
  readonly memory: Pick<PeerMemory, "save">;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** Messages of one node. */
export class Messaging {
  readonly #options: MessagingOptions;
  readonly #delivery: Delivery;
  /** Monotonic clock, milliseconds. */
  readonly #startedAt: number;
  /**
   * Peers whose key lives in memory only and whose record was evicted while messages wait for
   * them: when they were lost, monotonic clock, milliseconds.
   */
  readonly #lost = new Map<PeerId, number>();
  #nextSweep: number;

  constructor(options: MessagingOptions) {
    this.#options = options;
    const { clock, events, magic, queues, random, settings, standing, table } =
      options;
    this.#startedAt = clock.monotonic();
    this.#nextSweep = this.#startedAt + OUTBOX_SWEEP_MS;
    this.#delivery = new Delivery({
      clock,
      counters: options.counters,
      deliveryMs: options.histograms.deliveryMs,
      random,
      magic,
      store: settings.messages,
      limits: settings.outbox,
      maxDeliveries: settings.maxDeliveries,
      keepTopics: settings.keepTopics,
      onGivenUp: (outgoing, error) => this.#onGivenUp(outgoing, error),
      onDeadLetter: (message) => this.#onDeadLetter(message),
      hasStanding: (peer) => standing.has(table.get(peer)),
      keptNow: () => settings.keptTime.now(),
      isInMemory: (peer) => table.get(peer)?.ephemeral ?? this.#lost.has(peer),
    }, queues);
    events.on("forgotten", (peer) => this.#dropped(peer));
    events.on("introduced", ({ session, peer }) => {
      this.#delivery.opened(peer.id, session.channel);
      this.#route(peer);
    });
    events.on("sessionClosed", (session, _error, peer) => {
      this.#delivery.closed(session.channel);
      if (peer !== undefined) this.#route(peer);
    });
    events.on("undeliverable", (id, why) => this.#giveUp(id, why));
  }

  /** Unacknowledged messages, and their bytes. */
  get outbox(): { readonly messages: number; readonly bytes: number } {
    const { messages, bytes } = this.#delivery.outbox;
    return { messages, bytes };
  }

  /** The messages to one peer that are nearest to their bound. */
  get fullestQueue(): QueueUse | undefined {
    const { queues } = this.#options;
    return this.#delivery.outbox.usage.fullest(queues.values());
  }

  /** What is kept of received messages. */
  get usage(): InboxUsage {
    return this.#delivery.usage;
  }

  /** Messages that one peer has not acknowledged. */
  waitingFor(peer: PeerId): number {
    return this.#delivery.outbox.countFor(peer);
  }

  /** See `Node.deadLetters`. */
  get deadLetters(): DeadLetters {
    return this.#delivery.deadLetters;
  }

  /** See `Node.keptTopics`. */
  get keptTopics(): KeptTopics {
    return this.#delivery.keptTopics;
  }

  /** See `Node.send`. */
  send(
    text: string,
    body: Uint8Array | string,
    options?: SendOptions,
  ): Promise<void> {
    const { rules, table } = this.#options;
    // Text that names a peer of the table is an id.
    const peer = table.get(text as PeerId);
    if (
      peer === undefined || rules.isDenied(peer.id) || this.#isLost(peer)
    ) return mayBeIgnored(this.#refuse(parsePeerId(text)));
    const sent = this.#delivery.send(peer.id, body, options);
    sendSpan(peer.id, options?.topic)?.endWith(sent);
    if (!peer.earnedStanding) {
      sent.then(() => this.#exchanged(peer), () => {});
    }
    return sent;
  }

  /** See `Node.broadcast`. */
  broadcast(
    body: Uint8Array | string,
    options?: BroadcastOptions,
  ): Promise<BroadcastResult> {
    const { rules, table } = this.#options;
    const to: PeerId[] = [];
    for (const peer of table.values()) {
      // A peer that is only known by gossip may not exist.
      if (!peer.isVerified || this.#isLost(peer)) continue;
      if (!rules.isDenied(peer.id)) to.push(peer.id);
    }
    const sent = this.#delivery.broadcast(to, body, options);
    broadcastSpan(to.length, options?.topic)?.endWith(sent);
    return mayBeIgnored(sent);
  }

  /** See `Node.messages`. */
  messages(
    options?: MessagesOptions,
  ): AsyncIterableIterator<Message, undefined> {
    return this.#delivery.messages(options);
  }

  /** See `Node.consume`. */
  consume(handler: MessageHandler, options?: MessagesOptions): Promise<void> {
    return this.#delivery.consume(handler, options);
  }

  /** Gives up all messages to a peer; `why` is for the error message. */
  #giveUp(id: PeerId, why: string): void {
    const reason = `Cannot deliver to ${shortId(id)}: ${why}`;
    this.#delivery.forget(id, new VerackError("undelivered", reason));
  }

  /** Checks all deadlines. */
  tick(now: number, pausedMs: number): void {
    this.#delivery.tick(now, pausedMs);
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + OUTBOX_SWEEP_MS;
    for (const id of this.#delivery.outbox.away()) {
      const peer = this.#options.table.get(id);
      // Without a record it may come back all the same, and get its messages.
      const lostAt = this.#lost.get(id) ?? Infinity;
      const isLost = peer === undefined
        ? now - lostAt >= IN_MEMORY_PEER_KEPT_MS
        : this.#isLost(peer);
      if (isLost) this.#giveUp(id, LOST);
    }
    for (const id of this.#lost.keys()) {
      const isOver = this.#options.table.get(id) !== undefined ||
        this.#delivery.outbox.countFor(id) === 0;
      if (isOver) this.#lost.delete(id);
    }
  }

  /** Ends; with `flush` acks are sent before, on sessions that are still open. */
  close(error: VerackError, options: { flush: boolean }): void {
    this.#delivery.close(error, options);
  }

  /**
   * The peer acknowledged a message that was sent to it alone, which gives it standing. What it
   * sends does not, since sending costs nothing.
   */
  #exchanged(peer: Peer): void {
    if (peer.earnedStanding) return;
    peer.acknowledged();
    this.#options.memory.save(peer);
  }

  // deno-lint-ignore require-await -- rejects, rather than throws
  async #refuse(to: PeerId): Promise<never> {
    const { own, rules, table } = this.#options;
    const isDenied = rules.isDenied(to);
    if (!isDenied && table.get(to) !== undefined) {
      throw new VerackError(
        "undelivered",
        `Cannot send: ${shortId(to)} cannot get it: ${LOST}`,
      );
    }
    throw isDenied
      ? new VerackError(
        "denied",
        `Cannot send: ${shortId(to)} is denied here`,
      )
      : new VerackError(
        "unknown-peer",
        to === own
          ? "Cannot send: the id is this node's own, must be a peer's"
          : `Cannot send: no peer with id ${shortId(to)} is known here`,
      );
  }

  /**
   * Whether a peer cannot come back: its key lives in memory only, it was lost a while
   * ago, and no connected peer reports a session with it.
   */
  #isLost(peer: Peer): boolean {
    if (!peer.ephemeral || peer.sessions.length > 0 || peer.reportedLive) {
      return false;
    }
    // A peer that an earlier run lost may have no address that can be dialed.
    const since = peer.downSince ??
      (peer.isVerified ? this.#startedAt : Infinity);
    return this.#options.clock.monotonic() - since >= IN_MEMORY_PEER_KEPT_MS;
  }

  #dropped({ id, ephemeral, downSince }: Peer): void {
    if (!ephemeral || this.#delivery.outbox.countFor(id) === 0) return;
    this.#lost.set(id, downSince ?? this.#options.clock.monotonic());
  }

  #route(peer: Peer): void {
    this.#delivery.route(peer.id, peer.primary?.channel);
  }

  // --- Events ----------------------------------------------------------------

  #onGivenUp({ content, to }: OutgoingMessage, error: VerackError): void {
    // The caller aborted it, whose promise is rejected.
    if (error.code === "aborted") return;
    this.#options.emit({
      type: "undelivered",
      to,
      ...this.#options.names.of(to),
      topic: content.topic,
      id: content.id.toHex(),
      reason: error.message,
    });
  }

  #onDeadLetter({ from, topic, id, reason }: StoredDeadLetter): void {
    this.#options.emit({
      type: "dead-letter",
      from,
      ...this.#options.names.of(from),
      topic,
      id: id.toHex(),
      reason,
    });
  }
}

/** Keeps an unobserved rejection from ending the process; events report it as well. */
function mayBeIgnored<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
