/**
 * What must hold at every step of every simulation, whatever went wrong. The
 * truth comes from {@linkcode Wires}; what a node believes is compared with it.
 */
import type { Clock } from "../../src/core/clock.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import {
  MAX_GOSSIP_PEERS_PER_SOURCE,
  MAX_PEERS,
  MAX_PENDING_CONNECTIONS,
  MAX_VERIFIED_ADDRESSES,
} from "../../src/mesh/mesh_limits.ts";
import { MAX_SESSIONS_PER_PEER } from "../../src/mesh/sessions/connection_limits.ts";
import { MAX_QUEUE_BYTES } from "../../src/session/session_limits.ts";
import type { PeerSession } from "../../src/mesh/peers/peer_session.ts";
import type { Peer } from "../../src/mesh/peers/peer.ts";
import { formatAddress } from "../../src/transport/address.ts";
import type { ClosedMesh } from "./closed_mesh.ts";
import { Life } from "./member.ts";
import type { Wires } from "./wires.ts";

/** By so much may a node think itself shorter awake than it was: a tick. */
const GRAIN = 0.9;

/** Sessions that carry one, one after the other, at most. */
const MAX_HOPS = 16;

/** Something that must always hold does not. */
export class BrokenInvariant extends Error {}

/** What a node has proven about its peers, to see that it is not lost again. */
interface Proven {
  readonly peer: Peer;
  readonly addresses: Set<string>;
}

/** The invariants of one simulation. */
export class Invariants {
  readonly #wires: Wires;
  readonly #clock: Clock;
  /** By node: whom it was introduced to, where those were, `identity@host`, and when first. */
  readonly #met = new WeakMap<Life, Map<string, number>>();
  readonly #proven = new WeakMap<Life, Map<PeerId, Proven>>();
  /** Most bytes that waited for one peer. */
  maxQueuedBytes = 0;
  /** Most hops of a session. */
  maxHops = 0;

  readonly #fail: (error: BrokenInvariant) => void;
  readonly #closed: ClosedMesh | undefined;
  readonly #seen = new WeakSet<PeerSession>();

  constructor(
    wires: Wires,
    clock: Clock,
    options: {
      readonly fail: (error: BrokenInvariant) => void;
      readonly closed: ClosedMesh | undefined;
    },
  ) {
    this.#wires = wires;
    this.#clock = clock;
    this.#fail = options.fail;
    this.#closed = options.closed;
  }

  /** Whom a node was introduced to, and where, `identity@host`, and when first. */
  metBy(life: Life): ReadonlyMap<string, number> {
    return this.#met.get(life) ?? new Map();
  }

  /**
   * Checks one node.
   *
   * @throws {BrokenInvariant} naming the node and what does not hold.
   */
  check(life: Life): void {
    const { context } = life;
    if (context === undefined) return;
    const { table } = context;
    if (table.size > MAX_PEERS) {
      throw broken(life, `remembers ${table.size} peers, at most ${MAX_PEERS}`);
    }
    if (context.pending.size > MAX_PENDING_CONNECTIONS) {
      throw broken(life, `has ${context.pending.size} unproven connections`);
    }
    const rumours = new Map<string, number>();
    for (const peer of table.values()) {
      this.#checkRecord(life, peer);
      const source = peer.introducedBy;
      if (source === undefined) continue;
      const count = (rumours.get(source) ?? 0) + 1;
      rumours.set(source, count);
      if (count > MAX_GOSSIP_PEERS_PER_SOURCE) {
        throw broken(life, `took ${count} rumours from one source`);
      }
    }
    this.#checkMemory(life);
  }

  #checkRecord(life: Life, peer: Peer): void {
    const { id, sessions: links } = peer;
    const who = id.slice(0, 8);
    let [direct, relayed] = [0, 0];
    for (const link of links) {
      this.#checkLink(life, peer, link);
      if (!isSettled(link) || !this.#isSettledThere(life, link)) continue;
      if (link.via === undefined) direct++;
      else relayed++;
    }
    // A direct session replaces a relayed one, on which streams may go on for a while.
    if (direct > 1 || relayed > 1) {
      throw broken(
        life,
        `has ${direct} direct and ${relayed} relayed sessions with ${who}, all settled`,
      );
    }
    if (links.length > MAX_SESSIONS_PER_PEER) {
      throw broken(life, `has ${links.length} sessions with ${who}`);
    }
    // While it closes, a node tells no more who is gone.
    const isClosing = life.context!.signal.aborted;
    if (peer.up && links.length === 0 && !isClosing) {
      throw broken(life, `calls ${who} up without a session`);
    }
    if (
      peer.isVerified &&
      !this.#wires.hasProven(id, life.identity.id)
    ) {
      throw broken(
        life,
        `takes ${who} for proven, which never finished a handshake with it`,
      );
    }
    if (peer.certificate && peer.certificate.id !== id) {
      throw broken(life, `has another's certificate on record for ${who}`);
    }
    const fault = this.#closed?.fault(life, peer);
    if (fault !== undefined) throw broken(life, fault);
  }

