/** The result of a broadcast: which peers have it, and which do not. */
import type { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import type { OutgoingMessage, Waiter } from "./outgoing_message.ts";

/** What became of a broadcast. */
export interface BroadcastResult {
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Peers whose applications acked it. */
  readonly delivered: readonly PeerId[];
  /** Peers for which it is kept, and sent until it expires. */
  readonly waiting: readonly PeerId[];
  /** Peers that will not get it, and why, such as `full`. */
  readonly failed: readonly {
    readonly id: PeerId;
    readonly error: VerackError;
  }[];
}

/** Waits until all connected receivers have acknowledged a broadcast. */
export class Tally implements Waiter {
  readonly outgoings: OutgoingMessage[] = [];
  readonly #done: () => void;
  readonly #onEnough: () => void;
  readonly #failed: BroadcastResult["failed"][number][] = [];
  readonly #awaited = new Set<OutgoingMessage>();
  /** Awaited receivers with standing, and whether there were any. */
  readonly #standing = new Set<OutgoingMessage>();
  #hasStanding = false;

  /**
   * @param done Called when the last awaited receiver has acknowledged or failed.
   * @param onEnough Called, perhaps several times, when all receivers with standing have
   * acknowledged or failed, or if there are none when another has acknowledged.
   */
  constructor(done: () => void, onEnough: () => void) {
    this.#done = done;
    this.#onEnough = onEnough;
  }

  /** Receivers that are waited for. */
  get awaited(): number {
    return this.#awaited.size;
  }

  /** Adds a receiver whose message did not fit. */
  refuse(id: PeerId, error: VerackError): void {
    this.#failed.push({ id, error });
  }

  /** Adds a receiver, which is waited for if it is connected. */
  add(
    outgoing: OutgoingMessage,
    connected: boolean,
    hasStanding: boolean,
  ): void {
    this.outgoings.push(outgoing);
    if (!connected) return;
    this.#awaited.add(outgoing);
    if (!hasStanding) return;
    this.#standing.add(outgoing);
    this.#hasStanding = true;
  }

  acknowledged(outgoing: OutgoingMessage): void {
    this.#settle(outgoing, true);
  }

  failed(outgoing: OutgoingMessage): void {
    this.#settle(outgoing);
  }

  disconnected(outgoing: OutgoingMessage): void {
    this.#settle(outgoing);
  }

  /** The state now. */
  result(id: string): BroadcastResult {
    const delivered: PeerId[] = [];
    const waiting: PeerId[] = [];
    const failed = [...this.#failed];
    for (const { to, done, error } of this.outgoings) {
      if (error !== undefined) failed.push({ id: to, error });
      else if (done) delivered.push(to);
      else waiting.push(to);
    }
    return { id, delivered, waiting, failed };
  }
  #settle(outgoing: OutgoingMessage, isAcknowledged = false): void {
    if (!this.#awaited.delete(outgoing)) return;
    this.#standing.delete(outgoing);
    if (this.#awaited.size === 0) return this.#done();
    const isEnough = this.#hasStanding
      ? this.#standing.size === 0
      : isAcknowledged;
    if (isEnough) this.#onEnough();
  }
}
