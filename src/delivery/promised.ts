/** The promise of `Node.send`, which one message keeps or breaks. */
import type { VerackError } from "../core/errors.ts";
import type { OutgoingMessage, Waiter } from "./outgoing_message.ts";

/** Awaits one message. */
export class Promised implements Waiter {
  readonly #resolve: () => void;
  readonly #reject: (error: VerackError) => void;
  onEnd: (() => void) | undefined;

  constructor(resolve: () => void, reject: (error: VerackError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  acknowledged(): void {
    this.onEnd?.();
    this.#resolve();
  }

  failed(_outgoing: OutgoingMessage, error: VerackError): void {
    this.onEnd?.();
    this.#reject(error);
  }
}
