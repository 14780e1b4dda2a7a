/**
 * Relayed sessions that a direct one replaces. Both ends do the same: new messages and streams are
 * on the direct session from its introduction on, the relayed one is closed when the last of its
 * streams has ended. Messages that were sent on it and not acknowledged are sent again, as after
 * any session, and acknowledged once.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { TaskSet } from "../../core/task_set.ts";
import { PROBE_TIMEOUT_MS } from "../../session/session_limits.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import { REPLACED_SESSION_MS } from "./connection_limits.ts";

/** Dependencies of {@linkcode Replacements}. */
export interface ReplacementsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly streams: {
    /** Resolves when a session has no streams, at the latest when it ends. */
    idle(channel: PeerSession["channel"]): Promise<void>;
  };
}

/** The replaced sessions of one node. */
export class Replacements {
  readonly #options: ReplacementsOptions;
  readonly #tasks = new TaskSet();
  readonly #replaced = new WeakSet<PeerSession>();

  constructor(options: ReplacementsOptions) {
    this.#options = options;
  }

  /** A session of the peer is introduced. */
  introduced(peer: Peer): void {
    const usable = peer.sessions.filter((it) => it.introduced && !it.pending);
    const direct = usable.findLast(({ via }) => via === undefined);
    if (direct === undefined) return;
    for (const relayed of usable) {
      if (relayed.via === undefined || this.#replaced.has(relayed)) continue;
      this.#replaced.add(relayed);
      this.#tasks.add(this.#replace(direct, relayed));
    }
  }

  /** Resolves when none is being replaced any more. */
  async settled(): Promise<void> {
    await this.#tasks.settled();
  }

  async #replace(direct: PeerSession, relayed: PeerSession): Promise<void> {
    const isLive = await this.#isLive(direct, relayed);
    if (isLive && relayed.channel.isOpen) {
      // The peer opens no more streams on the relayed one, since it has answered on the direct
      // one; those that it opened before have come when it answers here.
      await relayed.channel.probe(PROBE_TIMEOUT_MS);
      await this.#idle(direct, relayed);
    }
    // Another direct session may replace it.
    this.#replaced.delete(relayed);
    if (!isLive || !direct.channel.isOpen) return;
    const { id } = relayed.remote;
    this.#options.log.info("direct session replaces relayed one", { peer: id });
    await relayed.channel.leave(
      new VerackError("duplicate", "A direct session replaces the relayed one"),
    );
  }

  /** Whether the direct session answers: as long as it does not, the relayed one stays. */
  async #isLive(direct: PeerSession, relayed: PeerSession): Promise<boolean> {
    while (direct.channel.isOpen && relayed.channel.isOpen) {
      if (await direct.channel.probe(PROBE_TIMEOUT_MS)) return true;
      if (direct.openedAt > relayed.openedAt) continue;
      // The peer has opened the relayed one since: it has found the direct one broken.
      direct.channel.closeWith(
        new VerackError(
          "dead",
          `Peer did not answer within ${PROBE_TIMEOUT_MS} ms and has opened a relayed session`,
        ),
      );
    }
    return direct.channel.isOpen;
  }

  /** Resolves when nothing runs on the relayed session, or either has ended, or it is late. */
  async #idle(direct: PeerSession, relayed: PeerSession): Promise<void> {
    const { clock, streams } = this.#options;
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(REPLACED_SESSION_MS, late.resolve);
    await Promise.race([
      streams.idle(relayed.channel),
      direct.channel.closed,
      relayed.channel.closed,
      late.promise,
    ]);
    cancel();
  }
}
