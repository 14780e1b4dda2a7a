/**
 * Dead letters: messages that the application nacked too often, kept until they are
 * discarded, or retried with success.
 */
import { VerackError } from "../core/errors.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MAX_DEAD_LETTER_BYTES, MAX_DEAD_LETTERS } from "./delivery_limits.ts";
import type { DeliverySettings } from "./delivery_settings.ts";
import type { StoredDeadLetter } from "./message_store.ts";
import { messageKey } from "./seen_ids.ts";
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
  retry(message: StoredDeadLetter): void;
  /** Removes one that was queued and is discarded. */
  withdraw(message: StoredDeadLetter): void;
}

interface Entry {
  readonly message: StoredDeadLetter;
  /** Whether it is being delivered again. */
  isRetried: boolean;
}

type DeadLetterSettings = Pick<
  DeliverySettings,
  "counters" | "store" | "hasStanding" | "onDeadLetter"
>;

/** Keeps the dead letters of one node. */
export class DeadLetterBox implements DeadLetters {
  readonly #settings: DeadLetterSettings;
  readonly #target: RetryTarget;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #closed = false;

  constructor(settings: DeadLetterSettings, target: RetryTarget) {
    this.#settings = settings;
    this.#target = target;
    for (const message of settings.store?.deadLetters() ?? []) {
      this.#keep(message);
    }
  }

  /** How many there are, and the bytes of their bodies. */
  get usage(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#entries.size, bytes: this.#bytes };
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
    if (!entry.isRetried) this.#target.retry(entry.message);
    entry.isRetried = true;
  }

  discard(id: string, from?: PeerId): void {
    const [key] = this.#find(id, from, "discard");
    this.#drop(key);
    this.#settings.store?.commit();
  }

  close(): void {
    this.#closed = true;
  }

  /** Adds a message; one that was retried takes its own place. */
  put(message: StoredDeadLetter): void {
    this.#settings.store?.putDeadLetter(message);
    this.#forget(messageKey(message.from, message.id));
    this.#keep(message);
    this.#settings.counters.messagesDeadLettered++;
    this.#settings.onDeadLetter(message);
  }

  /** Whether the message is a dead letter; a retried one may have been discarded meanwhile. */
  has(message: StoredDeadLetter): boolean {
    const key = messageKey(message.from, message.id);
    return this.#entries.get(key)?.message === message;
  }

  /** The application acked a retried message. */
  acked(message: StoredDeadLetter): void {
    if (this.has(message)) this.#drop(messageKey(message.from, message.id));
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
    const key = messageKey(message.from, message.id);
    this.#entries.set(key, { message, isRetried: false });
    this.#bytes += message.body.length;
    for (;;) {
      const isTooMany = this.#entries.size > MAX_DEAD_LETTERS;
      if (!isTooMany && this.#bytes <= MAX_DEAD_LETTER_BYTES) return;
      const { from, id } = firstToGiveWay(
        [...this.#entries.values()].map(({ message }) => message),
        ({ body }) => isTooMany ? 1 : body.length,
        this.#settings.hasStanding,
      );
      this.#drop(messageKey(from, id));
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const { message, isRetried } = entry;
    // The store comes first, because it may fail.
    this.#settings.store?.deleteDeadLetter(message.from, message.id);
    this.#forget(key);
    if (isRetried) this.#target.withdraw(message);
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.message.body.length;
  }
}

function shown({ message, isRetried }: Entry): DeadLetter {
  return {
    ...message,
    id: message.id.toHex(),
    at: new Date(message.at),
    retried: isRetried,
  };
}
