/**
 * Dead letters: messages that the application nacked too often, kept until they are
 * discarded, or retried with success.
 */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import { MAX_DEAD_LETTER_BYTES, MAX_DEAD_LETTERS } from "./delivery_limits.ts";
import { messageKey } from "./message_id.ts";
import type { MessageStore, StoredDeadLetter } from "./message_store.ts";
import type { IncomingMessage } from "./peer_inbox.ts";
import { firstToGiveWay } from "./sender_memory.ts";

/** A message that the application nacked too often. */
export interface DeadLetter {
  /** Its id, 32 hex digits. */
  readonly id: string;
  /** Its sender. */
  readonly from: PeerId;
  /** The sender's topic; not escaped. */
  readonly topic: string;
  /** The body; must not be changed. */
  readonly body: Uint8Array;
  /** The reason of the last nack; may be empty, not escaped. */
  readonly reason: string;
  /** When it became a dead letter. */
  readonly at: Date;
  /** Whether it is being delivered again. */
  readonly retried: boolean;
}

/** The dead letters of one node, as `node.deadLetters`. */
export interface DeadLetters {
  /**
   * All of them, oldest first; at most 1,000, and 16,000,000 bytes. When one more does
   * not fit, those of peers without standing go first, then those of the peer that has
   * most, its oldest first.
   */
  list(): DeadLetter[];
  /**
   * One dead letter.
   *
   * @param id Its id, 32 hex digits.
   * @param from Its sender; needed only if several have sent messages of that id.
   * @throws {VerackError} `unknown-message`, `ambiguous`; `stopped` on a closed node.
   */
  get(id: string, from?: PeerId): DeadLetter;
  /**
   * Delivers a message again, after those that wait under its topic and with a delivery
   * count of 1. It stays a dead letter until it is acked.
   *
   * @throws As {@linkcode get}.
   */
  retry(id: string, from?: PeerId): void;
  /**
   * Deletes a message; durable when the call returns.
   *
   * @throws As {@linkcode get}; {@linkcode VerackError} when the store cannot write.
   */
  discard(id: string, from?: PeerId): void;
}

/** Delivers dead letters again: the inbox. */
export interface RetryTarget {
  /** Queues a dead letter. */
  retry(message: StoredDeadLetter): IncomingMessage;
  /** Removes a dead letter that was queued and is discarded. */
  withdraw(incoming: IncomingMessage): void;
}

/** Sums of one sender. */
interface Amount {
  messages: number;
  bytes: number;
}

interface Entry {
  readonly message: StoredDeadLetter;
  /** Set while it is delivered again. */
  incoming: IncomingMessage | undefined;
}

/** Settings of a {@linkcode DeadLetterBox}. */
export interface DeadLetterBoxOptions {
  readonly store: MessageStore | undefined;
  /** See `DeliverySettings.hasStanding`. */
  readonly hasStanding: (peer: PeerId) => boolean;
  readonly onDeadLetter: (message: StoredDeadLetter) => void;
}

/** Keeps the dead letters of one node. */
export class DeadLetterBox implements DeadLetters {
  readonly #options: DeadLetterBoxOptions;
  readonly #target: RetryTarget;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #amounts = new Map<PeerId, Amount>();
  #bytes = 0;
  #closed = false;

  constructor(options: DeadLetterBoxOptions, target: RetryTarget) {
    this.#options = options;
    this.#target = target;
    for (const message of options.store?.deadLetters() ?? []) {
      this.#keep(message);
    }
  }

  list(): DeadLetter[] {
    return [...this.#entries.values()].map(shown);
  }

  get(id: string, from?: PeerId): DeadLetter {
    const [, entry] = this.#find(id, from, "show");
    return shown(entry);
  }

  retry(id: string, from?: PeerId): void {
    const [, entry] = this.#find(id, from, "retry");
    entry.incoming ??= this.#target.retry(entry.message);
  }

  discard(id: string, from?: PeerId): void {
    const [key] = this.#find(id, from, "discard");
    this.#drop(key);
    this.#options.store?.commit();
  }

  close(): void {
    this.#closed = true;
  }

  /** Adds a message; one that was retried takes its own place. */
  put(message: StoredDeadLetter): void {
    this.#options.store?.putDeadLetter(message);
    this.#forget(messageKey(message.from, message.id));
    this.#keep(message);
    this.#options.onDeadLetter(message);
  }

  /** Whether a retried message was not discarded meanwhile. */
  has(incoming: IncomingMessage): boolean {
    return this.#entries.get(messageKey(incoming.from, incoming.id))
      ?.incoming === incoming;
  }

  /** The application acked a retried message. */
  acked(incoming: IncomingMessage): void {
    if (this.has(incoming)) this.#drop(messageKey(incoming.from, incoming.id));
  }

  #find(
    id: string,
    from: PeerId | undefined,
    action: string,
  ): [key: string, entry: Entry] {
    if (this.#closed) {
      throw new VerackError("stopped", "This node is closing");
    }
    const wanted = id.toLowerCase();
    const found = [...this.#entries].filter(([, { message }]) =>
      message.id.toHex() === wanted &&
      (from === undefined || message.from === from)
    );
    const [first, second] = found;
    if (first === undefined) {
      throw new VerackError(
        "unknown-message",
        `Cannot ${action} message: no dead letter has this id, must be the 32 digits of one`,
      );
    }
    if (second === undefined) return first;
    throw new VerackError(
      "ambiguous",
      `Cannot ${action} message: ${found.length} senders used this id, must be given with one of them: ${
        found.map(([, { message }]) => message.from).join(", ")
      }`,
    );
  }

  #keep(message: StoredDeadLetter): void {
    this.#entries.set(messageKey(message.from, message.id), {
      message,
      incoming: undefined,
    });
    this.#count(message, 1);
    for (
      let oldest = this.#surplus();
      oldest !== undefined;
      oldest = this.#surplus()
    ) this.#drop(oldest);
  }

  /** The message that gives way, if there are too many. */
  #surplus(): string | undefined {
    const tooMany = this.#entries.size > MAX_DEAD_LETTERS;
    if (!tooMany && this.#bytes <= MAX_DEAD_LETTER_BYTES) return undefined;
    const amounts = [...this.#amounts].map(([sender, { messages, bytes }]) =>
      [sender, tooMany ? messages : bytes] as const
    );
    const sender = firstToGiveWay(amounts, this.#options.hasStanding);
    for (const [key, { message }] of this.#entries) {
      if (message.from === sender) return key;
    }
    return undefined;
  }

  #count({ from, body }: StoredDeadLetter, sign: 1 | -1): void {
    const { messages = 0, bytes = 0 } = this.#amounts.get(from) ?? {};
    const amount = {
      messages: messages + sign,
      bytes: bytes + sign * body.length,
    };
    if (amount.messages > 0) this.#amounts.set(from, amount);
    else this.#amounts.delete(from);
    this.#bytes += sign * body.length;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    // The store comes first, because it may fail.
    this.#options.store?.deleteDeadLetter(entry.message.from, entry.message.id);
    this.#forget(key);
    if (entry.incoming !== undefined) this.#target.withdraw(entry.incoming);
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#count(entry.message, -1);
  }
}

function shown({ message, incoming }: Entry): DeadLetter {
  return {
    ...message,
    id: message.id.toHex(),
    at: new Date(message.at),
    retried: incoming !== undefined,
  };
}
