/**
 * Accepts connections and opens sessions on them, many at once: a slow, silent or
 * wrong peer does not hold up the others.
 */
import { BoundedMap } from "../../core/bounded_map.ts";
import { type Clock, deadline } from "../../core/clock.ts";
import { factsOf } from "../../core/error_code.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import {
  ALARM_QUIET_MS,
  MAX_ENDING_CONNECTIONS,
  MAX_PENDING_CONNECTIONS,
  MAX_PROVEN_HOSTS,
  REFUSAL_EVENT_BURST,
  REFUSAL_EVENT_REFILL_MS,
} from "../../limits.ts";
import { formatAddress } from "../../transport/address.ts";
import { descriptors } from "../../transport/descriptors.ts";
import { sourceOf } from "../../transport/scope.ts";
import type { Incoming, Listener } from "../../transport/transport.ts";
import type { Log } from "../../core/log.ts";
import type { Emit } from "../events.ts";
import type { HealthBoard } from "../health.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";
import type { ConnectionRoom } from "./connection_room.ts";
import { FullReports } from "./full_reports.ts";
import { HandshakeTurns, type Turn } from "./handshake_turns.ts";
import type {
  PendingConnections,
  PendingEntry,
} from "./pending_connections.ts";
import type { SessionOpener } from "./session_opener.ts";
import type { SessionRoom } from "./session_room.ts";
import { TaskSet } from "../../core/task_set.ts";
import { TokenBucket } from "../../core/token_bucket.ts";

/** Refusals that are known to have been told. */
const MAX_SAID = 256;

/** What {@linkcode Acceptor} is made of. */
export interface AcceptorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the node closes. */
  readonly signal: AbortSignal;
  readonly handshakeTimeoutMs: number;
  readonly listener: Listener;
  readonly opener: SessionOpener;
  readonly pending: PendingConnections;
  readonly connections: ConnectionRoom;
  readonly room: SessionRoom;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly health: HealthBoard;
  readonly emit: Emit;
}

/** The accept loop of one node. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #tasks = new TaskSet();
  readonly #reports = new TokenBucket({
    burst: REFUSAL_EVENT_BURST,
    refillMs: REFUSAL_EVENT_REFILL_MS,
  });
  readonly #full: FullReports;
  /**
   * Sources at which a peer with standing has proven itself, newest last. That of a
   * stranger's proof is none: a key costs nothing.
   */
  readonly #proven = new BoundedMap<string, true>(MAX_PROVEN_HOSTS);
  readonly #friends: HandshakeTurns;
  readonly #strangers: HandshakeTurns;
  /** What was told of refusals and when, last noticed last; monotonic clock. */
  readonly #said = new BoundedMap<string, number>(MAX_SAID);
  readonly #isVerified = (host: string) => this.#proven.has(host);
  readonly #unwatch: () => void;
  readonly #loop: Promise<void>;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    const { clock, emit } = options;
    this.#full = new FullReports(clock, emit);
    this.#friends = new HandshakeTurns(clock);
    this.#strangers = new HandshakeTurns(clock);
    this.#recall();
    this.#unwatch = descriptors.watch(() => this.#onShortage());
    this.#loop = this.#accept();
  }

  /** Stops listening; connections under way end when the node's signal aborts. */
  async close(): Promise<void> {
    this.#options.listener.close();
    this.#unwatch();
    await this.#loop;
    await this.#tasks.settled();
    this.#full.close();
  }

  async #accept(): Promise<void> {
    const { listener, pending } = this.#options;
    for (
      let incoming = await listener.accept();
      incoming !== null;
      incoming = await listener.accept()
    ) {
      this.#tasks.add(this.#open(incoming));
      // What made room must be gone, or a burst takes more descriptors than it may.
      while (this.#tasks.size - pending.size > MAX_ENDING_CONNECTIONS) {
        await this.#tasks.next();
      }
    }
  }

  async #open(incoming: Incoming): Promise<void> {
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
        // It still counts as pending: a proof alone does not open the session.
        onProven: (peer) => {
          const it = room.newcomer(peer, source, undefined);
          if (it.hasStanding) this.#remember(source);
        },
        signal: limit.signal,
      });
    } catch (error) {
      this.#report(incoming, error);
    } finally {
      pending.delete(entry);
    }
  }

  /** Where peers with standing were in an earlier run, whichever end dialed. */
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

  /** The process is out of descriptors: those that have proven nothing make room first. */
  #onShortage(): void {
    const { connections, pending } = this.#options;
    connections.shortage();
    pending.trim(this.#isVerified, connections.pending);
  }

  #remember(source: string): void {
    this.#proven.set(source, true);
  }

  /** Reports why an inbound connection ended, as often as its error code says. */
  #report(incoming: Incoming, error: unknown): void {
    if (!(error instanceof VerackError)) {
      this.#options.log.error("accepting failed", { error: messageOf(error) });
      return;
    }
    const address = formatAddress(incoming.remoteAddress);
    const { code, message: reason } = error;
    this.#options.log.debug("connection ended", { address, code, reason });
    const { inboundEvent } = factsOf(code);
    if (inboundEvent === "never" || this.#options.signal.aborted) return;
    if (code === "full") return this.#full.add({ address, reason });
    if (code === "identity-in-use") {
      // It has proven our own key.
      if (!this.#options.health.keyInUse("own", reason)) return;
    } else if (inboundEvent === "once" && !this.#isNews(reason)) return;
    // Unknown peers must not be able to flood the event stream.
    if (!this.#reports.take(this.#options.clock.monotonic())) return;
    this.#options.emit({ type: "refused", address, reason });
  }

  /** Whether a refusal was not reported for `ALARM_QUIET_MS`. */
  #isNews(what: string): boolean {
    const now = this.#options.clock.monotonic();
    const saidAt = this.#said.get(what) ?? -Infinity;
    this.#said.set(what, now);
    return now - saidAt > ALARM_QUIET_MS;
  }
}
