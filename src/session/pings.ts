/** Pings of one session that wait for their pong: bounded bookkeeping. */
import { MAX_PENDING_PINGS } from "../limits.ts";

interface PendingPing {
  /** Monotonic clock, milliseconds. */
  readonly sentAt: number;
  readonly settle: ((answered: boolean) => void) | undefined;
}

/** The pings that wait; the oldest is given up when there are too many. */
export class PendingPings {
  readonly #pings = new Map<bigint, PendingPing>();

  /** A ping was sent; `settle` hears once whether it was answered. */
  add(
    nonce: bigint,
    sentAt: number,
    settle?: (answered: boolean) => void,
  ): void {
    if (this.#pings.size >= MAX_PENDING_PINGS) {
      const [oldest] = this.#pings.keys();
      if (oldest !== undefined) this.giveUp(oldest);
    }
    this.#pings.set(nonce, { sentAt, settle });
  }

  /** A pong came: the round trip in milliseconds, if we had asked. */
  answer(nonce: bigint, now: number): number | undefined {
    const ping = this.#pings.get(nonce);
    if (ping === undefined) return undefined;
    this.#pings.delete(nonce);
    ping.settle?.(true);
    return now - ping.sentAt;
  }

  /** No pong is waited for any more. */
  giveUp(nonce: bigint): void {
    const ping = this.#pings.get(nonce);
    this.#pings.delete(nonce);
    ping?.settle?.(false);
  }

  /** The session ended. */
  clear(): void {
    for (const nonce of [...this.#pings.keys()]) this.giveUp(nonce);
  }
}
