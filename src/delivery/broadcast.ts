/** What becomes of one message to many. */
import type { VerackError } from "../errors.ts";
import type { IdentityId } from "../identity/identity.ts";
import type { Outgoing, Waiter } from "./outgoing.ts";

/** Who has a broadcast, and who has not. */
export interface BroadcastResult {
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Their applications took it. */
  readonly delivered: readonly IdentityId[];
  /** It is kept for them, and sent as long as it is not too old. */
  readonly waiting: readonly IdentityId[];
  /** They will not get it. */
  readonly failed: readonly BroadcastFailure[];
}

/** Somebody who does not get a broadcast, and why. */
export interface BroadcastFailure {
  /** Who. */
  readonly identity: IdentityId;
  /** Why, such as `full`. */
  readonly error: VerackError;
}

/** Counts until everybody who is connected has acknowledged. */
export class Tally implements Waiter {
  readonly #done: () => void;
  readonly #delivered: IdentityId[] = [];
  readonly #failed: BroadcastFailure[] = [];
  /** Those who have it not yet; true if they are waited for. */
  readonly #open = new Map<IdentityId, boolean>();
  #awaited = 0;

  /** @param done Called when nobody is waited for any more; not if nobody ever was. */
  constructor(done: () => void) {
    this.#done = done;
  }

  /** Somebody who does not get it. */
  refuse(identity: IdentityId, error: VerackError): void {
    this.#failed.push({ identity, error });
  }

  /** Another receiver, who is waited for if it is connected. */
  add(to: IdentityId, connected: boolean): void {
    this.#open.set(to, connected);
    if (connected) this.#awaited++;
  }

  /** How many are waited for. */
  get awaited(): number {
    return this.#awaited;
  }

  acknowledged({ to }: Outgoing): void {
    const awaited = this.#open.get(to) ?? false;
    this.#open.delete(to);
    this.#delivered.push(to);
    if (awaited) this.#countDown();
  }

  failed({ to }: Outgoing, error: VerackError): void {
    const awaited = this.#open.get(to) ?? false;
    this.#open.delete(to);
    this.#failed.push({ identity: to, error });
    if (awaited) this.#countDown();
  }

  disconnected({ to }: Outgoing): void {
    if (this.#open.get(to) !== true) return;
    this.#open.set(to, false);
    this.#countDown();
  }

  /** What is known now. */
  result(id: string): BroadcastResult {
    return {
      id,
      delivered: [...this.#delivered],
      waiting: [...this.#open.keys()],
      failed: [...this.#failed],
    };
  }

  #countDown(): void {
    if (--this.#awaited === 0) this.#done();
  }
}
