/**
 * Peers that a closed node has admitted and has no record of any more: their key
 * lived in memory and they left, or they could not be reached. They come back as
 * they were, so that it does not depend on timing whether they are let in.
 */
import type { IdentityId } from "../identity/identity.ts";
import { MAX_FORMER_MEMBERS } from "../limits.ts";

/** Admissions without a record, of one node; the oldest give way. */
export class FormerMembers {
  readonly #statements = new Map<IdentityId, Uint8Array<ArrayBuffer>>();

  /** @param statement By which it was admitted; empty if this node did it itself. */
  add(identity: IdentityId, statement: Uint8Array<ArrayBuffer>): void {
    this.#statements.delete(identity);
    this.#statements.set(identity, statement);
    if (this.#statements.size <= MAX_FORMER_MEMBERS) return;
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined) this.#statements.delete(oldest);
  }

  has(identity: IdentityId): boolean {
    return this.#statements.has(identity);
  }

  /** Forgets it; the statement by which it was admitted, if it was. */
  take(identity: IdentityId): Uint8Array<ArrayBuffer> | undefined {
    const statement = this.#statements.get(identity);
    this.#statements.delete(identity);
    return statement;
  }
}
