/**
 * One taker of messages: an async iterator that gets each message of its topic
 * which no other taker got.
 */
import type { HandedMessage, Message } from "./message.ts";

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
  readonly topic: string | undefined;
  /** A topic that it leaves to others. */
  readonly exceptTopic: string | undefined;
  readonly #source: ConsumerSource;
  readonly #waiting: Waiter[] = [];
  #held: HandedMessage[] = [];
  #ended = false;
  /** Called once, when it takes no more. */
  onEnd: (() => void) | undefined;

  constructor(
    source: ConsumerSource,
    topic: string | undefined,
    exceptTopic: string | undefined,
  ) {
    this.#source = source;
    this.topic = topic;
    this.exceptTopic = exceptTopic;
  }

  /** Whether it waits for a message of this topic. */
  wants(topic: string): boolean {
    return this.#waiting.length > 0 && topic !== this.exceptTopic &&
      (this.topic === undefined || this.topic === topic);
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
    for (const message of this.#held.splice(0)) message.giveBack();
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
