/**
 * Peers that a closed node has admitted and has no record of any more: their key
 * lived in memory and they left, or they could not be reached. They come back as
 * they were, so that it does not depend on timing whether they are let in.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import type { PeerId } from "../../identity/identity.ts";
import { MAX_FORMER_MEMBERS } from "../../limits.ts";

interface Former {
  /** By which it was admitted; empty if this node did it itself. */
  readonly attestation: Uint8Array<ArrayBuffer>;
  readonly hasStanding: boolean;
}

/**
 * Admissions without a record, of one node; the oldest give way, those of peers
 * without standing first.
 */
export class FormerMembers {
  readonly #members = new BoundedMap<PeerId, Former>(
    MAX_FORMER_MEMBERS,
    ({ hasStanding }) => !hasStanding,
  );

  add(id: PeerId, member: Former): void {
    this.#members.set(id, member);
  }

  has(id: PeerId): boolean {
    return this.#members.has(id);
  }

  /** Forgets it; the attestation by which it was admitted, if it was. */
  take(id: PeerId): Uint8Array<ArrayBuffer> | undefined {
    const member = this.#members.get(id);
    this.#members.delete(id);
    return member?.attestation;
  }
}
