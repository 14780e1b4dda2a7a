/**
 * Pairs of members that cannot reach each other while others reach both. Each node sends its
 * peers the members that it cannot reach, and keeps the reports of its peers. Those that this
 * node cannot reach come from `liveness_reports.ts`. Pairs are only reported, as both ends go
 * on dialing.
 */
import type { PeerId } from "../../core/peer_id.ts";
import {
  MAX_MISSING_LOOKUPS,
  MAX_MISSING_PAIRS,
  MISSING_REPORT_MS,
} from "./discovery_limits.ts";
import { MAX_PEERS_PER_MESSAGE } from "../../wire/wire_limits.ts";
import { SharedFrame } from "../../wire/frame.ts";
import { COMMAND } from "../../wire/commands.ts";
import {
  decodeMissing,
  encodeMissing,
} from "../../wire/messages/peer_request.ts";
import type { MissingPair } from "../events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { ExchangeStates } from "./exchange_state.ts";
import type { LivenessReports } from "../peers/liveness_reports.ts";
import type { PeerEvents } from "../peers/peer_events.ts";
import type { PeerTable } from "../peers/peer_table.ts";
import type { Standing } from "../peers/standing.ts";

/** Dependencies of {@linkcode UnreachablePairs}. */
export interface UnreachablePairsOptions {
  /** This node. */
  readonly own: PeerId;
  readonly magic: Uint8Array;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly reports: LivenessReports;
  readonly states: ExchangeStates;
  readonly events: PeerEvents;
}

/** The unreachable pairs of one node. */
export class UnreachablePairs {
  readonly #options: UnreachablePairsOptions;
  /** The members that this node cannot reach, as reported last. */
  #own: readonly PeerId[] = [];
  #toldAt = -Infinity;
  #pairs: readonly MissingPair[] = [];

  constructor(options: UnreachablePairsOptions) {
    this.#options = options;
    options.events.on(
      "introduced",
      ({ session }) => this.#onIntroduced(session),
    );
  }

  /** At most `MAX_MISSING_PAIRS`, those with ourselves first; as of the last tick. */
  get pairs(): readonly MissingPair[] {
    return this.#pairs;
  }

  /** A session is established: each end reports the members that it cannot reach. */
  #onIntroduced(session: PeerSession): void {
    const { states, table } = this.#options;
    session.channel.handle(COMMAND.missing, (payload) => {
      // Only known members are kept.
      states.of(session).missing = decodeMissing(payload).ids
        .flatMap((id) => table.get(id)?.id ?? []).slice(0, MAX_MISSING_PAIRS);
    });
    if (this.#own.length === 0) return;
    session.channel.send(
      COMMAND.missing,
      encodeMissing({ ids: this.#own }),
    );
  }

  /** Updates the pairs, at most every `MISSING_REPORT_MS`. */
  tick(now: number): void {
    if (now - this.#toldAt < MISSING_REPORT_MS) return;
    this.#toldAt = now;
    const { deadAfterMs, events, heartbeatMs, reports } = this.#options;
    const own = reports.open()
      // A peer that is reported live for longer than it takes to notice that it is dead, and
      // does not just wait for its turn to be dialed.
      .filter(({ reportedAt = Infinity, confirmedAt, failures, addresses }) =>
        confirmedAt - reportedAt >= deadAfterMs + heartbeatMs &&
        (failures > 0 || addresses.size === 0)
      )
      .slice(0, MAX_PEERS_PER_MESSAGE)
      .map(({ id }) => id)
      .sort();
    if (own.join() !== this.#own.join()) {
      this.#own = own;
      this.#tell();
    }
    const before = this.#pairs.flat().join();
    this.#pairs = this.#collect();
    if (this.#pairs.flat().join() !== before) events.emit("changed");
  }

  #tell(): void {
    const { magic, table } = this.#options;
    const payload = encodeMissing({ ids: this.#own });
    const frame = new SharedFrame(magic, COMMAND.missing, payload);
    for (const { primary } of table.connected()) {
      primary?.channel.sendShared(frame);
    }
  }

  #collect(): MissingPair[] {
    const { own, standing, states, table } = this.#options;
    const pairs = new Map<string, MissingPair>();
    const add = (a: PeerId, b: PeerId) => {
      const pair: MissingPair = a < b ? [a, b] : [b, a];
      pairs.set(pair.join(), pair);
    };
    for (const other of this.#own) add(own, other);
    const peers = table.connected();
    const share = Math.ceil(MAX_MISSING_LOOKUPS / peers.length);
    const kinds = Map.groupBy(peers, (peer) => standing.has(peer));
    // Reports of peers with standing come first.
    for (const peer of [true, false].flatMap((it) => kinds.get(it) ?? [])) {
      const { primary } = peer;
      const missing = primary && states.of(primary).missing.slice(0, share);
      for (const id of missing ?? []) {
        if (pairs.size >= MAX_MISSING_PAIRS) break;
        const other = table.get(id);
        // A peer that is gone is not missing, in spite of reports.
        if (other?.up || other?.reportedLive) add(peer.id, id);
      }
    }
    return [...pairs.values()].slice(0, MAX_MISSING_PAIRS);
  }
}
