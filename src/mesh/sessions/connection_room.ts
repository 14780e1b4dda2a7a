/**
 * How many connections a node may hold, as file descriptors allow. Below a reserve
 * for the control API, the database, logs, programs and dials, sessions of peers without
 * standing and unverified connections are closed.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import {
  COUNT_DESCRIPTORS_FROM,
  MIN_CONNECTIONS,
  MIN_PENDING_CONNECTIONS,
  NO_DESCRIPTORS_QUIET_MS,
  PENDING_SHARE,
  RESERVED_DESCRIPTORS,
  SHED_INTERVAL_MS,
  SHORTAGE_KEPT_MS,
} from "./connection_limits.ts";
import { MAX_PENDING_CONNECTIONS } from "../mesh_limits.ts";
import type { Log } from "../../core/log.ts";
import type { Descriptors } from "../../transport/descriptors.ts";
import type { HealthBoard } from "../health.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";

/** Dependencies of {@linkcode ConnectionRoom}. */
export interface ConnectionRoomParts {
  readonly clock: Clock;
  readonly descriptors: Pick<Descriptors, "free">;
  readonly table: Pick<PeerTable, "values">;
  readonly standing: Pick<Standing, "has">;
  readonly health: Pick<HealthBoard, "raise">;
  readonly log: Log;
  /** Connections whose peer is not verified yet. */
  readonly pending: { readonly size: number };
}

/** The limit of one node. */
export class ConnectionRoom {
  readonly #parts: ConnectionRoomParts;
  /** As many connections as the descriptors suffice for; until they are counted none. */
  #counted: number | undefined;
  /** The same, after they did not suffice. */
  #learned = Infinity;
  #learnedAt = -Infinity;

  constructor(parts: ConnectionRoomParts) {
    this.#parts = parts;
  }

  /** How many connections may wait for their proof. */
  get pending(): number {
    const most = this.#most();
    if (most === Infinity) return MAX_PENDING_CONNECTIONS;
    const free = most - this.#held();
    return Math.min(MAX_PENDING_CONNECTIONS, Math.max(least(most), free));
  }

  /** At how many connected peers another one is refused. */
  peers(hasStanding: boolean): number {
    const most = this.#most();
    return most - (hasStanding ? least(most) : share(most));
  }

  /** A connection was refused or closed for want of descriptors. */
  refused(): void {
    const most = this.#most();
    const message =
      `Connections are refused: file descriptors are short, with room for ${most} connections of peers; raise the limit (ulimit -n)`;
    const { health, log } = this.#parts;
    const isNew = health.raise("no-descriptors", {
      code: "no-descriptors",
      message,
      isReported: true,
      quietMs: NO_DESCRIPTORS_QUIET_MS,
    });
    if (isNew) log.warn("connections refused", { reason: message });
  }

  /** There was no descriptor left: closes connections, and lowers the limit. */
  shortage(): void {
    const { clock, pending } = this.#parts;
    const now = clock.monotonic();
    // Descriptors closed a moment ago may not be free yet.
    if (now - this.#learnedAt < SHED_INTERVAL_MS) return;
    const held = this.#held() + pending.size;
    this.#learned = fitting(Math.min(this.#most(), held));
    this.#learnedAt = now;
    this.refused();
    this.#shed(this.#learned);
  }

  /** Closes sessions of peers without standing that are too many, the youngest first. */
  #shed(most: number): void {
    const { standing, table } = this.#parts;
    const count = this.#held() - (most - share(most));
    if (count <= 0) return;
    const sessions = [...table.values()].filter((it) => !standing.has(it))
      .flatMap((peer) => peer.sessions.filter(hasSocket));
    const error = new VerackError(
      "full",
      "Cannot keep session: file descriptors are short",
    );
    sessions.sort((a, b) => b.openedAt - a.openedAt).slice(0, count)
      .forEach((session) => session.channel.closeWith(error));
  }

  #most(): number {
    const { clock, descriptors, pending } = this.#parts;
    if (clock.monotonic() - this.#learnedAt > SHORTAGE_KEPT_MS) {
      this.#learned = Infinity;
    }
    if (this.#counted === undefined) {
      const held = this.#held() + pending.size;
      if (held < COUNT_DESCRIPTORS_FROM) return this.#learned;
      const free = descriptors.free() ?? Infinity;
      this.#counted = fitting(held + free);
      this.#shed(this.#counted);
    }
    return Math.min(this.#counted, this.#learned);
  }

  /** Connections of sessions; a relayed one has none. */
  #held(): number {
    let count = 0;
    for (const { sessions } of this.#parts.table.values()) {
      for (const session of sessions) if (hasSocket(session)) count++;
    }
    return count;
  }
}

function hasSocket({ via }: PeerSession): boolean {
  return via === undefined;
}

/** How many connections there may be where `total` would use up all descriptors. */
function fitting(total: number): number {
  const reserved = Math.min(RESERVED_DESCRIPTORS, Math.ceil(total / 2));
  return Math.max(MIN_CONNECTIONS, total - reserved);
}

/** Of `most` connections, those that peers with standing leave to unverified ones. */
function least(most: number): number {
  return Math.min(MIN_PENDING_CONNECTIONS, Math.ceil(most / 4));
}

/** The same for peers without. */
function share(most: number): number {
  return Math.min(PENDING_SHARE, Math.ceil(most / 2));
}
