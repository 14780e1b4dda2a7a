/**
 * What a node remembers of others across restarts: the seam between the mesh and
 * whatever keeps it. `memory_store.ts` forgets with the process, `store/` is on
 * disk.
 *
 * Calls are synchronous and take effect for later loads at once; they are
 * durable when {@linkcode NodeStore.committed} resolves or
 * {@linkcode NodeStore.commit} returns, so that many changes share one flush.
 */
import type { MessageStore } from "../../delivery/message_store.ts";
import type { PeerId } from "../../identity/identity.ts";
import type { Address } from "../../transport/address.ts";
import type { Scope } from "../../transport/scope.ts";
import type { Direction, Trust } from "../events.ts";

/** An address of a peer on record. */
export interface StoredAddress {
  /** Where it may be reached. */
  readonly address: Address;
  /** How well it is known; what others said of it is not stored. */
  readonly rank: "verified" | "configured" | "advertised";
  /** A person gave it to us; the key that was there then is pinned there. */
  readonly configured: boolean;
  /** How far away was the one that named it, see `PeerAddress.namedFrom`. */
  readonly namedFrom?: Scope;
}

/** A peer that was proven to us. Gossip is never stored. */
export interface StoredPeer {
  /** Its identity. */
  readonly id: PeerId;
  /** X.509 DER, judged again when it is loaded. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** What it calls itself, may be empty; escape before showing. */
  readonly name: string;
  /** How we came to trust it. */
  readonly trust: Trust;
  /** Its key dies with its process. */
  readonly ephemeral: boolean;
  /** Where it may be reached, best first. */
  readonly addresses: readonly StoredAddress[];
  /** When it was first proven; wall clock, milliseconds. */
  readonly firstSeen: number;
  /** When it was last proven or heard; wall clock, milliseconds. */
  readonly lastSeen: number;
  /** By which a member admitted it, as in `PeerEntry.attestation`; may be empty. */
  readonly attestation: Uint8Array<ArrayBuffer>;
  /** It has earned standing, see `standing.ts`. */
  readonly earnedStanding: boolean;
  /** It has standing as it was up for long, see `standing.ts`. */
  readonly upForLong: boolean;
  /** Where its last session came from, see `sourceOf`; empty if that is not known. */
  readonly source: string;
}

/** Of a peer on record what says whether it has standing. */
export interface PeerHead extends
  Pick<
    StoredPeer,
    "id" | "trust" | "earnedStanding" | "upForLong"
  > {
  /** A person gave one of its addresses. */
  readonly isConfigured: boolean;
}

/**
 * What a person decided about an identity. `forgotten` is a tombstone: what
 * others say of it is ignored until it proves itself to us or is allowed.
 */
export type AccessRule = "allowed" | "denied" | "forgotten";

/** An access rule and when it was made. */
export interface StoredAccessRule {
  /** The identity that it is about. */
  readonly id: PeerId;
  /** What was decided. */
  readonly rule: AccessRule;
  /** When; wall clock, milliseconds. */
  readonly at: number;
}

/** A peer that proved its key and was not admitted. */
export interface JoinRequest {
  /** Its identity. */
  readonly id: PeerId;
  /** X.509 DER, which was judged. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** Where it came from, or where it was dialed. */
  readonly address: Address;
  /** Which end dialed: only what we dialed can be dialed again. */
  readonly direction: Direction;
  /** When it first came; wall clock, milliseconds. */
  readonly firstSeen: number;
  /** When it last came; wall clock, milliseconds. */
  readonly lastSeen: number;
}

/** A name and the identity that it means. */
export interface NameBinding {
  /** In lower case and normal form C, see `foldName`. */
  readonly name: string;
  /** Which it means. */
  readonly id: PeerId;
  /** The key of the identity dies with its process. */
  readonly ephemeral: boolean;
  /** A person has said so. */
  readonly confirmed: boolean;
}

/** An invite this node gave out. The code itself is not kept. */
export interface StoredInvite {
  /** By which the guest names it, 16 bytes in hex. */
  readonly id: string;
  /** What guest and host prove to each other that they know, derived from the code. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** From when on it is worth nothing, see `KeptTime.latest`, milliseconds. */
  readonly expiresAt: number;
  /** The peer that came with it; no other may. */
  readonly usedBy?: PeerId;
}

/** Memory of one node. Whoever opens it closes it. */
export interface NodeStore {
  /** Messages on their way; its commits and this store's are one. */
  readonly messages: MessageStore;

  /** Every peer on record, seen last first. */
  peers(): StoredPeer[];
  /**
   * The same in short, in the same order: a store of an older version may have more
   * than fit in memory. To be read to the end before anything else is done.
   */
  peerHeads(): Iterable<PeerHead>;
  /** Takes all peers off the record but those in `keep`. */
  trimPeers(keep: readonly PeerId[]): void;
  /** Puts a peer on record, or replaces what is. */
  putPeer(peer: StoredPeer): void;
  /** Takes a peer off the record. */
  deletePeer(id: PeerId): void;

  /** Every rule in force, oldest first. */
  accessRules(): StoredAccessRule[];
  /** Gives a rule, in the place of an earlier one about the same identity. */
  putAccessRule(rule: StoredAccessRule): void;
  /** Takes a rule back. */
  deleteAccessRule(id: PeerId): void;

  /** All that wait for a rule, oldest first. */
  joinRequests(): JoinRequest[];
  /** Lets a peer wait, or replaces what is known of it. */
  putJoinRequest(peer: JoinRequest): void;
  /** A peer waits no more. */
  deleteJoinRequest(id: PeerId): void;

  /** Every name that is bound, the oldest first. */
  nameBindings(): NameBinding[];
  /** Binds a name, in the place of an earlier binding of it. */
  putNameBinding(binding: NameBinding): void;
  /** Ends the binding of a name. */
  deleteNameBinding(name: string): void;

  /** Every invite that was given out and not deleted. */
  invites(): StoredInvite[];
  /** Keeps an invite, or replaces what is known of it. */
  putInvite(invite: StoredInvite): void;
  /** Forgets an invite. */
  deleteInvite(id: string): void;

  /** What the node keeps about itself under a name; `undefined` if nothing. */
  setting(key: string): Uint8Array<ArrayBuffer> | undefined;
  /** Keeps something about the node itself under a name. */
  putSetting(key: string, value: Uint8Array<ArrayBuffer>): void;

  /** Why the last write did not reach the disk; `undefined` once one does. */
  failure?(): string | undefined;
  /** Makes everything so far durable, now. */
  commit(): void;
  /** Resolves when everything so far is durable; commits are grouped. */
  committed(): Promise<void>;
  /** Commits and lets go. Idempotent. */
  close(): void;
}
