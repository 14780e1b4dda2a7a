/**
 * By how much this node's clock differs from those of its peers. Each states its time in its
 * `version`, which its handshake proves; one may lie, and strangers are free to be many, so that
 * only more than half of the peers with standing together say something. As Bitcoin Core does it
 * (`src/node/timeoffsets.cpp`), the offset is shown and corrects nothing.
 */
import type { Clock } from "../core/clock.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MIN_CLOCK_PEERS } from "./mesh_limits.ts";
import type { PeerEvents } from "./peers/peer_events.ts";
import type { PeerSession } from "./peers/peer_session.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { Standing } from "./peers/standing.ts";

/** Dependencies of {@linkcode PeerClocks}. */
export interface PeerClocksOptions {
  readonly clock: Clock;
  /** Silence after which peers declare this node dead. */
  readonly deadAfterMs: number;
  readonly table: PeerTable;
  readonly standing: Pick<Standing, "has">;
  readonly events: PeerEvents;
}

/** How far this clock is from those of most peers. */
export interface ClockOffset {
  /** By how much those are ahead, negative if they are behind; milliseconds. */
  readonly aheadMs: number;
  /** How many peers were compared. */
  readonly peers: number;
}

/** The time of one peer. */
interface PeerClock {
  readonly session: PeerSession;
  /** Its wall clock where the monotonic clock of this node was 0, milliseconds. */
  zero: number;
}

/** The clocks of the peers of one node. */
export class PeerClocks {
  readonly #options: PeerClocksOptions;
  /** One for each connected peer. */
  readonly #clocks = new Map<PeerId, PeerClock>();
  /** Wall clock where the monotonic clock was 0, milliseconds. */
  #zero: number;

  constructor(options: PeerClocksOptions) {
    this.#options = options;
    this.#zero = this.#ownZero();
    const { events } = options;
    events.on("introduced", ({ session, peer }) => {
      // Whole seconds: half of one too little on average.
      const timestamp = Number(session.channel.remote.timestamp) * 1_000 + 500;
      const zero = timestamp - session.openedAt;
      this.#clocks.set(peer.id, { session, zero });
    });
    events.on("sessionClosed", (session) => {
      const { id } = session.remote;
      if (this.#clocks.get(id)?.session === session) this.#clocks.delete(id);
    });
  }

  /** The difference at present, `undefined` while too few peers are known. */
  offset(): ClockOffset | undefined {
    this.#compensateSleep();
    const { standing, table } = this.#options;
    const ahead: number[] = [];
    for (const [id, { zero }] of this.#clocks) {
      if (standing.has(table.get(id))) ahead.push(zero - this.#zero);
    }
    if (ahead.length < MIN_CLOCK_PEERS) return undefined;
    return { aheadMs: offsetOfMost(ahead), peers: ahead.length };
  }

  /**
   * The monotonic clock stands still while the machine sleeps, and the wall clock does not. What
   * is too short to have ended sessions is taken for sleep, anything else for a clock that was
   * set: after a longer sleep sessions are new, and so are their clocks.
   */
  #compensateSleep(): void {
    const zero = this.#ownZero();
    const jumpMs = zero - this.#zero;
    this.#zero = zero;
    if (jumpMs <= 0 || jumpMs > this.#options.deadAfterMs) return;
    for (const it of this.#clocks.values()) it.zero += jumpMs;
  }

  #ownZero(): number {
    const { clock } = this.#options;
    return clock.now() - clock.monotonic();
  }
}

/**
 * The offset that more than half of these have or exceed, in one direction; 0 if there is none.
 *
 * @param offsets At least one.
 */
export function offsetOfMost(offsets: readonly number[]): number {
  const sorted = offsets.toSorted((a, b) => a - b);
  // Those on each side of the middle, or twice the one there.
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  if (lower > 0) return lower;
  return upper < 0 ? upper : 0;
}
