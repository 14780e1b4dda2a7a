/** A consumer: an async iterator over messages, each of which no other consumer gets. */
import { refuseUnknownOptions } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { IncomingMessage, Message } from "./incoming_message.ts";

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

/**
 * Handles a message, which is acked once it returns or its promise resolves. Nothing of the body
 * can be read after that but what was read before.
 */
export type MessageHandler = (message: Message) => void | Promise<void>;

/** Which messages a consumer gets. */
export type MessageFilter = Omit<MessagesOptions, "signal">;

/** The source of a {@linkcode Consumer}: the inbox. */
export interface ConsumerSource {
  /** The next message that can be delivered now. */
  take(filter: MessageFilter): IncomingMessage | undefined;
  /** The consumer has ended. */
  removeConsumer(consumer: Consumer): void;
}

const OPTION_NAMES: Readonly<Record<keyof MessagesOptions, true>> = {
  topic: true,
  exceptTopic: true,
  from: true,
  signal: true,
};

type Result = IteratorResult<IncomingMessage, undefined>;

/** Gets messages until it is ended. */
export class Consumer implements AsyncIterableIterator<Message, undefined> {
  readonly filter: MessageFilter;
  readonly #source: ConsumerSource;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: PromiseWithResolvers<Result>[] = [];
  /** Delivered since the last call of {@linkcode next}. */
  #held: IncomingMessage | undefined;
  /** More of those, when several calls were waiting. */
  #alsoHeld: IncomingMessage[] = [];
  #ended = false;
  readonly #onAbort = () => this.end();

  constructor(
    source: ConsumerSource,
    options: MessagesOptions,
  ) {
    refuseUnknownOptions(options, OPTION_NAMES, "Cannot consume messages");
    const { signal, ...filter } = options;
    this.#source = source;
    this.filter = filter;
    this.#signal = signal;
    if (signal?.aborted) this.end();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Whether it waits for a message. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Whether it waits for a message of this topic from this sender. */
  wants(topic: string, sender: PeerId): boolean {
    const { topic: only, exceptTopic, from } = this.filter;
    try {
      return this.isWaiting && topic !== exceptTopic &&
        (only === undefined || only === topic) && from?.(sender) !== false;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Its filter has thrown: ends it, and rejects what waits with the error. */
  fail(error: unknown): void {
    const waiting = this.#waiting.splice(0);
    this.end();
    for (const { reject } of waiting) reject(error);
  }

  /** Delivers a message that it {@linkcode wants}. */
  deliver(message: IncomingMessage): void {
    this.#hold(message);
    this.#waiting.shift()?.resolve({ value: message, done: false });
  }

  /** Acks the message before and resolves with the next. */
  next(): Promise<Result> {
    try {
      const value = this.#nextReady();
      if (value !== undefined) return Promise.resolve({ value, done: false });
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    const waiting = Promise.withResolvers<Result>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Calls `handler` with each message until it is ended; see `Node.consume`. */
  async run(handler: MessageHandler): Promise<void> {
    try {
      for await (const first of this) {
        let message: IncomingMessage | undefined = first;
        while (message !== undefined) {
          const pending = handler(message);
          if (pending !== undefined) await pending;
          const next = this.#nextReady();
          message.free();
          message = next;
        }
      }
    } finally {
      // If `next` rejects, a loop does not call `return`.
      this.end();
    }
  }

  /** Acks the message before and returns the next, if there is one already. */
  #nextReady(): IncomingMessage | undefined {
    this.#settleHeld(ack);
    if (this.#ended || this.isWaiting) return undefined;
    const message = this.#source.take(this.filter);
    if (message !== undefined) this.#hold(message);
    return message;
  }

  /** Ends it; a message that it has neither acked nor nacked goes to the next consumer. */
  return(): Promise<Result> {
    this.end();
    try {
      this.#settleHeld(release);
    } catch (error) {
      return Promise.reject(error);
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Ends it; messages that it has can still be acked or nacked. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#source.removeConsumer(this);
    for (const { resolve } of this.#waiting.splice(0)) {
      resolve({ value: undefined, done: true });
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #hold(message: IncomingMessage): void {
    if (this.#held === undefined) this.#held = message;
    else this.#alsoHeld.push(message);
  }

  /** Settles each held message, also after one that fails; throws the first error. */
  #settleHeld(settle: (message: IncomingMessage) => void): void {
    const [held, others] = [this.#held, this.#alsoHeld];
    if (held === undefined) return;
    this.#held = undefined;
    if (others.length === 0) return settle(held);
    this.#alsoHeld = [];
    const errors: unknown[] = [];
    for (const message of [held, ...others]) {
      try {
        settle(message);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

function ack(message: IncomingMessage): void {
  message.ack();
}

function release(message: IncomingMessage): void {
  message.release();
}
