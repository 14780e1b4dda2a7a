/** Makes what the parts of one node share. */
import type { Identity } from "../identity/identity.ts";
import { logger } from "../core/log.ts";
import { FrameBudget, QueueBudget } from "../session/node_budget.ts";
import { StrangersMeter } from "../session/frame_meter.ts";
import type { Address } from "../transport/address.ts";
import { descriptors } from "../transport/descriptors.ts";
import { networkMagic } from "../wire/frame.ts";
import { ConnectionRoom } from "./sessions/connection_room.ts";
import type { MeshContext } from "./context.ts";
import { HealthBoard } from "./health.ts";
import { Joining } from "./discovery/joining.ts";
import { Membership } from "./admission/membership.ts";
import { NameBindings } from "./peers/name_bindings.ts";
import { randomU64 } from "./sessions/opening.ts";
import type { ResolvedNodeOptions } from "./options.ts";
import { PeerMemory } from "./peers/peer_memory.ts";
import { PeerTable, type TableOptions } from "./peers/peer_table.ts";
import { Standing } from "./peers/standing.ts";

/**
 * The context of a node that listens at `listenAddress`.
 *
 * @param isAwaited See `TableRules`.
 */
export function makeContext(
  options: ResolvedNodeOptions,
  identity: Identity,
  listenAddress: Address,
  node: Pick<MeshContext, "arriving" | "emit" | "signal">,
  isAwaited: TableOptions["isAwaited"],
): MeshContext {
  const { clock, random, transport, deadAfterMs } = options;
  const table: PeerTable = new PeerTable({
    clock,
    random,
    isAwaited,
    standing: {
      has: (record): boolean => standing.has(record),
      isTrusted: (record): boolean => standing.isTrusted(record),
    },
  });
  const log = logger("mesh");
  const magic = networkMagic(options.network);
  const joining = new Joining({
    clock,
    table,
    connect: options.connect,
    patienceMs: deadAfterMs,
    closing: node.signal,
  });
  const emit: MeshContext["emit"] = (event, until) => {
    node.emit(event, until);
    if (event.type === "peer:up") joining.look();
  };
  const membership = new Membership({
    options,
    identity,
    clock,
    table,
    log,
    random,
    magic,
    emit,
  });
  const standing = new Standing(membership);
  const memory = new PeerMemory({
    options,
    identity,
    clock,
    table,
    log,
    standing,
  });
  const names = new NameBindings({
    options,
    identity,
    clock,
    table,
    log,
    membership,
    standing,
    emit,
  });
  const health = new HealthBoard({ clock, emit, log }, options.store);
  const { arriving } = node;
  const parts = { clock, descriptors, table, standing, health, log, arriving };
  return {
    ...node,
    options,
    identity,
    instance: randomU64(options),
    magic,
    clock,
    random,
    transport,
    table,
    memory,
    membership,
    standing,
    names,
    room: new ConnectionRoom(parts),
    nonces: new Set(),
    health,
    budget: {
      queues: new QueueBudget(),
      frames: new FrameBudget(),
      strangers: new StrangersMeter(clock),
    },
    log,
    listenAddress,
    joining,
    emit,
  };
}
