/**
 * The sessions of a node: which of them are established, and when a peer is up or down. Which
 * of two sessions with one peer survives is settled by `collisions.ts`; other parts get events.
 */
import { VerackError } from "../../core/errors.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { MAX_SESSIONS_PER_PEER } from "./connection_limits.ts";
import { PROBE_TIMEOUT_MS } from "../../session/session_limits.ts";
import type { VerifiedPeer } from "../../session/mesh_profile.ts";
import { COMMAND, PEER_COMMANDS } from "../../wire/commands.ts";
import type { Emit } from "../events.ts";
import type { NameResolver } from "../peers/name_resolver.ts";
import type { NodeStore } from "../peers/node_store.ts";
import type { Peer } from "../peers/peer.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerMemory } from "../peers/peer_memory.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import { Collisions, tooManySessions } from "./collisions.ts";
import { decodeOwnEntry, type OwnEntry } from "./own_entry.ts";
import { PeerAnnouncer, type PeerAnnouncerOptions } from "./peer_announcer.ts";
import { Replacements, type ReplacementsOptions } from "./replacements.ts";
import { type AdmissionGate, dialedOrNot } from "./session_opener.ts";
import { noRoomOnRecord, type SessionRoom } from "./session_room.ts";

/** Dependencies of {@linkcode SessionRegistry}. */
export interface SessionRegistryOptions
  extends PeerAnnouncerOptions, ReplacementsOptions {
  readonly counters: NodeCounters;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  /** This node. */
  readonly own: PeerId;
  readonly ownEntry: OwnEntry;
  readonly handshakeTimeoutMs: number;
  readonly store: Pick<NodeStore, "committed">;
  readonly table: PeerTable;
  readonly memory: PeerMemory;
  readonly names: NameResolver;
  readonly room: SessionRoom;
  readonly gate: Pick<AdmissionGate, "refusal"> & {
    /** Called for each established session; true if this node has admitted its peer now. */
    settle(peer: Peer, verified: VerifiedPeer): boolean;
  };
  readonly events: PeerEvents;
  readonly emit: Emit;
}

