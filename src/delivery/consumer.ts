/**
 * One taker of messages: an async iterator that gets each message that passes its
 * filter and which no other taker got.
 */
import type { PeerId } from "../identity/identity.ts";
import type { HandedMessage, Message } from "./message.ts";
import type { MessageFilter } from "./turns.ts";

/** Where a {@linkcode Consumer} gets its messages; the inbox. */
export interface ConsumerSource {
  /** The next message that can be handed out now. */
  take(consumer: Consumer): HandedMessage | undefined;
  /** It takes no more. */
  left(consumer: Consumer): void;
}

type Result = IteratorResult<Message, undefined>;
type Waiter = (result: Result) => void;

/** Takes messages until it is ended. */
export class Consumer implements AsyncIterableIterator<Message, undefined> {
  /** Which messages it takes. */
  readonly filter: MessageFilter;
  readonly #source: ConsumerSource;
  readonly #waiting: Waiter[] = [];
  #held: HandedMessage[] = [];
  #ended = false;
  /** Called once, when it takes no more. */
  onEnd: (() => void) | undefined;

  constructor(source: ConsumerSource, filter: MessageFilter) {
    this.#source = source;
    this.filter = filter;
  }

  /** Whether it waits for a message. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether it waits for a message of this topic from this sender. */
  wants(topic: string, sender: PeerId): boolean {
    const { topic: only, exceptTopic, from } = this.filter;
    return this.isWaiting && topic !== exceptTopic &&
      (only === undefined || only === topic) && from?.(sender) !== false;
  }

  /** Hands a message to it, which it {@linkcode wants}. */
  deliver(message: HandedMessage): void {
    this.#held.push(message);
    this.#waiting.shift()?.({ value: message, done: false });
  }

  /** Acknowledges the message before and resolves with the next. */
  next(): Promise<Result> {
    const held = this.#held;
    if (held.length > 0) {
      this.#held = [];
      try {
        for (const message of held) message.ack();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    if (this.#waiting.length === 0) {
      const message = this.#source.take(this);
      if (message !== undefined) {
        this.#held.push(message);
        return Promise.resolve({ value: message, done: false });
      }
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Leaves: a message that is neither acknowledged nor refused goes to the next taker. */
  return(): Promise<Result> {
    this.end();
    for (const message of this.#held.splice(0)) message.release();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** No more messages come; whoever has one may still settle it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#source.left(this);
    this.onEnd?.();
    for (const resolve of this.#waiting.splice(0)) {
      resolve({ value: undefined, done: true });
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
