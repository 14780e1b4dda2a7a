/**
 * What a node remembers of others across restarts: the seam between the mesh and
 * whatever keeps it. `memory_store.ts` forgets with the process, `store/` is on
 * disk.
 *
 * Calls are synchronous and take effect for later loads at once; they are
 * durable when {@linkcode NodeStore.committed} resolves or
 * {@linkcode NodeStore.commit} returns, so that many changes share one flush.
 */
import type { MessageStore } from "../delivery/message_store.ts";
import type { IdentityId } from "../identity/identity.ts";
import type { Address } from "../transport/address.ts";
import type { Scope } from "../transport/scope.ts";
import type { Direction, Trust } from "./events.ts";
import type { AddressRank } from "./peer_addresses.ts";

/** An address of a peer on record. */
export interface StoredAddress {
  readonly address: Address;
  readonly rank: Exclude<AddressRank, "rumoured">;
  readonly namedFrom?: Scope;
}

/** A peer that was proven to us. Rumours are never stored. */
export interface StoredPeer {
  readonly identity: IdentityId;
  /** X.509 DER, judged again when it is loaded. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** What it calls itself, may be empty; escape before showing. */
  readonly name: string;
  readonly trust: Trust;
  readonly ephemeral: boolean;
  /** Best first. */
  readonly addresses: readonly StoredAddress[];
  /** Wall clock, milliseconds. */
  readonly firstSeen: number;
  /** Wall clock, milliseconds. */
  readonly lastSeen: number;
  /** By which a member admitted it, as in `PeerEntry.statement`; may be empty. */
  readonly statement: Uint8Array<ArrayBuffer>;
}

/**
 * What a person decided about an identity. `forgotten` is a tombstone: what
 * others say of it is ignored until it proves itself to us or is allowed.
 */
export type Verdict = "allowed" | "denied" | "forgotten";

/** A verdict and when it was given. */
export interface StoredVerdict {
  readonly identity: IdentityId;
  readonly verdict: Verdict;
  /** Wall clock, milliseconds. */
  readonly at: number;
}

/** Somebody who proved its key and was not admitted. */
export interface PendingPeer {
  readonly identity: IdentityId;
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** Where it came from, or where it was dialed. */
  readonly address: Address;
  /** Who dialed: only what we dialed can be dialed again. */
  readonly direction: Direction;
  /** Wall clock, milliseconds. */
  readonly firstSeen: number;
  readonly lastSeen: number;
}

/** An invite this node gave out. The code itself is not kept. */
export interface StoredInvite {
  /** By which the guest names it, 16 bytes in hex. */
  readonly id: string;
  /** What guest and host prove to each other that they know, derived from the code. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Wall clock, milliseconds. */
  readonly expiresAt: number;
  /** Who came with it; nobody else may. */
  readonly usedBy?: IdentityId;
}

/** Memory of one node. Whoever opens it closes it. */
export interface NodeStore {
  /** Messages on their way; its commits and this store's are one. */
  readonly messages: MessageStore;

  /** Every peer on record, seen last first. */
  peers(): StoredPeer[];
  putPeer(peer: StoredPeer): void;
  deletePeer(identity: IdentityId): void;

  verdicts(): StoredVerdict[];
  putVerdict(verdict: StoredVerdict): void;
  deleteVerdict(identity: IdentityId): void;

  pending(): PendingPeer[];
  putPending(peer: PendingPeer): void;
  deletePending(identity: IdentityId): void;

  invites(): StoredInvite[];
  putInvite(invite: StoredInvite): void;
  deleteInvite(id: string): void;

  /** What the node keeps about itself under a name; `undefined` if nothing. */
  setting(key: string): Uint8Array<ArrayBuffer> | undefined;
  putSetting(key: string, value: Uint8Array<ArrayBuffer>): void;

  /** Makes everything so far durable, now. */
  commit(): void;
  /** Resolves when everything so far is durable; commits are grouped. */
  committed(): Promise<void>;
  /** Commits and lets go. Idempotent. */
  close(): void;
}
