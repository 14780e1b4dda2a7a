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
    readonly identity: PeerId;
    readonly error: VerackError;
  }[];
}

/** Waits until all connected receivers have acknowledged a broadcast. */
export class Tally implements Waiter {
  readonly outgoings: OutgoingMessage[] = [];
  readonly #done: () => void;
  readonly #failed: BroadcastResult["failed"][number][] = [];
  readonly #awaited = new Set<OutgoingMessage>();

  /** @param done Called when the last awaited receiver has acknowledged or failed. */
  constructor(done: () => void) {
    this.#done = done;
  }

  /** Receivers that are waited for. */
  get awaited(): number {
    return this.#awaited.size;
  }

  /** Adds a receiver whose message did not fit. */
  refuse(identity: PeerId, error: VerackError): void {
    this.#failed.push({ identity, error });
  }

  /** Adds a receiver, which is waited for if it is connected. */
  add(outgoing: OutgoingMessage, connected: boolean): void {
    this.outgoings.push(outgoing);
    if (connected) this.#awaited.add(outgoing);
  }

  acknowledged(outgoing: OutgoingMessage): void {
    this.disconnected(outgoing);
  }

  failed(outgoing: OutgoingMessage): void {
    this.disconnected(outgoing);
  }

  disconnected(outgoing: OutgoingMessage): void {
    if (!this.#awaited.delete(outgoing)) return;
    if (this.#awaited.size === 0) this.#done();
  }

  /** The state now. */
  result(id: string): BroadcastResult {
    const delivered: PeerId[] = [];
    const waiting: PeerId[] = [];
    const failed = [...this.#failed];
    for (const { to, done, error } of this.outgoings) {
      if (error !== undefined) failed.push({ identity: to, error });
      else if (done) delivered.push(to);
      else waiting.push(to);
    }
    return { id, delivered, waiting, failed };
  }
}
