/** What becomes of one message to many. */
import type { VerackError } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import type { OutgoingMessage, Waiter } from "./outgoing_message.ts";

/** Who has a broadcast, and who has not. */
export interface BroadcastResult {
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Their applications took it. */
  readonly delivered: readonly PeerId[];
  /** It is kept for them, and sent as long as it is not too old. */
  readonly waiting: readonly PeerId[];
  /** They will not get it, and why, such as `full`. */
  readonly failed: readonly {
    readonly identity: PeerId;
    readonly error: VerackError;
  }[];
}

/** Counts until everybody who is connected has acknowledged. */
export class Tally implements Waiter {
  readonly #done: () => void;
  readonly #outgoings: OutgoingMessage[] = [];
  readonly #failed: BroadcastResult["failed"][number][] = [];
  #awaited = 0;

  /** @param done Called when nobody is waited for any more; not if nobody ever was. */
  constructor(done: () => void) {
    this.#done = done;
  }

  /** Those to whom it goes. */
  get outgoings(): readonly OutgoingMessage[] {
    return this.#outgoings;
  }

  /** How many are waited for. */
  get awaited(): number {
    return this.#awaited;
  }

  /** Somebody who does not get it. */
  refuse(identity: PeerId, error: VerackError): void {
    this.#failed.push({ identity, error });
  }

  /** Another receiver, who is waited for if it is connected. */
  add(outgoing: OutgoingMessage, connected: boolean): void {
    this.#outgoings.push(outgoing);
    if (!connected) return;
    outgoing.awaited = true;
    this.#awaited++;
  }

  acknowledged(outgoing: OutgoingMessage): void {
    this.#settle(outgoing);
  }

  failed(outgoing: OutgoingMessage): void {
    this.#settle(outgoing);
  }

  disconnected(outgoing: OutgoingMessage): void {
    this.#settle(outgoing);
  }

  /** What is known now. */
  result(id: string): BroadcastResult {
    const delivered: PeerId[] = [];
    const waiting: PeerId[] = [];
    const failed = [...this.#failed];
    for (const { to, done, error } of this.#outgoings) {
      if (error !== undefined) failed.push({ identity: to, error });
      else if (done) delivered.push(to);
      else waiting.push(to);
    }
    return { id, delivered, waiting, failed };
  }

  #settle(outgoing: OutgoingMessage): void {
    if (!outgoing.awaited) return;
    outgoing.awaited = false;
    if (--this.#awaited === 0) this.#done();
  }
}
