/**
 * The interface of a node's store, for records across restarts: `memory_store.ts` ends with the
 * process, `store/` is on disk.
 *
 * Calls are synchronous and take effect for later loads at once; they are
 * durable when {@linkcode NodeStore.committed} resolves or
 * {@linkcode NodeStore.commit} returns, so that many changes share one flush.
 */
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { MessageStore } from "../../delivery/message_store.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Address } from "../../transport/address.ts";
import type { Scope } from "../../transport/scope.ts";
import type { Direction, Trust } from "../events.ts";

/** An address of a peer on record. */
export interface StoredAddress {
  /** Host and port. */
  readonly address: Address;
  /** How well it is known; gossip is not stored. */
  readonly rank: "verified" | "configured" | "advertised";
  /** Whether it was configured; the key that answered there is pinned. */
  readonly configured: boolean;
  /** The scope of the peer that sent it, see `PeerAddress.namedFrom`. */
  readonly namedFrom?: Scope;
}

/** A verified peer. Gossip is never stored. */
export interface StoredPeer {
  /** Its identity. */
  readonly id: PeerId;
  /** X.509 DER, verified again when it is loaded. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** The name it advertises, may be empty; escape before showing. */
  readonly name: string;
  /** How it was first trusted. */
  readonly trust: Trust;
  /** Its key dies with its process. */
  readonly ephemeral: boolean;
  /** Its addresses, best first. */
  readonly addresses: readonly StoredAddress[];
  /** When it first proved its key; wall clock, milliseconds. */
  readonly firstSeen: number;
  /** When it last sent something; wall clock, milliseconds. */
  readonly lastSeen: number;
  /** The attestation that admitted it, as in `PeerEntry.attestation`; may be empty. */
  readonly attestation: Uint8Array<ArrayBuffer>;
  /** Whether it has earned standing, see `standing.ts`. */
  readonly earnedStanding: boolean;
  /** Whether it has standing as it was up for long, see `standing.ts`. */
  readonly upForLong: boolean;
  /** The source of its last session, see `sourceOf`; empty if that is not known. */
  readonly source: string;
}

/** The part of a record that decides whether a peer has standing. */
export interface PeerHead extends
  Pick<
    StoredPeer,
    "id" | "trust" | "earnedStanding" | "upForLong"
  > {
  /** Whether one of its addresses was configured. */
  readonly isConfigured: boolean;
}

/**
 * An access rule of the user about an identity. `forgotten` is a tombstone: gossip about it is
 * ignored until it proves its key to this node or is allowed.
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
  /** X.509 DER, which was verified. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** The address from which it came, or at which it was dialed. */
  readonly address: Address;
  /** Which end dialed: only a peer that was dialed can be dialed again. */
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
  /** The identity that it means. */
  readonly id: PeerId;
  /** Whether the key of the identity ends with its process. */
  readonly ephemeral: boolean;
  /** Whether the user has given it. */
  readonly confirmed: boolean;
}

/** An invite of this node. The code itself is not stored. */
export interface StoredInvite {
  /** Its id, 16 bytes in hex. */
  readonly id: string;
  /** The key that guest and host prove to each other, derived from the code. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** When it expires, see `KeptTime.latest`, milliseconds. */
  readonly expiresAt: number;
  /** The peer that has used it; no other may. */
  readonly usedBy?: PeerId;
}

/** The store of one node. The caller that opens it closes it. */
export interface NodeStore {
  /** Messages; commits of both are shared. */
  readonly messages: MessageStore;

  /** Every peer on record, seen last first. */
  peers(): StoredPeer[];
  /**
   * The same in short, in the same order: a store of an older version may have more than fit in
   * memory. Must be read to the end before the next call.
   */
  peerHeads(): Iterable<PeerHead>;
  /** Takes all peers off the record but those in `keep`. */
  trimPeers(keep: readonly PeerId[]): void;
  /** Puts a peer on record, or replaces its record. */
  putPeer(peer: StoredPeer): void;
  /** Takes a peer off the record. */
  deletePeer(id: PeerId): void;

  /** Every rule in force, oldest first. */
  accessRules(): StoredAccessRule[];
  /** Sets a rule, in the place of an earlier one about the same identity. */
  putAccessRule(rule: StoredAccessRule): void;
  /** Removes a rule. */
  deleteAccessRule(id: PeerId): void;

  /** All join requests, oldest first. */
  joinRequests(): JoinRequest[];
  /** Adds a join request, or replaces it. */
  putJoinRequest(peer: JoinRequest): void;
  /** Removes a join request. */
  deleteJoinRequest(id: PeerId): void;

  /** Every name that is bound, the oldest first. */
  nameBindings(): NameBinding[];
  /** Binds a name, in the place of an earlier binding of it. */
  putNameBinding(binding: NameBinding): void;
  /** Ends the binding of a name. */
  deleteNameBinding(name: string): void;

  /** Every invite that is not deleted. */
  invites(): StoredInvite[];
  /** Stores an invite, or replaces it. */
  putInvite(invite: StoredInvite): void;
  /** Deletes an invite. */
  deleteInvite(id: string): void;

  /** A setting of the node by name; `undefined` if there is none. */
  setting(key: string): Uint8Array<ArrayBuffer> | undefined;
  /** Sets a setting of the node by name. */
  putSetting(key: string, value: Uint8Array<ArrayBuffer>): void;

  /** The error of the last write; `undefined` once one succeeds. */
  failure?(): string | undefined;
  /** Free space of the disk, bytes; `undefined` where it may not be read. */
  freeBytes?(): number | undefined;
  /** Makes everything so far durable, now. */
  commit(): void;
  /** Resolves when everything so far is durable; commits are grouped. */
  committed(): Promise<void>;
  /** Commits and closes. Idempotent. */
  close(): void;
}

/** Writes of one kind. A node that cannot write goes on without its store, and reports that once. */
export class ReportedWrites {
  readonly #log: Log;
  readonly #failure: string;
  /** Whether the last write failed and that was reported. */
  #failing = false;

  /** `failure` is logged, with the reason. */
  constructor(log: Log, failure: string) {
    this.#log = log;
    this.#failure = failure;
  }

  /** Runs `write`. What it cannot store holds all the same, until the next start. */
  run(write: () => void): void {
    try {
      write();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        this.#log.error(this.#failure, { reason: messageOf(error) });
      }
      this.#failing = true;
    }
  }
}
