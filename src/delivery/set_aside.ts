/**
 * Messages that the application refused too often: kept to be looked at, the
 * newest of them.
 */
import {
  MAX_SET_ASIDE_BYTES,
  MAX_SET_ASIDE_MESSAGES,
} from "../delivery_limits.ts";
import type { MessageStore, StoredSetAside } from "./message_store.ts";

/** What was set aside at one node. */
export class SetAside {
  readonly #store: MessageStore | undefined;
  readonly #onPut: (message: StoredSetAside) => void;
  readonly #messages = new Set<StoredSetAside>();
  #bytes = 0;

  /** @param onPut Is told of each. */
  constructor(
    store: MessageStore | undefined,
    onPut: (message: StoredSetAside) => void,
  ) {
    this.#store = store;
    this.#onPut = onPut;
    for (const message of store?.setAside() ?? []) this.#keep(message);
  }

  /** Oldest first. */
  list(): StoredSetAside[] {
    return [...this.#messages];
  }

  put(message: StoredSetAside): void {
    this.#store?.putSetAside(message);
    this.#keep(message);
    this.#onPut(message);
  }

  #keep(message: StoredSetAside): void {
    this.#messages.add(message);
    this.#bytes += message.body.length;
    for (const oldest of this.#messages) {
      const fits = this.#messages.size <= MAX_SET_ASIDE_MESSAGES &&
        this.#bytes <= MAX_SET_ASIDE_BYTES;
      if (fits) break;
      this.#messages.delete(oldest);
      this.#bytes -= oldest.body.length;
      this.#store?.deleteSetAside(oldest.from, oldest.id);
    }
  }
}
