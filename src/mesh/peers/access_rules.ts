/** Access rules: which peers are allowed, denied or forgotten. */
import type { PeerId } from "../../core/peer_id.ts";
import type { AccessRule, NodeStore, StoredAccessRule } from "./node_store.ts";

/** Whether a rule refuses a peer in spite of attestations. */
export function keepsOut(rule: AccessRule | undefined): boolean {
  return rule === "denied" || rule === "forgotten";
}

/** The rules of one node. */
export class AccessRules {
  readonly #store: NodeStore;
  /** Oldest first. */
  readonly #rules = new Map<PeerId, StoredAccessRule>();

  constructor(store: NodeStore) {
    this.#store = store;
    for (const rule of store.accessRules()) this.#rules.set(rule.id, rule);
  }

  /** Every rule, oldest first. */
  list(): StoredAccessRule[] {
    return [...this.#rules.values()];
  }

  /** The rule about a peer. */
  of(id: PeerId): AccessRule | undefined {
    return this.#rules.get(id)?.rule;
  }

  isDenied(id: PeerId): boolean {
    return this.of(id) === "denied";
  }

  /** Whether it is denied or forgotten, so that gossip about it is ignored. */
  ignoresGossipAbout(id: PeerId): boolean {
    return keepsOut(this.of(id));
  }

  /** Sets a rule; it is in force even if it cannot be stored. */
  set(rule: StoredAccessRule): void {
    this.#rules.delete(rule.id);
    this.#rules.set(rule.id, rule);
    this.#store.putAccessRule(rule);
  }

  /** Removes a rule, likewise. */
  delete(id: PeerId): void {
    if (this.#rules.delete(id)) this.#store.deleteAccessRule(id);
  }
}
