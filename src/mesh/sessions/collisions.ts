/**
 * Two sessions with one peer, of which one is closed, at once or (a relayed one, beside a direct
 * one) when nothing runs on it any more. Which one is a pure rule, {@linkcode
 * duplicateStep}; it needs a probe, and more sessions may open meanwhile. Until it is settled
 * the newer one is pending.
 */
import { VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import { MAX_SESSIONS_PER_PEER } from "./connection_limits.ts";
import { PROBE_TIMEOUT_MS } from "../../session/session_limits.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerSession } from "../peers/peer_session.ts";

/** Settles the collisions of one node. */
export class Collisions {
  readonly #own: PeerId;
  readonly #greet: (session: PeerSession) => void;
  readonly #tasks = new TaskSet();

  /** `greet` is called for each session that is kept. */
  constructor(own: PeerId, greet: (session: PeerSession) => void) {
    this.#own = own;
    this.#greet = greet;
  }

  /** Keeps a session, which is among those of `record`, unless another one is kept. */
  place(peer: Peer, session: PeerSession): void {
    const others = peer.sessions.filter((it) => it !== session && !it.pending);
    const older = others.find(({ via }) => via === undefined) ?? others[0];
    if (older === undefined) return this.#greet(session);
    const state: DuplicateState = {
      own: this.#own,
      peer: peer.id,
      olderInstance: older.remote.instance,
      newerInstance: session.remote.instance,
      isOlderRelayed: older.via !== undefined,
      isNewerRelayed: session.via !== undefined,
    };
    if (duplicateStep(state) !== "decide") return this.#greet(session);
    session.pending = true;
    this.#tasks.add(this.#settle(peer, older, session, state));
  }

  /** Resolves when no collision is being settled any more. */
  async settled(): Promise<void> {
    await this.#tasks.settled();
  }

  /** This node decides between two sessions with one peer: does the older one answer? */
  async #settle(
    peer: Peer,
    older: PeerSession,
    newer: PeerSession,
    state: DuplicateState,
  ): Promise<void> {
    const answered = await older.channel.probe(PROBE_TIMEOUT_MS);
    if (!newer.channel.isOpen) return;
    if (!answered) {
      older.channel.closeWith(
        new VerackError(
          "dead",
          `Peer did not answer within ${PROBE_TIMEOUT_MS} ms and has opened a newer session`,
        ),
      );
      return await this.#placeLate(peer, newer);
    }
    const reason = duplicateReason(state);
    const error = new VerackError(
      reason,
      reason === "duplicate"
        ? "The older of two sessions is kept"
        : `Cannot accept ${
          shortId(state.peer)
        }: its key is running in another process, which answers`,
    );
    await newer.channel.leave(error);
  }

  /** Several may have waited for the end of the older one. */
  async #placeLate(peer: Peer, session: PeerSession): Promise<void> {
    try {
      this.place(peer, session);
    } catch (error) {
      // What the peer sent meanwhile is handled now, and may be wrong.
      if (!(error instanceof VerackError)) throw error;
      await session.channel.leave(error);
    }
  }
}

/** One identity opens more sessions than collisions need. */
export function tooManySessions(id: PeerId): VerackError {
  return new VerackError(
    "duplicate",
    `Cannot accept ${
      shortId(id)
    }: it has ${MAX_SESSIONS_PER_PEER} sessions, the most one peer may have`,
  );
}

/** The second session of a pair has just opened. */
export interface DuplicateState {
  readonly own: PeerId;
  readonly peer: PeerId;
  /** Process numbers behind the older and the newer session. */
  readonly olderInstance: bigint;
  readonly newerInstance: bigint;
  readonly isOlderRelayed: boolean;
  readonly isNewerRelayed: boolean;
}

/**
 * - `decide`: probe the older session; if it answers close the newer one, else
 *   the older. So a relayed session is refused beside a direct one that lives.
 * - `keep-both`: the other node decides; close only a dead session.
 * - `replace`: a direct session replaces a relayed one, at both ends and without a probe; see
 *   `replacements.ts`.
 */
export function duplicateStep(
  state: DuplicateState,
): "decide" | "keep-both" | "replace" {
  if (state.olderInstance !== state.newerInstance) return "decide";
  if (state.isOlderRelayed && !state.isNewerRelayed) return "replace";
  return state.own < state.peer ? "decide" : "keep-both";
}

/** The reason sent on the newer session when the older one answers. */
export function duplicateReason(
  state: DuplicateState,
): "duplicate" | "identity-in-use" {
  return state.olderInstance === state.newerInstance
    ? "duplicate"
    : "identity-in-use";
}
