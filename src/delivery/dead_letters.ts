/**
 * Messages that the application refused too often: kept to be looked at, and offered
 * to it again on request. When they are too many, senders give way as `shares.ts`
 * says, each its oldest. How a message is handed out is in `inbox.ts`.
 */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import { MAX_DEAD_LETTER_BYTES, MAX_DEAD_LETTERS } from "../delivery_limits.ts";
import type { IncomingMessage } from "./incoming_message.ts";
import type { MessageStore, StoredDeadLetter } from "./message_store.ts";
import { firstToGiveWay } from "./shares.ts";

/** A message that the application refused too often. */
export interface DeadLetter {
  /** Its id, 32 hex digits. */
  readonly id: string;
  /** Who sent it. */
  readonly from: PeerId;
  /** What its sender filed it under; not escaped. */
  readonly topic: string;
  /** What it says; not to be changed. */
  readonly body: Uint8Array;
  /** Why it was refused the last time; may be empty, not escaped. */
  readonly reason: string;
  /** When it was set aside. */
  readonly at: Date;
  /** It is being offered to the application again. */
  readonly retried: boolean;
}

/** Messages that were set aside at one node, as `node.deadLetters`. */
export interface DeadLetters {
  /**
   * All of them, oldest first; at most 1,000, and 16,000,000 bytes. When one more does
   * not fit, those of peers without standing go first, then those of the peer that has
   * most, its oldest first.
   */
  list(): DeadLetter[];
  /**
   * One of them.
   *
   * @param id Its id, 32 hex digits.
   * @param from Its sender; needed only if several have sent messages of that id.
   * @throws {VerackError} `unknown-message`, `ambiguous`; `stopped` on a closed node.
   */
  get(id: string, from?: PeerId): DeadLetter;
  /**
   * Offers a message to the application again, from the first try, after what
   * waits under its topic. It stays set aside until it is taken.
   *
   * @throws As {@linkcode get}.
   */
  retry(id: string, from?: PeerId): void;
  /**
   * Drops a message for good; durable when the call returns.
   *
   * @throws As {@linkcode get}; {@linkcode VerackError} when the store cannot write.
   */
  discard(id: string, from?: PeerId): void;
}

/** Where a message is offered again; the inbox. */
export interface RetryTarget {
  offerAgain(message: StoredDeadLetter): IncomingMessage;
  withdraw(incoming: IncomingMessage): void;
}

/** What is kept of one sender. */
interface Amount {
  messages: number;
  bytes: number;
}

interface Entry {
  readonly message: StoredDeadLetter;
  /** Set while it is offered again. */
  incoming: IncomingMessage | undefined;
}

/** What was set aside at one node. */
export class DeadLetterBox implements DeadLetters {
  readonly #store: MessageStore | undefined;
  readonly #onPut: (message: StoredDeadLetter) => void;
  readonly #hasStanding: (peer: PeerId) => boolean;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #amounts = new Map<PeerId, Amount>();
  /** Whom {@linkcode retry} offers messages to. */
  target: RetryTarget | undefined;
  #bytes = 0;

  /**
   * @param onPut Is told of each.
   * @param hasStanding See `DeliverySettings.hasStanding`.
   */
  constructor(
    store: MessageStore | undefined,
    onPut: (message: StoredDeadLetter) => void,
    hasStanding: (peer: PeerId) => boolean,
  ) {
    this.#store = store;
    this.#onPut = onPut;
    this.#hasStanding = hasStanding;
    for (const message of store?.deadLetters() ?? []) this.#keep(message);
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
    entry.incoming ??= this.target?.offerAgain(entry.message);
  }

  discard(id: string, from?: PeerId): void {
    const [key] = this.#find(id, from, "discard");
    this.#drop(key);
    this.#store?.commit();
  }

  /** No message is offered again from now on. */
  close(): void {
    this.target = undefined;
  }

  /** Sets a message aside; one that was offered again takes its own place. */
  put(message: StoredDeadLetter): void {
    this.#store?.putDeadLetter(message);
    this.#forget(keyOf(message));
    this.#keep(message);
    this.#onPut(message);
  }

  /** Whether a message that is offered again is still wanted. */
  has(incoming: IncomingMessage): boolean {
    return this.#entries.get(keyOf(incoming))?.incoming === incoming;
  }

  /** The application has taken a message that was offered again. */
  acked(incoming: IncomingMessage): void {
    if (this.has(incoming)) this.#drop(keyOf(incoming));
  }

  #find(
    id: string,
    from: PeerId | undefined,
    action: string,
  ): [key: string, entry: Entry] {
    if (this.target === undefined) {
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
        `Cannot ${action} message: none that was set aside has this id, must be the 32 digits of one`,
      );
    }
    if (second === undefined) return first;
    throw new VerackError(
      "ambiguous",
      `Cannot ${action} message: ${found.length} senders used this id, must be told whose is meant: ${
        found.map(([, { message }]) => message.from).join(", ")
      }`,
    );
  }

  #keep(message: StoredDeadLetter): void {
    this.#entries.set(keyOf(message), { message, incoming: undefined });
    this.#count(message, 1);
    for (
      let oldest = this.#surplus();
      oldest !== undefined;
      oldest = this.#surplus()
    ) this.#drop(oldest);
  }

  /** The message that is the first to go, if they are too many. */
  #surplus(): string | undefined {
    const tooMany = this.#entries.size > MAX_DEAD_LETTERS;
    if (!tooMany && this.#bytes <= MAX_DEAD_LETTER_BYTES) return undefined;
    const amounts = [...this.#amounts].map(([sender, { messages, bytes }]) =>
      [sender, tooMany ? messages : bytes] as const
    );
    const sender = firstToGiveWay(amounts, this.#hasStanding);
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
    // First, because it may fail.
    this.#store?.deleteDeadLetter(entry.message.from, entry.message.id);
    this.#forget(key);
    if (entry.incoming !== undefined) this.target?.withdraw(entry.incoming);
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

/** Ids are their senders' choice: that of another sender's message is another one. */
function keyOf(
  { from, id }: {
    readonly from: PeerId;
    readonly id: Uint8Array | { toString(): string };
  },
): string {
  return `${from} ${id instanceof Uint8Array ? id.toHex() : id}`;
}
