/** A message as the application gets it. */
import type { PeerId } from "../identity/identity.ts";
import type { IncomingMessage } from "./incoming_message.ts";

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A message from a peer. Whoever has it says {@linkcode Message.ack} or
 * {@linkcode Message.nack}, or asks for the next, which acknowledges it too.
 */
export interface Message {
  /** Its random id, 32 hex digits: the same whenever it comes again. */
  readonly id: string;
  /** Whose key sent it, proven. */
  readonly from: PeerId;
  /** What its sender filed it under; not escaped. */
  readonly topic: string;
  /** What it says; yours to keep. */
  readonly body: Uint8Array<ArrayBuffer>;
  /**
   * The same without a copy, to be read and not to be kept: it may share its memory
   * with other messages, and a short one's own array costs as much as all the rest.
   */
  readonly view: Uint8Array;
  /** Which try it is, from 1. */
  readonly deliveryCount: number;
  /** The body as UTF-8, wrong bytes replaced; not escaped. */
  text(): string;
  /**
   * It is taken: its sender is told as soon as that is recorded, and it does not
   * come again. Does nothing when it is acknowledged or refused already.
   *
   * @throws {VerackError} `bad-data` when it cannot be recorded; it comes again.
   */
  ack(): void;
  /**
   * It cannot be taken now. It comes again after a while, and what its sender sent
   * after it under the same topic waits for it; after too many tries it is set
   * aside and its sender is told. Does nothing when it is acknowledged or refused
   * already.
   *
   * @param reason Why, for whoever looks at what was set aside.
   */
  nack(reason?: string): void;
}

/** Who is told what the application did with a message; the inbox. */
export interface MessageOwner {
  acked(incoming: IncomingMessage): void;
  nacked(incoming: IncomingMessage, reason: string): void;
  /** Its taker left without a word. */
  released(incoming: IncomingMessage): void;
}

/** A message that was handed out. */
export class HandedMessage implements Message {
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
    // What shares its memory with others must not be given away.
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

  /** Its taker leaves: unless it is settled, it is for whoever takes next. */
  release(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#owner.released(this.#incoming);
  }
}
