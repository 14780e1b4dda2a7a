/**
 * What contestants on Node's kind of streams share: such a stream says only
 * whether it wants more, not how much waits in it.
 */
import type { Channel } from "../contestant.ts";

/** A channel over a stream that says when to stop and when to go on. */
export abstract class StreamChannel implements Channel {
  #isFull = false;
  #waiters: (() => void)[] = [];

  /** Nothing or endlessly much. */
  get queuedBytes(): number {
    return this.#isFull ? Infinity : 0;
  }

  send(payload: Uint8Array): void {
    if (!this.write(payload)) this.#isFull = true;
  }

  async drained(): Promise<void> {
    while (this.#isFull) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Must be called when the stream wants more. */
  protected resume(): void {
    this.#isFull = false;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Copies and writes; false when the stream wants no more for now. */
  protected abstract write(payload: Uint8Array): boolean;
  abstract close(): void;
}

/** A payload for all channels; each encrypts it for itself. */
export function broadcastEach(payload: Uint8Array): {
  sendTo(channel: Channel): void;
} {
  return { sendTo: (channel) => channel.send(payload) };
}
