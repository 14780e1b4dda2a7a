/**
 * The sessions of a node: when a peer is up or down, how a new session is
 * introduced, and which part handles its messages.
 *
 * Which of two sessions with one peer survives is settled by `collisions.ts`, peer
 * lists are handled by `exchange.ts`, dialing by `dialer.ts`.
 */
import { VerackError } from "../../core/errors.ts";
import { TaskSet } from "../../core/task_set.ts";
import type { PeerId } from "../../identity/identity.ts";
import { MAX_SESSIONS_PER_PEER, PROBE_TIMEOUT_MS } from "../../limits.ts";
import { formatAddress } from "../../transport/address.ts";
import { PEER_COMMANDS } from "../../wire/commands.ts";
import { COMMAND } from "../../wire/commands.ts";
import { Collisions, tooManySessions } from "./collisions.ts";
import type { MeshContext } from "../context.ts";
import { noRoomOnRecord } from "./opening.ts";
import type { Dialer } from "../dialing/dialer.ts";
import type { NodeEvent } from "../events.ts";
import type { PeerExchange } from "../discovery/peer_exchange.ts";
import type { PeerSession, PeerSessionOwner } from "../peers/peer_session.ts";
import type { Messaging } from "../messaging.ts";
import { peerNames } from "../peers/peer_info.ts";
import type { Peer } from "../peers/peer.ts";
import { newcomer, placeOf } from "./session_room.ts";
import { onTwin, reportRefusal } from "./twins.ts";

/** All sessions of one node. */
export class SessionRegistry implements PeerSessionOwner {
  readonly #context: MeshContext;
  readonly #exchange: PeerExchange;
  readonly #dialer: Dialer;
  readonly #messaging: Messaging;
  readonly #collisions: Collisions;
  readonly #tasks = new TaskSet();
  #reported = "";

