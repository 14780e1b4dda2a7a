/** Group commit: messages that one turn of the event loop puts into the store share a commit. */
import type { VerackError } from "../core/errors.ts";
import type { MessageStore } from "./message_store.ts";
import { OutgoingMessage } from "./outgoing_message.ts";

/** Settings of {@linkcode Commits}. */
export interface CommitsOptions {
  /** Absent if nothing is to outlive the node. */
  readonly store: MessageStore | undefined;
  /** The batch is durable. */
  readonly onKept: (batch: readonly OutgoingMessage[]) => void;
  /** The batch cannot be kept. */
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

  /** Waits for messages that are in the store to become durable. */
  add(outgoings: readonly OutgoingMessage[]): void {
    for (const outgoing of outgoings) this.#uncommitted.push(outgoing);
    if (!this.#running) this.#run();
  }

  /** Fails messages that wait for a commit, and those that are being committed after it. */
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
      if (failure !== undefined) {
        onFailed(batch, OutgoingMessage.notKept(failure.error));
      } else if (this.#closed === undefined) onKept(batch);
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
