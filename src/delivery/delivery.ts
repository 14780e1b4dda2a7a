/**
 * Delivery of messages: the outbox, the inbox and their sessions. Sessions, and which peers may
 * be sent to, are decided in `mesh/`.
 */
import { refuseUnknownOptions, VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { COMMAND } from "../wire/commands.ts";
import { decodeAck, decodeResume } from "../wire/messages/ack.ts";
import { magicWord } from "../wire/frame.ts";
import { MESSAGE_ID_BYTES } from "../wire/messages/message_frame.ts";
import { MAX_BODY_BYTES, MAX_TOPIC_BYTES } from "../wire/wire_limits.ts";
import { Broadcast, type BroadcastResult } from "./broadcast.ts";
import type { MessageHandler, MessagesOptions } from "./consumer.ts";
import { BROADCAST_WAIT_MS } from "./delivery_limits.ts";
import type { DeadLetters } from "./dead_letters.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import { FrameMemory } from "./frame_memory.ts";
import type { FrameSink } from "./frame_sink.ts";
import { Inbox, type InboxUsage } from "./inbox.ts";
import type { KeptTopics } from "./kept_topics.ts";
import type { Message } from "./incoming_message.ts";
import { Outbox } from "./outbox.ts";
import { Admitted, type PeerQueue, PeerQueues } from "./outbox_usage.ts";
import { type Acceptance, MessageBody } from "./message_body.ts";
import { type OutgoingMessage, SentMessage } from "./outgoing_message.ts";
import type { Receiver } from "./receiver.ts";

const UTF8 = new TextEncoder();

/** Message ids that are drawn from the random source at once. */
const IDS_PER_DRAW = 64;

/** Options of `Node.send`. */
export interface SendOptions {
  /** At most 128 bytes of UTF-8; order is kept among messages of one topic. @default {""} */
  readonly topic?: string;
  /** Time after which it expires, milliseconds, at most the node's `outbox.maxAgeMs`. */
  readonly ttlMs?: number;
  /** Gives the message up; it may arrive all the same if it was sent before. */
  readonly signal?: AbortSignal;
  /** Called with the message's id, 32 hex digits, once it is stored. */
  readonly onId?: (id: string) => void;
}

/** Options of `Node.broadcast`. */
export interface BroadcastOptions extends Omit<SendOptions, "signal" | "onId"> {
  /**
   * How long connected receivers are waited for, milliseconds; those without standing
   * at most about a second longer than those with it. @default {5_000}
   */
  readonly waitMs?: number;
}

const SEND_OPTION_NAMES: Readonly<Record<keyof SendOptions, true>> = {
  topic: true,
  ttlMs: true,
  signal: true,
  onId: true,
};

const BROADCAST_OPTION_NAMES: Readonly<Record<keyof BroadcastOptions, true>> = {
  topic: true,
  ttlMs: true,
  waitMs: true,
};

/** Sends and receives messages for one node. */
export class Delivery {
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly keptTopics: KeptTopics;
  readonly #settings: DeliverySettings;
  readonly #magic: number;
  readonly #inbox: Inbox;
  readonly #receivers = new Map<FrameSink, Receiver>();
  readonly #broadcasts = new Set<Broadcast>();
  readonly #memory = new FrameMemory();
  readonly #id = new Uint8Array(MESSAGE_ID_BYTES);
  #ids: Uint8Array = new Uint8Array(0);
  #idOffset = 0;
  #now: Acceptance | undefined;

  /**
   * Loads what an earlier process left.
   *
   * @param queues Empty; filled here, and read where a record must be evicted.
   */
  constructor(
    settings: DeliverySettings,
    queues: PeerQueues = new PeerQueues(),
  ) {
    this.#settings = settings;
    this.#magic = magicWord(settings.magic);
    this.outbox = new Outbox(settings, queues);
    this.#inbox = new Inbox(settings);
    this.deadLetters = this.#inbox.deadLetters;
    this.keptTopics = this.#inbox.kept;
  }

  /** What is kept of received messages. */
  get usage(): InboxUsage {
    return this.#inbox.usage;
  }

  // --- Sessions --------------------------------------------------------------

  /** Receives messages on a new session. */
  opened(from: PeerId, sink: FrameSink): void {
    if (this.#receivers.has(sink)) return;
    const receiver = this.#inbox.open(from, sink);
    this.#receivers.set(sink, receiver);
    sink.handle(COMMAND.message, (it) => receiver.onMessage(it));
    sink.handle(COMMAND.chunk, (it) => receiver.onChunk(it));
    sink.handle(COMMAND.ack, (it) => {
      const ack = decodeAck(it);
      const sender = this.outbox.senderOn(from, sink);
      if (sender === undefined) receiver.repeated();
      else sender.onAck(ack);
    });
    sink.handle(COMMAND.resume, (it) => {
      const resume = decodeResume(it);
      const sender = this.outbox.senderOn(from, sink);
      if (sender === undefined) receiver.repeated();
      else sender.onResume(resume);
    });
  }

  /** Sets the session on which messages are sent to a peer, if there is one. */
  route(to: PeerId, sink: FrameSink | undefined): void {
    if (sink === undefined) this.outbox.detach(to);
    else this.outbox.attach(to, sink);
  }

  /** A session has ended. */
  closed(sink: FrameSink): void {
    this.#receivers.get(sink)?.close();
    this.#receivers.delete(sink);
  }

  /** Gives up all messages to a peer. */
  forget(peer: PeerId, error: VerackError): void {
    this.outbox.giveUpPeer(peer, error);
  }

  /** Checks all deadlines; called several times a second. */
  tick(now: number, pausedMs: number): void {
    this.outbox.tick(now);
    if (this.outbox.messages === 0) this.#memory.drop();
    this.#inbox.tick(now, pausedMs);
    for (const receiver of this.#receivers.values()) {
      receiver.tick(now, pausedMs);
    }
    for (const broadcast of this.#broadcasts) broadcast.tick(now);
  }

  /** Ends; with `flush` acks are sent before. */
  close(error: VerackError, options: { flush: boolean }): void {
    if (options.flush) this.#flush();
    this.#inbox.close();
    this.outbox.close(error);
    for (const broadcast of this.#broadcasts) broadcast.end();
  }

  // --- Messages --------------------------------------------------------------

  /** See `Node.send`. */
  send(
    to: PeerId,
    body: Uint8Array | string,
    options: SendOptions = {},
  ): Promise<void> {
    try {
      return this.#send(to, body, options).promise;
    } catch (error) {
      const rejected = Promise.reject(error);
      rejected.catch(() => {});
      return rejected;
    }
  }

  #send(
    to: PeerId,
    body: Uint8Array | string,
    options: SendOptions,
  ): SentMessage {
    refuseUnknownOptions(options, SEND_OPTION_NAMES, "Cannot send");
    const { signal, onId } = options;
    if (signal?.aborted) throw aborted(signal, "");
    const peer = this.outbox.queue(to, this.#time());
    const content = this.#content(body, options, peer);
    const error = this.outbox.admit(peer, content.payloadBytes);
    if (error !== undefined) {
      content.release();
      throw error;
    }
    const outgoing = new SentMessage(content, to);
    this.#add(content, [outgoing]);
    if (signal !== undefined) this.#watch(outgoing, signal);
    onId?.(content.id.toHex());
    return outgoing;
  }

  /** See `Node.broadcast`. */
  broadcast(
    to: readonly PeerId[],
    body: Uint8Array | string,
    options: BroadcastOptions = {},
  ): Promise<BroadcastResult> {
    return new Promise((resolve) => {
      refuseUnknownOptions(options, BROADCAST_OPTION_NAMES, "Cannot send");
      const { clock } = this.#settings;
      const { waitMs = BROADCAST_WAIT_MS } = options;
      if (!(waitMs >= 0)) {
        throw new RangeError(
          `Cannot send: waitMs is ${waitMs}, must be 0 or more`,
        );
      }
      const content = this.#content(body, options, undefined);
      const onEnd = (result: BroadcastResult) => {
        this.#broadcasts.delete(broadcast);
        resolve(result);
      };
      const broadcast = new Broadcast(content, clock, onEnd, waitMs);
      // Peers with standing first, and among each kind connected ones first, so that others do
      // not use up their share.
      const ordered: PeerQueue[][] = [[], [], [], []];
      for (const it of to) {
        const peer = this.outbox.queue(it, content.accepted);
        const { hasStanding, sender } = peer;
        const place = (hasStanding ? 0 : 2) + (sender === undefined ? 1 : 0);
        ordered[place]!.push(peer);
      }
      const admitted = new Admitted();
      const size = content.payloadBytes;
      for (const [place, peers] of ordered.entries()) {
        for (const peer of peers) {
          const error = this.outbox.admit(peer, size, admitted);
          if (error !== undefined) {
            broadcast.refuse(peer.to, error);
            continue;
          }
          broadcast.add(peer.to, place % 2 === 0, place < 2);
        }
      }
      const { outgoings } = broadcast;
      if (outgoings.length > 0) this.#add(content, outgoings);
      else content.release();
      this.#broadcasts.add(broadcast);
      if (!broadcast.isWaiting) broadcast.end();
    });
  }

  /** See `Node.messages`. */
  messages(
    options: MessagesOptions = {},
  ): AsyncIterableIterator<Message, undefined> {
    return this.#inbox.consume(options);
  }

  /** See `Node.consume`. */
  consume(
    handler: MessageHandler,
    options: MessagesOptions = {},
  ): Promise<void> {
    if (typeof handler !== "function") {
      return Promise.reject(
        new TypeError("Cannot consume messages: handler must be a function"),
      );
    }
    try {
      return this.#inbox.consume(options).run(handler);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #flush(): void {
    try {
      this.#settings.store?.commit();
    } catch {
      // Acks that are not recorded are not sent; the messages come again.
      return;
    }
    for (const receiver of this.#receivers.values()) receiver.flushNow();
  }

  #content(
    body: Uint8Array | string,
    options: Omit<SendOptions, "signal">,
    peer: PeerQueue | undefined,
  ): MessageBody {
    const { limits } = this.#settings;
    const { topic = "", ttlMs = limits.maxAgeMs } = options;
    const bytes = typeof body === "string" ? UTF8.encode(body) : body;
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError("Cannot send: body must be a Uint8Array or a string");
    }
    if (bytes.length > MAX_BODY_BYTES) {
      throw new RangeError(
        `Cannot send: body has ${bytes.length} bytes, must have at most ${MAX_BODY_BYTES}`,
      );
    }
    // At most three bytes for each UTF-16 unit.
    const topicBytes = 3 * topic.length > MAX_TOPIC_BYTES
      ? UTF8.encode(topic).length
      : 0;
    if (topicBytes > MAX_TOPIC_BYTES) {
      throw new RangeError(
        `Cannot send: topic has ${topicBytes} bytes, must have at most ${MAX_TOPIC_BYTES}`,
      );
    }
    if (!(ttlMs > 0 && ttlMs <= limits.maxAgeMs)) {
      throw new RangeError(
        `Cannot send: ttlMs is ${ttlMs}, must be more than 0 and at most ${limits.maxAgeMs}`,
      );
    }
    const accepted = this.#time();
    const id = this.#nextId();
    return new MessageBody(
      this.#magic,
      { id, topic, body: bytes, accepted, ttlMs },
      peer === undefined,
      // What waits for an absent peer has memory of its own.
      peer === undefined || peer.sender !== undefined
        ? this.#memory
        : undefined,
    );
  }

  #add(content: MessageBody, outgoings: readonly OutgoingMessage[]): void {
    try {
      this.outbox.add(content, outgoings);
      this.#settings.counters.messagesAccepted += outgoings.length;
    } catch (error) {
      // The store has refused it.
      content.release();
      throw error;
    }
  }

  /** Gives a message up when the signal aborts. */
  #watch(outgoing: SentMessage, signal: AbortSignal): void {
    const onAbort = () => {
      const doubt = outgoing.begun
        ? "; it was sent, so that it may arrive all the same"
        : "";
      this.outbox.giveUp(outgoing, aborted(signal, doubt));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    outgoing.onSettled = () => signal.removeEventListener("abort", onAbort);
  }

  /** The time, read once a turn of the event loop. */
  #time(): Acceptance {
    if (this.#now !== undefined) return this.#now;
    const { clock, keptNow } = this.#settings;
    queueMicrotask(() => this.#now = undefined);
    return this.#now = { kept: keptNow(), monotonic: clock.monotonic() };
  }

  /** A random id, to be copied before the next one. */
  #nextId(): Uint8Array {
    if (this.#idOffset === this.#ids.length) {
      this.#ids = this.#settings.random.bytes(IDS_PER_DRAW * MESSAGE_ID_BYTES);
      this.#idOffset = 0;
    }
    const id = this.#id;
    for (let at = 0; at < id.length; at++) {
      id[at] = this.#ids[this.#idOffset++]!;
    }
    return id;
  }
}

function aborted(signal: AbortSignal, doubt: string): VerackError {
  const options = { cause: signal.reason };
  return new VerackError("aborted", `Cannot send: aborted${doubt}`, options);
}
