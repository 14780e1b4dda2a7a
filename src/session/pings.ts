/** Pings of one session that wait for their pong: bounded bookkeeping. */
import { MAX_PENDING_PINGS } from "../limits.ts";

/** A ping that waits. */
export interface PendingPing {
  readonly nonce: bigint;
  /** Monotonic clock, milliseconds. */
  readonly sentAt: number;
  readonly settle: ((answered: boolean) => void) | undefined;
}

/** The pings that wait; the oldest is given up when there are too many. */
export class PendingPings {
  /** Oldest first. Most often none or one: a map would cost every session more. */
  readonly #pings: PendingPing[] = [];

  /** A ping was sent; `settle` hears once whether it was answered. */
  add(
    nonce: bigint,
    sentAt: number,
    settle?: (answered: boolean) => void,
  ): void {
    if (this.#pings.length >= MAX_PENDING_PINGS) {
      this.#pings.shift()?.settle?.(false);
    }
    this.#pings.push({ nonce, sentAt, settle });
  }

  /** A pong came: takes out its ping, which the caller settles, if we had asked. */
  answer(nonce: bigint): PendingPing | undefined {
    return this.#take(nonce);
  }

  /** No pong is waited for any more. */
  giveUp(nonce: bigint): void {
    this.#take(nonce)?.settle?.(false);
  }

  /** The session ended. */
  clear(): void {
    for (const { settle } of this.#pings.splice(0)) settle?.(false);
  }

  #take(nonce: bigint): PendingPing | undefined {
    const at = this.#pings.findIndex((ping) => ping.nonce === nonce);
    return at < 0 ? undefined : this.#pings.splice(at, 1)[0];
  }
}