  constructor(
    context: MeshContext,
    parts: { exchange: PeerExchange; dialer: Dialer; messaging: Messaging },
  ) {
    this.#context = context;
    this.#exchange = parts.exchange;
    this.#dialer = parts.dialer;
    this.#messaging = parts.messaging;
    this.#collisions = new Collisions(
      context.identity.id,
      (link) => this.#greet(link),
    );
  }

  /** Every session, also those of a collision. */
  all(): PeerSession[] {
    return [...this.#context.table.values()].flatMap((record) =>
      record.sessions
    );
  }

  /** Resolves when no collision is being settled any more. */
  async settled(): Promise<void> {
    await this.#collisions.settled();
    await this.#tasks.settled();
  }

  /** A session has opened: it counts once its peer has sent its own entry. */
  opened(link: PeerSession): void {
    const { table } = this.#context;
    const { peer, session } = link;
    session.onClose((error) => this.closed(link, error));
    // It may have been denied during the handshake.
    if (this.#context.membership.isDenied(peer.id)) {
      return this.#tasks.add(link.session.leave(deniedError()));
    }
    // The room that was there during the handshake may be taken by now.
    const candidate = newcomer(this.#context, peer, link.source, link.dialed);
    const { refusal, evicts } = placeOf(this.#context, candidate);
    if (refusal !== undefined) {
      return this.#tasks.add(link.session.leave(refusal));
    }
    const record = table.ensure(peer.id, candidate);
    if (record === undefined) {
      return this.#tasks.add(link.session.leave(noRoomOnRecord(peer)));
    }
    if (record.sessions.length >= MAX_SESSIONS_PER_PEER) {
      // Dials of this node have opened sessions meanwhile.
      const error = tooManySessions(peer.id);
      return this.#tasks.add(link.session.leave(error));
    }
    this.#awaitIntroduction(link);
    // Only the node with the smaller id, which decides about collisions, may abort
    // a dial of its own: if both did, no session would be left.
    if (
      link.direction === "inbound" &&
      this.#context.identity.id < peer.id
    ) record.stopDialing();
    record.sessionOpened(link);
    // After the session is added: a record with neither session nor address is
    // soon forgotten.
    if (evicts !== undefined) this.#dismiss(evicts, evictedError());
    this.#collisions.place(record, link);
  }

  closed(link: PeerSession, error: VerackError): void {
    const { table, signal } = this.#context;
    link.cancelIntroduction?.();
    this.#exchange.closed(link);
    const record = table.get(link.peer.id);
    record?.sessionClosed(link);
    this.#messaging.closed(link, record);
    // The connection may still be sending the reason.
    this.#tasks.add(link.session.closed);
    if (record === undefined) return;
    // While this node closes, only `stopped` is news.
    if (signal.aborted) return;
    reportRefusal(this.#context, link, error);
    if (record.sessions.length > 0) return;

    if (record.lost(link, error.code === "left")) {
      this.#exchange.lost(record);
      this.#context.memory.save(record);
      this.#context.log.info("peer down", {
        peer: record.id,
        reason: error.message,
      });
      this.#context.emit({
        type: "peer:down",
        id: record.id,
        ...peerNames(record.id, this.#context),
        reason: error.message,
        left: record.left,
      });
    }
    // A key in memory only is gone with the node that said bye.
    if (record.left && record.ephemeral && record.trust !== "pinned") {
      table.forget(record);
      this.#dialer.release(record.id);
      this.#messaging.forgotten(
        record.id,
        "it has left, and its key lived in memory only",
      );
    } else if (!record.isVerified && record.addresses.size === 0) {
      // It never introduced itself: there is nothing to remember.
      table.forget(record);
    }
    this.reportMesh();
    this.#dialer.kick();
  }

  /** Denies or forgets a peer: closes its sessions and drops what waits for it. */
  expel(id: PeerId, reason: "denied" | "forgotten"): void {
    const record = this.#context.table.get(id);
    if (record === undefined) return;
    record.stopDialing();
    const error = reason === "denied" ? deniedError() : forgottenError();
    this.#dismiss(record, error);
    this.#exchange.reports.settle(record);
    this.#messaging.forgotten(id, error.message);
    if (reason === "forgotten") {
      this.#context.table.forget(record);
      this.#dialer.release(id);
    }
    this.reportMesh();
  }

  /** Emits `mesh` if it changed. */
  reportMesh(): void {
    const event = this.meshEvent();
    const reported = `${event.nodes}/${event.links} ${event.missing.join()}`;
    if (reported === this.#reported) return;
    this.#reported = reported;
    this.#context.emit(event);
  }

  /** Closes the sessions with a peer, which do not count from here on. */
  #dismiss(record: Peer, error: VerackError): void {
    for (const link of record.sessions) {
      this.#tasks.add(link.session.leave(error, { discard: true }));
      this.closed(link, error);
    }
  }

  /** The known members, this node included, and its sessions. */
  meshEvent(): Extract<NodeEvent, { type: "mesh" }> {
    let nodes = 1;
    let links = 0;
    for (const record of this.#context.table.values()) {
      if (record.up) links++;
      if (record.up || record.reportedLive) nodes++;
    }
    return {
      type: "mesh",
      nodes,
      links,
      missing: this.#exchange.missing.pairs,
    };
  }

  /** Sends our own entry, the first message on a session that counts. */
  #greet(link: PeerSession): void {
    link.pending = false;
    this.#context.table.get(link.peer.id)?.proved(link);
    link.session.send(COMMAND.peers, this.#exchange.ownEntry());
    const held = link.heldFrame;
    link.heldFrame = undefined;
    if (held !== undefined) this.#introduce(link, held);
  }

  /**
   * The first message has to be the peer's own entry. It has a deadline: until
   * then a session takes room and counts for nothing. The deadline leaves the
   * other end time to settle a collision.
   */
  #awaitIntroduction(link: PeerSession): void {
    const { clock, options } = this.#context;
    const { session } = link;
    for (const command of PEER_COMMANDS) {
      session.handle(command, () => {
        throw new VerackError(
          "protocol",
          `Cannot accept ${command}: the first message after verack must be peers`,
        );
      });
    }
    session.handle(COMMAND.peers, (payload) => {
      if (link.pending) link.heldFrame ??= payload.slice();
      else this.#introduce(link, payload);
    });
    const limitMs = options.handshakeTimeoutMs + PROBE_TIMEOUT_MS;
    link.cancelIntroduction = clock.after(limitMs, () => {
      if (link.heldFrame !== undefined) return;
      const error = new VerackError(
        "timeout",
        `Cannot keep session: no first message within ${limitMs} ms, must be peers`,
      );
      this.#tasks.add(link.session.leave(error));
    });
  }

  #introduce(link: PeerSession, payload: Uint8Array): void {
    const { table } = this.#context;
    const { peer } = link;
    const record = table.get(peer.id);
    if (record === undefined) return;
    // Throws before anything about the peer changed.
    const own = this.#exchange.readOwnEntry(link, payload);
    const wasProven = record.isVerified;
    const admitted = this.#context.membership.settle(record, peer);
    this.#register(link);
    link.cancelIntroduction?.();
    link.cancelIntroduction = undefined;
    const wasLost = record.introduced(link, own);
    this.#exchange.reports.settle(record);
    table.confirm(record);
    this.#context.memory.save(record);
    this.#context.names.introduced(record);
    if (!record.up) this.#announce(link, record);
    this.#context.names.tell(record);
    if (peer.invite !== undefined) this.#welcome(link, record);
    if (admitted) this.#exchange.spread(record);
    this.#messaging.introduced(link, record);
    this.#exchange.met(link, !wasProven);
    this.#exchange.missing.opened(link);
    if (wasLost) this.#dialer.revive();
    this.reportMesh();
  }

  /** Each part registers the messages that it handles from here on. */
  #register(link: PeerSession): void {
    const { session } = link;
    link.introduced = true;
    this.#exchange.register(link);
    this.#context.membership.credentials.register(link);
    session.handle(COMMAND.twin, () => onTwin(this.#context, link));
    session.onPing((text) => this.#onPing(link, text));
  }

  #onPing(link: PeerSession, text: string | undefined): void {
    if (text === undefined) return;
    const { id } = link.peer;
    const names = peerNames(id, this.#context);
    this.#context.emit({ type: "ping", id, ...names, text });
  }

  /** Sends a peer that came by invite what it needs to stay, and all members. */
  #welcome(link: PeerSession, record: Peer): void {
    const { membership } = this.#context;
    const statement = membership.attestationFor(record);
    const payload = membership.credentials.welcome(statement);
    link.session.send(COMMAND.welcome, payload);
    this.#exchange.tellAll(link);
  }

  #announce(link: PeerSession, record: Peer): void {
    const address = formatAddress(link.dialed ?? link.remoteAddress);
    const { direction } = link;
    const [told] = direction === "inbound" ? record.addresses.told() : [];
    const { id, trust } = record;
    this.#context.log.info("peer up", {
      peer: id,
      address,
      direction,
      trust,
    });
    const announced = {
      type: "peer:up",
      id,
      ...peerNames(id, this.#context),
      address,
      ...(told && { advertised: formatAddress(told) }),
      direction,
      trust,
    } as const;
    record.cameUp(announced);
    // What was announced is not forgotten by a crash: it is on disk before.
    this.#context.emit(announced, this.#context.options.store.committed());
  }
}

function evictedError(): VerackError {
  return new VerackError(
    "full",
    "Its session gives way: it has no standing, and another peer needs the room",
  );
}

function deniedError(): VerackError {
  return new VerackError("denied", "This node was told to keep the peer out");
}

function forgottenError(): VerackError {
  return new VerackError("forgotten", "This node was told to forget the peer");
}
