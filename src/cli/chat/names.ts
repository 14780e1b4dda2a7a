/**
 * How a chat calls peers: `alice` while only one peer has ever claimed the name here,
 * `alice (d26d938b)` as soon as a second one does.
 */
import type { PeerId } from "../../identity/identity.ts";
import { foldName, peerLabel, shownName } from "../../identity/peer_name.ts";
import { MAX_NAME_CLAIMS } from "../../limits.ts";
import type { Node } from "../../mesh/node.ts";

/** Names and the peers that have claimed them, also those that have left. */
export class Names {
  readonly #node: Node;
  readonly #claims = new Map<string, Set<PeerId>>();
  #count = 0;

  constructor(node: Node) {
    this.#node = node;
    if (node.name !== "") this.#claim(node.identity.id, node.name);
    for (const { id, name, firstSeen } of node.peers()) {
      // A name that was only gossiped is no verified claim.
      if (firstSeen !== undefined) this.claim(id, name);
    }
  }

  /** A verified peer claims a name. */
  claim(id: PeerId, name: string | undefined): void {
    if (name !== undefined && name !== "") this.#claim(id, name);
  }

  /** What a peer is called. */
  label(id: PeerId): string {
    const { name, boundName, nameHeldBy } = this.#node.peer(id) ?? {};
    this.claim(id, name);
    this.claim(id, boundName);
    const called = boundName ?? name;
    // The holder may be away, and have claimed nothing since this chat began.
    const isHeld = boundName === undefined && nameHeldBy !== undefined;
    return called === undefined || isHeld || this.#isAmbiguous(called)
      ? peerLabel(id, name, boundName)
      : shownName(called);
  }

  /** What can be typed for each peer: its name if it means that peer, else first digits. */
  typed(): string[] {
    return this.#node.peers().map(
      ({ id, name, boundName, nameHeldBy, introducedBy }) =>
        // What a person gave means that peer, whatever others call themselves.
        boundName ??
          (name !== undefined && shownName(name) === name &&
              nameHeldBy === undefined && introducedBy === undefined &&
              !this.#isAmbiguous(name)
            ? name
            : id.slice(0, 8)),
    );
  }

  #isAmbiguous(name: string): boolean {
    // Dropping a claim would let another peer pass for its owner.
    return this.#count >= MAX_NAME_CLAIMS ||
      (this.#claims.get(foldName(name))?.size ?? 0) > 1;
  }

  #claim(id: PeerId, name: string): void {
    if (this.#count >= MAX_NAME_CLAIMS) return;
    const folded = foldName(name);
    const claimants = this.#claims.get(folded) ?? new Set();
    this.#claims.set(folded, claimants);
    if (claimants.has(id)) return;
    claimants.add(id);
    this.#count++;
  }
}