/** All sessions of one node. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #collisions: Collisions;
  readonly #replacements: Replacements;
  readonly #announcer: PeerAnnouncer;
  readonly #tasks = new TaskSet();

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
    const { events, own } = options;
    this.#collisions = new Collisions(own, (session) => this.#greet(session));
    this.#replacements = new Replacements(options);
    this.#announcer = new PeerAnnouncer(options);
    events.on("ruled", (id, rule) => {
      if (rule !== "allowed") this.#expel(id, rule);
    });
  }

  /** Every session, also those of a collision. */
  all(): PeerSession[] {
    return [...this.#options.table.values()].flatMap(({ sessions }) =>
      sessions
    );
  }

  /** Resolves when no collision is being settled any more. */
  async settled(): Promise<void> {
    await this.#collisions.settled();
    await this.#replacements.settled();
    await this.#tasks.settled();
  }

  /**
   * A session has opened; it is established once its peer has sent its own entry. Registers its
   * handlers before anything more is read from it.
   */
  opened(session: PeerSession): void {
    const { counters, gate, own, room, table } = this.#options;
    const { remote, channel, direction } = session;
    const isInbound = direction === "inbound";
    counters[isInbound ? "sessionsOpenedInbound" : "sessionsOpenedOutbound"]++;
    channel.onClose((error) => {
      counters[
        isInbound ? "sessionsClosedInbound" : "sessionsClosedOutbound"
      ]++;
      this.#closed(session, error);
    });
    // It may have been denied or forgotten since it proved its key.
    const address = session.dialed ?? session.remoteAddress;
    const refused = gate.refusal(remote, address, dialedOrNot(session.dialed));
    if (refused !== undefined) return this.#leave(session, refused);
    // The room that was there during the handshake may be used by now.
    const candidate = room.newcomer(remote, session.source, session.dialed);
    const { refusal, evicts } = room.placeFor(candidate);
    if (refusal !== undefined) return this.#leave(session, refusal);
    const peer = table.ensure(remote.id, candidate);
    if (peer === undefined) {
      return this.#leave(session, noRoomOnRecord(remote));
    }
    if (peer.sessions.length >= MAX_SESSIONS_PER_PEER) {
      // Dials of this node have opened sessions meanwhile.
      return this.#leave(session, tooManySessions(remote.id));
    }
    this.#awaitIntroduction(session);
    // Only the node with the smaller id, which decides about collisions, may abort
    // a dial of its own: if both did, no session would be left. A relayed session ends no dial.
    if (direction === "inbound" && own < peer.id && session.via === undefined) {
      peer.stopDialing();
    }
    peer.sessionOpened(session);
    // After the session is added, since a record with neither session nor address is soon
    // dropped.
    if (evicts !== undefined) this.#dismiss(evicts, evictedError());
    this.#collisions.place(peer, session);
  }

  #closed(session: PeerSession, error: VerackError): void {
    const { events, memory, signal, table } = this.#options;
    session.cancelIntroduction?.();
    const peer = table.get(session.remote.id);
    peer?.sessionClosed(session);
    events.emit("sessionClosed", session, error, peer);
    // The connection may still be sending the reason.
    this.#tasks.add(session.channel.closed);
    // While this node closes, only `stopped` is reported.
    if (peer === undefined || signal.aborted) return;
    if (peer.sessions.length > 0) return this.#announcer.pathChanged(peer);

    const { id, announced } = peer;
    const wasUp = peer.lost(session, error.code === "left");
    if (wasUp) {
      events.emit("down", peer);
      memory.save(peer);
      this.#announcer.down(peer, announced?.via, error.message);
    }
    // A key in memory only is gone with the node that sent bye.
    if (peer.left && peer.ephemeral && peer.trust !== "pinned") {
      table.forget(peer);
      events.emit("released", id);
      const why = "it has left, and its key lived in memory only";
      events.emit("undeliverable", id, why);
    } else if (!peer.isVerified && peer.addresses.size === 0) {
      // It never sent its own entry: there is nothing to keep.
      table.forget(peer);
    }
    events.emit("changed");
  }

  /** Closes the sessions of a denied or forgotten peer, and drops what waits for it. */
  #expel(id: PeerId, rule: "denied" | "forgotten"): void {
    const { events, table } = this.#options;
    const error = rule === "denied" ? deniedError() : forgottenError();
    const peer = table.get(id);
    if (peer !== undefined) {
      peer.stopDialing();
      this.#dismiss(peer, error);
      events.emit("expelled", peer);
    }
    // Also if its record gave way to another.
    events.emit("undeliverable", id, error.message);
    if (peer !== undefined && rule === "forgotten") {
      table.forget(peer);
      events.emit("released", id);
    }
    events.emit("changed");
  }

  /** Closes the sessions with a peer, which are not used from here on. */
  #dismiss(peer: Peer, error: VerackError): void {
    for (const session of peer.sessions) {
      this.#tasks.add(session.channel.leave(error, { discard: true }));
      this.#closed(session, error);
    }
  }

  #leave(session: PeerSession, error: VerackError): void {
    this.#tasks.add(session.channel.leave(error));
  }

  /** Sends this node's own entry, the first message on a session. */
  #greet(session: PeerSession): void {
    const { ownEntry, table } = this.#options;
    session.pending = false;
    table.get(session.remote.id)?.keyVerified(session);
    session.channel.send(COMMAND.peers, ownEntry.firstFor(session));
    const held = session.heldFrame;
    session.heldFrame = undefined;
    if (held !== undefined) this.#introduce(session, held);
  }

  /**
   * The first message has to be the peer's own entry. It has a deadline, which leaves the other
   * end time to settle a collision.
   */
  #awaitIntroduction(session: PeerSession): void {
    const { clock, handshakeTimeoutMs } = this.#options;
    const { channel } = session;
    for (const command of PEER_COMMANDS) {
      channel.handle(command, () => {
        throw new VerackError(
          "protocol",
          `Cannot accept ${command}: the first message after verack must be peers`,
        );
      });
    }
    channel.handle(COMMAND.peers, (payload) => {
      if (session.pending) session.heldFrame ??= payload.slice();
      else this.#introduce(session, payload);
    });
    const limitMs = handshakeTimeoutMs + PROBE_TIMEOUT_MS;
    session.cancelIntroduction = clock.after(limitMs, () => {
      if (session.heldFrame !== undefined) return;
      const error = new VerackError(
        "timeout",
        `Cannot keep session: no first message within ${limitMs} ms, must be peers`,
      );
      this.#leave(session, error);
    });
  }

  #introduce(session: PeerSession, payload: Uint8Array): void {
    const { events, gate, memory, names, table } = this.#options;
    const peer = table.get(session.remote.id);
    if (peer === undefined) return;
    // Throws before anything about the peer changed.
    const own = decodeOwnEntry(session, payload);
    const isAdmitted = gate.settle(peer, session.remote);
    session.introduced = true;
    session.cancelIntroduction?.();
    session.cancelIntroduction = undefined;
    const wasLost = peer.introduced(session, own);
    table.confirm(peer);
    memory.save(peer);
    names.introduced(peer);
    this.#announcer.introduced(session, peer);
    this.#replacements.introduced(peer);
    names.report(peer);
    events.emit("introduced", {
      session: session,
      peer,
      wasReported: peer.reportedLive,
      wasLost,
      isAdmitted,
    });
  }
}

function evictedError(): VerackError {
  return new VerackError(
    "full",
    "Its session gives way: it has no standing, and another peer needs the room",
  );
}

function deniedError(): VerackError {
  return new VerackError("denied", "This node has denied the peer");
}

function forgottenError(): VerackError {
  return new VerackError("forgotten", "This node has forgotten the peer");
}
