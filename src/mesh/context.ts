/** What the parts of one node share. Made by `node.ts`, changed by nobody. */
import type { Clock, Random } from "../core/clock.ts";
import type { Identity } from "../identity/identity.ts";
import type { Log } from "../core/log.ts";
import type { Address } from "../transport/address.ts";
import type { NodeBudget } from "../session/node_budget.ts";
import type { Transport } from "../transport/transport.ts";
import type { NodeEvent } from "./events.ts";
import type { ConnectionRoom } from "./sessions/connection_room.ts";
import type { Joining } from "./discovery/joining.ts";
import type { HealthBoard } from "./health.ts";
import type { Membership } from "./admission/membership.ts";
import type { NameBindings } from "./peers/name_bindings.ts";
import type { PeerMemory } from "./peers/peer_memory.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import type { Standing } from "./peers/standing.ts";

/** Shared by the parts of one node. */
export interface MeshContext {
  readonly options: ResolvedNodeOptions;
  readonly identity: Identity;
  /** Random number of this process and node, see `VerifiedPeer.instance`. */
  readonly instance: bigint;
  /** First bytes of every frame of this mesh. */
  readonly magic: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly table: PeerTable;
  /** Keeps what is in the table for the next start. */
  readonly memory: PeerMemory;
  /** Who belongs to the mesh. */
  readonly membership: Membership;
  /** Which peers bounded things are kept for. */
  readonly standing: Standing;
  /** Which identity a name means. */
  readonly names: NameBindings;
  /** How many connections descriptors allow. */
  readonly room: ConnectionRoom;
  /** Nonces of our own unfinished outbound connections. */
  readonly nonces: Set<bigint>;
  /** Memory that all sessions share. */
  readonly budget: NodeBudget;
  /** What is wrong at present. */
  readonly health: HealthBoard;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** Where this node listens. */
  readonly listenAddress: Address;
  /** Connections that arrived and whose peer is not proven yet. */
  arriving(): number;
  /** Watches whether this node has joined. */
  readonly joining: Joining;
  /** Tells the listeners, once `until` is settled if it is given. */
  emit(event: NodeEvent, until?: Promise<unknown>): void;
}
