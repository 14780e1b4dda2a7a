/** A message as the application gets it, with `ack` and `nack`. */
import type { PeerId } from "../identity/identity.ts";
import type { IncomingMessage } from "./peer_inbox.ts";

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A message from a peer. The consumer calls {@linkcode Message.ack} or
 * {@linkcode Message.nack}, or asks for the next message, which acks this one.
 */
export interface Message {
  /** Its random id, 32 hex digits: the same whenever it is delivered again. */
  readonly id: string;
  /** The verified identity of its sender. */
  readonly from: PeerId;
  /** The sender's topic; not escaped. */
  readonly topic: string;
  /** The body; the caller may keep and change it. */
  readonly body: Uint8Array<ArrayBuffer>;
  /**
   * The body without a copy, to be read before the next message and not to be changed:
   * it may share memory with other messages.
   */
  readonly view: Uint8Array;
  /** How often it was delivered, this time included. */
  readonly deliveryCount: number;
  /** The body as UTF-8 with invalid bytes replaced; not escaped. */
  text(): string;
  /**
   * Accepts the message: it is not delivered again, and its sender is told as soon as
   * that is recorded. Does nothing after the first `ack` or `nack`.
   *
   * @throws {VerackError} `bad-data` when it cannot be recorded; it is delivered again.
   */
  ack(): void;
  /**
   * Rejects the message for now: it is delivered again after a while, and later messages
   * under its topic wait for it. After too many deliveries it becomes a dead letter
   * and its sender is told. Does nothing after the first `ack` or `nack`.
   *
   * @param reason Why; kept with the dead letter.
   */
  nack(reason?: string): void;
}

/** Options of `Node.messages`. */
export interface MessagesOptions {
  /** Only messages with this topic. @default all */
  readonly topic?: string;
  /** Only messages with other topics. @default all */
  readonly exceptTopic?: string;
  /** Only messages of senders for which it returns true; called for each. @default all */
  readonly from?: (sender: PeerId) => boolean;
  /** Ends the iterator. */
  readonly signal?: AbortSignal;
}

/** Which messages a consumer gets. */
export type MessageFilter = Omit<MessagesOptions, "signal">;

/** Is told what a consumer does with a message: the inbox. */
export interface MessageOwner {
  acked(incoming: IncomingMessage): void;
  nacked(incoming: IncomingMessage, reason: string): void;
  /** The consumer ended without an ack or nack. */
  released(incoming: IncomingMessage): void;
}

/** One delivery of a message. */
export class DeliveredMessage implements Message {
  readonly from: PeerId;
  readonly topic: string;
  readonly deliveryCount: number;
  #body: Uint8Array<ArrayBuffer> | undefined;
  readonly #incoming: IncomingMessage;
  readonly #owner: MessageOwner;
  #settled = false;

  constructor(incoming: IncomingMessage, owner: MessageOwner) {
    this.#incoming = incoming;
    this.#owner = owner;
    this.from = incoming.from;
    this.topic = incoming.stream.topic;
    this.deliveryCount = incoming.deliveryCount;
  }

  get id(): string {
    return this.#incoming.id.toString();
  }

  get body(): Uint8Array<ArrayBuffer> {
    // Memory that is shared with other messages must not be given away.
    const { bytes, isDeadLetter } = this.#incoming;
    return this.#body ??=
      bytes.length === bytes.buffer.byteLength && !isDeadLetter
        ? bytes
        : bytes.slice();
  }

  get view(): Uint8Array {
    return this.#body ?? this.#incoming.bytes;
  }

  text(): string {
    return UTF8.decode(this.view);
  }

  ack(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.acked(this.#incoming);
  }

  nack(reason = ""): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.nacked(this.#incoming, reason);
  }

  /** Returns it for the next consumer, unless it is acked or nacked. */
  release(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.released(this.#incoming);
  }
}
