/** Reports the state of the mesh each time it changes. */
import type { UnreachablePairs } from "./discovery/unreachable_pairs.ts";
import type { Emit, NodeEvent } from "./events.ts";
import type { PeerEvents } from "./peers/peer_events.ts";
import type { PeerTable } from "./peers/peer_table.ts";

/** Dependencies of {@linkcode MeshReport}. */
export interface MeshReportOptions {
  readonly table: PeerTable;
  readonly unreachable: Pick<UnreachablePairs, "pairs">;
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** The reports of one node. */
export class MeshReport {
  readonly #options: MeshReportOptions;
  #reported = "";

  constructor(options: MeshReportOptions) {
    this.#options = options;
    options.events.on("introduced", () => this.#look());
    options.events.on("changed", () => this.#look());
  }

  /** The known members, this node included, its own sessions, and pairs without one. */
  get event(): Extract<NodeEvent, { type: "mesh" }> {
    let nodes = 1;
    let sessions = 0;
    for (const { up, reportedLive } of this.#options.table.values()) {
      if (up) sessions++;
      if (up || reportedLive) nodes++;
    }
    const missing = this.#options.unreachable.pairs;
    return { type: "mesh", nodes, sessions, missing };
  }

  #look(): void {
    const { event } = this;
    const reported = `${event.nodes}/${event.sessions} ${event.missing.join()}`;
    if (reported === this.#reported) return;
    this.#reported = reported;
    this.#options.emit(event);
  }
}
