/**
 * The members of the mesh as this node sees them, itself and the peers it has sessions
 * with, as a digest: nodes that see the same members have the same digest. The comparison
 * is in `peer_exchange.ts`.
 */
import { hash } from "node:crypto";
import type { PeerId } from "../../identity/identity.ts";
import { FINGERPRINT_BYTES } from "../../wire/messages/peer_request.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerTable } from "../peers/peer_table.ts";

/** One node's view. Kept until a peer comes up or goes down: it is asked for far more often. */
export class MemberDigest {
  readonly #own: PeerId;
  readonly #table: PeerTable;
  #fingerprints: readonly string[] | undefined;
  #digest = "";

  constructor(own: PeerId, table: PeerTable, events: PeerEvents) {
    this.#own = own;
    this.#table = table;
    for (const event of ["introduced", "down"] as const) {
      events.on(event, () => this.#fingerprints = undefined);
    }
  }

  /** SHA-256 of the members' 32 bytes each, in ascending order; hex. */
  get digest(): string {
    this.#look();
    return this.#digest;
  }

  /** The members' fingerprints, in ascending order. */
  get fingerprints(): readonly string[] {
    return this.#look();
  }

  #look(): readonly string[] {
    if (this.#fingerprints !== undefined) return this.#fingerprints;
    const members = this.#table.connected().map(({ id }) => id);
    members.push(this.#own);
    members.sort();
    const bytes = Uint8Array.fromHex(members.join(""));
    this.#digest = hash("sha256", bytes, "hex");
    return this.#fingerprints = members.map(fingerprint);
  }
}

/** The first 8 bytes of an identity; hex. */
export function fingerprint(id: PeerId): string {
  return id.slice(0, 2 * FINGERPRINT_BYTES);
}
