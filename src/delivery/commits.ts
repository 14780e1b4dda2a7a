/**
 * Messages that were put into the store and are not known to be durable: everything
 * that a turn of the event loop adds shares a commit. What is done with them then is
 * up to `outbox.ts`.
 */
import type { VerackError } from "../core/errors.ts";
import type { MessageStore } from "./message_store.ts";
import type { OutgoingMessage } from "./outgoing_message.ts";
import { notKept } from "./outgoing_errors.ts";

/** What becomes of a commit. */
export interface CommitsOptions {
  /** Absent if nothing is to outlive the node. */
  readonly store: MessageStore | undefined;
  /** These are durable. */
  readonly onKept: (batch: readonly OutgoingMessage[]) => void;
  /** These cannot be kept. */
  readonly onFailed: (
    batch: readonly OutgoingMessage[],
    error: VerackError,
  ) => void;
}

/** The commits of one outbox. */
export class Commits {
  readonly #options: CommitsOptions;
  #uncommitted: OutgoingMessage[] = [];
  #batch: readonly OutgoingMessage[] = [];
  #running = false;
  #closed: VerackError | undefined;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  /** Messages that are not durable yet, oldest first. */
  get pending(): readonly OutgoingMessage[] {
    return [...this.#batch, ...this.#uncommitted];
  }

  /** These are in the store. */
  add(outgoings: readonly OutgoingMessage[]): void {
    for (const outgoing of outgoings) this.#uncommitted.push(outgoing);
    if (!this.#running) this.#run();
  }

  /** Those that wait for a commit fail; those that are being committed do after it. */
  close(error: VerackError): void {
    this.#closed = error;
    fail(this.#uncommitted, error);
    this.#uncommitted = [];
  }

  async #run(): Promise<void> {
    const { store, onKept, onFailed } = this.#options;
    this.#running = true;
    await Promise.resolve();
    while (this.#uncommitted.length > 0) {
      const batch = this.#batch = this.#uncommitted;
      this.#uncommitted = [];
      let failure: { readonly error: unknown } | undefined;
      try {
        await store?.committed();
      } catch (error) {
        failure = { error };
      }
      this.#batch = [];
      if (failure !== undefined) onFailed(batch, notKept(failure.error));
      else if (this.#closed === undefined) onKept(batch);
      else fail(batch, this.#closed);
    }
    this.#running = false;
  }
}

function fail(outgoings: readonly OutgoingMessage[], error: VerackError): void {
  for (const outgoing of outgoings) {
    if (!outgoing.done) outgoing.waiter?.failed(outgoing, error);
  }
}
