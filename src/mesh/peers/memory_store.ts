/**
 * A {@linkcode NodeStore} in memory: the default of a node without a data directory. Passed to
 * the next node, it makes a restart with its records.
 */
import type { MessageStore } from "../../delivery/message_store.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { MemoryMessageStore } from "./memory_message_store.ts";
import type {
  JoinRequest,
  NameBinding,
  NodeStore,
  PeerHead,
  StoredAccessRule,
  StoredInvite,
  StoredPeer,
} from "./node_store.ts";

/** A store in memory. */
export class MemoryStore implements NodeStore {
  readonly messages: MessageStore = new MemoryMessageStore();
  readonly #peers = new Map<PeerId, StoredPeer>();
  readonly #rules = new Map<PeerId, StoredAccessRule>();
  readonly #pending = new Map<PeerId, JoinRequest>();
  readonly #names = new Map<string, NameBinding>();
  readonly #invites = new Map<string, StoredInvite>();
  readonly #settings = new Map<string, Uint8Array<ArrayBuffer>>();

  peers(): StoredPeer[] {
    return [...this.#peers.values()].sort((a, b) => b.lastSeen - a.lastSeen);
  }

  *peerHeads(): Iterable<PeerHead> {
    for (const peer of this.peers()) {
      const { id, trust, earnedStanding, upForLong, addresses } = peer;
      const isConfigured = addresses.some(({ configured }) => configured);
      yield { id, trust, earnedStanding, upForLong, isConfigured };
    }
  }

  trimPeers(keep: readonly PeerId[]): void {
    const kept = new Set(keep);
    for (const id of this.#peers.keys()) {
      if (!kept.has(id)) this.#peers.delete(id);
    }
  }

  putPeer(peer: StoredPeer): void {
    this.#peers.set(peer.id, peer);
  }

  deletePeer(id: PeerId): void {
    this.#peers.delete(id);
  }

  accessRules(): StoredAccessRule[] {
    return [...this.#rules.values()];
  }

  putAccessRule(rule: StoredAccessRule): void {
    this.#rules.set(rule.id, rule);
  }

  deleteAccessRule(id: PeerId): void {
    this.#rules.delete(id);
  }

  joinRequests(): JoinRequest[] {
    return [...this.#pending.values()];
  }

  putJoinRequest(peer: JoinRequest): void {
    this.#pending.set(peer.id, peer);
  }

  deleteJoinRequest(id: PeerId): void {
    this.#pending.delete(id);
  }

  nameBindings(): NameBinding[] {
    return [...this.#names.values()];
  }

  putNameBinding(binding: NameBinding): void {
    this.#names.delete(binding.name);
    this.#names.set(binding.name, binding);
  }

  deleteNameBinding(name: string): void {
    this.#names.delete(name);
  }

  invites(): StoredInvite[] {
    return [...this.#invites.values()];
  }

  putInvite(invite: StoredInvite): void {
    this.#invites.set(invite.id, invite);
  }

  deleteInvite(id: string): void {
    this.#invites.delete(id);
  }

  setting(key: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#settings.get(key);
  }

  putSetting(key: string, value: Uint8Array<ArrayBuffer>): void {
    this.#settings.set(key, value);
  }

  commit(): void {}

  committed(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
