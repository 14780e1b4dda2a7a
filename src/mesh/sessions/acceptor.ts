/**
 * Accepts connections and opens sessions on them, many at once: a slow, silent or faulty peer
 * does not delay the others.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import { deadline } from "../../core/clock.ts";
import type { ErrorCode } from "../../core/error_code.ts";
import { VerackError } from "../../core/errors.ts";
import type { NodeCounters } from "../../core/node_counters.ts";
import {
  MAX_ENDING_CONNECTIONS,
  MAX_PROVEN_HOSTS,
} from "./connection_limits.ts";
import { MAX_PENDING_CONNECTIONS } from "../mesh_limits.ts";
import { descriptors } from "../../transport/descriptors.ts";
import { sourceOf } from "../../transport/scope.ts";
import type { Incoming, Listener } from "../../transport/transport.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { RelayedPath } from "../peers/peer_session.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import type { ConnectionRoom } from "./connection_room.ts";
import {
  RefusalReports,
  type RefusalReportsOptions,
} from "./refusal_reports.ts";
import { HandshakeTurns, type Turn } from "./handshake_turns.ts";
import type {
  PendingConnections,
  PendingEntry,
} from "./pending_connections.ts";
import type { SessionOpener } from "./session_opener.ts";
import type { SessionRoom } from "./session_room.ts";
import { TaskSet } from "../../core/task_set.ts";

/** Codes of connections that this node refused though they kept the rules. */
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  "bad-invite",
  "bad-secret",
  "demo-identity",
  "denied",
  "duplicate",
  "forgotten",
  "full",
  "identity-in-use",
  "not-admitted",
  "self",
]);

/** The other end left, as a node does that looks at the certificate first. */
const LEFT: ReadonlySet<ErrorCode> = new Set(["aborted", "closed", "rejected"]);

/** Dependencies of {@linkcode Acceptor}. */
export interface AcceptorOptions extends RefusalReportsOptions {
  readonly handshakeTimeoutMs: number;
  readonly counters: NodeCounters;
  /** Absent if the node does not listen. */
  readonly listener: Listener | undefined;
  readonly opener: SessionOpener;
  readonly pending: PendingConnections;
  readonly connections: ConnectionRoom;
  readonly room: SessionRoom;
  readonly table: PeerTable;
  readonly standing: Standing;
}

/** The accept loop of one node. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #tasks = new TaskSet();
  readonly #reports: RefusalReports;
  /**
   * Sources at which a peer with standing has proven its key, newest last. A stranger's proof
   * does not count, as a key costs nothing.
   */
  readonly #proven = new BoundedMap<string, true>(MAX_PROVEN_HOSTS);
  readonly #friends: HandshakeTurns;
  readonly #strangers: HandshakeTurns;
  readonly #isVerified = (host: string) => this.#proven.has(host);
  readonly #unwatch: () => void;
  readonly #loop: Promise<void>;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { clock } = options;
    this.#reports = new RefusalReports(options);
    this.#friends = new HandshakeTurns(clock);
    this.#strangers = new HandshakeTurns(clock);
    this.#recall();
    this.#unwatch = descriptors.watch(() => this.#onShortage());
    this.#loop = this.#accept();
  }

  /**
   * Opens a session on a connection that has come through a relay, as on others. Resolves when it
   * is open, or has failed, which is counted and reported here.
   */
  async acceptRelayed(
    incoming: Incoming,
    relayed: RelayedPath & { readonly claimed: PeerId },
  ): Promise<void> {
    const opening = this.#open(incoming, relayed);
    this.#tasks.add(opening);
    await opening;
  }

  /** Stops listening; connections under way end when the node's signal aborts. */
  async close(): Promise<void> {
    this.#options.listener?.close();
    this.#unwatch();
    await this.#loop;
    await this.#tasks.settled();
    this.#reports.close();
  }

  async #accept(): Promise<void> {
    const { listener, pending } = this.#options;
    if (listener === undefined) return;
    for (
      let incoming = await listener.accept();
      incoming !== null;
      incoming = await listener.accept()
    ) {
      this.#options.counters.connectionsAccepted++;
      this.#tasks.add(this.#open(incoming));
      // Evicted connections must be closed before, or a burst takes too many descriptors.
      while (this.#tasks.size - pending.size > MAX_ENDING_CONNECTIONS) {
        await this.#tasks.next();
      }
    }
  }

  async #open(
    incoming: Incoming,
    relayed?: RelayedPath & { readonly claimed: PeerId },
  ): Promise<void> {
    const { clock, connections, handshakeTimeoutMs, opener, pending, room } =
      this.#options;
    const source = sourceOf(incoming.remoteAddress.host);
    const eviction = new AbortController();
    let turn: Turn | undefined;
    const entry: PendingEntry = {
      source,
      isInTurn: () => turn?.isOver === false,
      evict: () => {
        eviction.abort(
          new VerackError("full", "Evicted: too many unproven connections"),
        );
      },
    };
    const most = connections.pending;
    if (most < MAX_PENDING_CONNECTIONS && pending.size >= most) {
      connections.refused();
    }
    pending.add(entry, this.#isVerified, most);
    const ends = AbortSignal.any([this.#options.signal, eviction.signal]);
    using limit = deadline(clock, handshakeTimeoutMs, ends);
    const turns = this.#proven.has(source) ? this.#friends : this.#strangers;
    using _own = turn = await turns.begin(source, limit.signal);
    try {
      const connection = await incoming.open(limit.signal);
      await opener.open({
        connection,
        // It still counts as pending, because the session is not open yet.
        onProven: (peer) => {
          const it = room.newcomer(peer, source, undefined);
          // The source is that of the relay, if there is one.
          if (it.hasStanding && relayed === undefined) this.#remember(source);
        },
        ...(relayed && { relayed }),
        signal: limit.signal,
      });
    } catch (error) {
      // The connection says only that it was closed.
      this.#count(eviction.signal.aborted ? eviction.signal.reason : error);
      this.#reports.add(incoming.remoteAddress, error, relayed?.via);
    } finally {
      pending.delete(entry);
    }
  }

  /** Counts why a connection opened no session; those that end with the node do not count. */
  #count(error: unknown): void {
    const { counters, signal } = this.#options;
    if (signal.aborted) return;
    const code = error instanceof VerackError ? error.code : undefined;
    if (code !== undefined && REFUSED.has(code)) counters.handshakesRefused++;
    else if (code === undefined || !LEFT.has(code)) counters.handshakesFailed++;
  }

  /** Sources of peers with standing in an earlier run, whichever end dialed. */
  #recall(): void {
    const { standing, table } = this.#options;
    for (const peer of table.values()) {
      if (!standing.has(peer)) continue;
      if (peer.source !== "") this.#remember(peer.source);
      for (const { address, rank } of peer.addresses.list()) {
        if (rank === "verified") this.#remember(sourceOf(address.host));
      }
    }
  }

  /** The process is out of descriptors: unverified connections are evicted first. */
  #onShortage(): void {
    const { connections, pending } = this.#options;
    connections.shortage();
    pending.trim(this.#isVerified, connections.pending);
  }

  #remember(source: string): void {
    this.#proven.set(source, true);
  }
}
