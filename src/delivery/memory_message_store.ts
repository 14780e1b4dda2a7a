/**
 * A {@linkcode MessageStore} that lives as long as it is held. Handed to the next
 * node it is a restart with memory.
 */
import type { PeerId } from "../identity/identity.ts";
import type {
  MessageStore,
  StoredAttempts,
  StoredDeadLetter,
  StoredMessage,
  StoredOutgoing,
  StoredSeen,
} from "./message_store.ts";

const DONE = Promise.resolve();

interface Kept {
  readonly message: StoredMessage;
  /** Who has not got it; not copied while it is only one. */
  readonly to: Set<PeerId> | PeerId;
}

/** Messages without a disk. */
export class MemoryMessageStore implements MessageStore {
  readonly #outgoing = new Map<number, Kept>();
  readonly #seen = new Map<PeerId, StoredSeen[]>();
  readonly #attempts = new Map<string, StoredAttempts>();
  readonly #setAside = new Map<string, StoredDeadLetter>();
  #nextKey = 1;

  *outgoing(): Iterable<StoredOutgoing> {
    for (const [key, { message, to }] of this.#outgoing) {
      for (const one of typeof to === "string" ? [to] : to) {
        yield { message, key, to: one };
      }
    }
  }

  *awaited(): Iterable<PeerId> {
    for (const { to } of this.#outgoing.values()) {
      if (typeof to === "string") yield to;
      else if (to.size === 1) yield* to;
    }
  }

  putOutgoing(message: StoredMessage, to: readonly PeerId[]): number {
    const key = this.#nextKey++;
    const [only] = to;
    this.#outgoing.set(key, {
      message,
      to: to.length === 1 && only !== undefined ? only : new Set(to),
    });
    return key;
  }

  deleteOutgoing(key: number, to: PeerId): void {
    const kept = this.#outgoing.get(key);
    if (kept === undefined) return;
    if (typeof kept.to !== "string") {
      kept.to.delete(to);
      if (kept.to.size > 0) return;
    }
    this.#outgoing.delete(key);
  }

  senders(): Set<PeerId> {
    const refused = [...this.#attempts.values()].map(({ from }) => from);
    return new Set([...[...this.#seen.keys()].reverse(), ...refused]);
  }

  seenBy(from: PeerId): Uint8Array[] {
    return (this.#seen.get(from) ?? []).map(({ id }) => id);
  }

  putSeen(seen: StoredSeen): void {
    const known = this.#seen.get(seen.from) ?? [];
    known.push(seen);
    // The last sender is the last.
    this.#seen.delete(seen.from);
    this.#seen.set(seen.from, known);
  }

  trimSeen(from: PeerId, keep: number): void {
    const known = this.#seen.get(from);
    if (known !== undefined && known.length > keep) {
      known.splice(0, known.length - keep);
    }
  }

  deleteSender(from: PeerId): void {
    this.#seen.delete(from);
    for (const [key, attempts] of this.#attempts) {
      if (attempts.from === from) this.#attempts.delete(key);
    }
  }

  trimSenders(keep: readonly PeerId[]): void {
    const kept = new Set(keep);
    for (const sender of this.senders()) {
      if (!kept.has(sender)) this.deleteSender(sender);
    }
  }

  expireSeen(before: number): void {
    for (const [from, seen] of this.#seen) {
      const kept = seen.filter(({ at }) => at >= before);
      if (kept.length === 0) this.#seen.delete(from);
      else this.#seen.set(from, kept);
    }
    for (const [key, { at }] of this.#attempts) {
      if (at < before) this.#attempts.delete(key);
    }
  }

  attempts(): StoredAttempts[] {
    return [...this.#attempts.values()];
  }

  putAttempts(attempts: StoredAttempts): void {
    const key = keyOf(attempts.from, attempts.id);
    this.#attempts.delete(key);
    this.#attempts.set(key, attempts);
  }

  trimAttempts(keep: number): void {
    for (const key of this.#attempts.keys()) {
      if (this.#attempts.size <= keep) return;
      this.#attempts.delete(key);
    }
  }

  deleteAttempts(from: PeerId, id: Uint8Array): void {
    this.#attempts.delete(keyOf(from, id));
  }

  deadLetters(): StoredDeadLetter[] {
    return [...this.#setAside.values()];
  }

  putDeadLetter(message: StoredDeadLetter): void {
    this.#setAside.set(keyOf(message.from, message.id), message);
  }

  deleteDeadLetter(from: PeerId, id: Uint8Array): void {
    this.#setAside.delete(keyOf(from, id));
  }

  commit(): void {}

  committed(): Promise<void> {
    return DONE;
  }
}

function keyOf(from: PeerId, id: Uint8Array): string {
  return `${from} ${id.toHex()}`;
}