  #checkLink(life: Life, peer: Peer, link: PeerSession): void {
    const { connection, queuedBytes } = link.channel;
    const who = peer.id.slice(0, 8);
    if (link.hops > MAX_HOPS) {
      throw broken(life, `has a session with ${who} over ${link.hops} hops`);
    }
    this.maxHops = Math.max(this.maxHops, link.hops);
    const other = this.#wires.opposite(connection, endOf(link));
    if (other?.identity.id !== peer.id) {
      throw broken(
        life,
        `has a session on record for ${who} with ${other?.label ?? "nobody"}`,
      );
    }
    if (!this.#seen.has(link)) {
      this.#seen.add(link);
      link.channel.closed.then(({ code, message }) => {
        // That a probe was not answered in time may be the network's delay.
        const isSilence = code === "dead" && message.includes("silent");
        if (isSilence) this.#checkDeath(life, link, message);
      });
    }
    // Whatever has been said since, it is there that it answered.
    const { dialed } = link;
    const rank = dialed && peer.addresses.get(dialed)?.rank;
    if (link.introduced && dialed && rank !== "verified") {
      const shown = formatAddress(dialed);
      throw broken(life, `takes ${shown} for ${rank}, where ${who} answers`);
    }
    if (link.introduced && other instanceof Life) {
      this.#met.getOrInsertComputed(life, () => new Map())
        .getOrInsert(
          `${peer.id}@${link.via === undefined ? other.host : "a relay"}`,
          this.#clock.monotonic(),
        );
    }
    if (queuedBytes > MAX_QUEUE_BYTES) {
      throw broken(life, `has ${queuedBytes} bytes waiting for ${who}`);
    }
    this.maxQueuedBytes = Math.max(this.maxQueuedBytes, queuedBytes);
  }

  /**
   * A session was given up as dead: then the node was awake for as long as that
   * takes and heard nothing. A pause of its own is no silence of the others.
   */
  #checkDeath(life: Life, link: PeerSession, message: string): void {
    const silentMs = life.silentMs(
      this.#wires.heardKey(link.channel.connection),
    );
    if (silentMs >= GRAIN * life.context!.options.deadAfterMs) return;
    const what = `gave up ${
      link.remote.id.slice(0, 8)
    }, silent for ${silentMs} ms`;
    this.#fail(broken(life, `${what}: ${message}`));
  }

  /** Whether the other end counts on the same session. */
  #isSettledThere(life: Life, link: PeerSession): boolean {
    const { connection } = link.channel;
    const end = endOf(link);
    const other = this.#wires.opposite(connection, end);
    if (!(other instanceof Life)) return false;
    const key = this.#wires.key(connection, end);
    const links = other.context?.table.get(life.identity.id)?.sessions ?? [];
    return links.some((theirs) =>
      isSettled(theirs) &&
      this.#wires.key(theirs.channel.connection, endOf(theirs)) === key
    );
  }

  /** What was proven stays, unless it is no longer true. */
  #checkMemory(life: Life): void {
    const { table, signal } = life.context!;
    if (signal.aborted) return;
    const proven = this.#proven.getOrInsertComputed(life, () => new Map());
    for (const [id, before] of proven) {
      const peer = table.get(id);
      const isRuledOut = this.#closed?.keepsOut(life, id) ?? false;
      if (peer === undefined && (before.peer.ephemeral || isRuledOut)) {
        proven.delete(id);
      } else if (peer === undefined) {
        throw broken(
          life,
          `has forgotten ${id.slice(0, 8)}, once proven`,
        );
      }
    }
    for (const peer of table.values()) {
      if (!peer.isVerified) continue;
      const before = proven.getOrInsertComputed(
        peer.id,
        () => ({ peer, addresses: new Set() }),
      );
      this.#checkAddresses(life, peer, before);
    }
  }

  #checkAddresses(life: Life, peer: Peer, before: Proven): void {
    const who = peer.id.slice(0, 8);
    const now = new Set<string>();
    for (const { address, rank } of peer.addresses.list()) {
      if (rank !== "verified") continue;
      const shown = formatAddress(address);
      now.add(shown);
      if (before.addresses.has(shown)) continue;
      if (!this.#wires.listenedAt(address).has(peer.id)) {
        throw broken(life, `takes ${shown} for proven, where ${who} never was`);
      }
      before.addresses.add(shown);
    }
    for (const shown of before.addresses) {
      if (now.has(shown)) continue;
      const [host = "", port = ""] = shown.split(":");
      const here = this.#wires.listenedAt({ host, port: Number(port) });
      const isTaken = [...here].some((other) => other !== peer.id);
      if (!isTaken && now.size < MAX_VERIFIED_ADDRESSES) {
        throw broken(life, `has lost ${shown}, where ${who} had answered`);
      }
      before.addresses.delete(shown);
    }
  }
}

/** Whether a session is the one that is used, as its end sees it. */
export function isSettled(link: PeerSession): boolean {
  return link.introduced && !link.pending && link.channel.isOpen;
}

/** Which end of its connection a link is. */
export function endOf(link: PeerSession): "dialer" | "listener" {
  return link.direction === "outbound" ? "dialer" : "listener";
}

function broken(life: Life, what: string): BrokenInvariant {
  return new BrokenInvariant(`${life.label} ${what}`);
}
