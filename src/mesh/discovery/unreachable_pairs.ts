/**
 * Pairs of members that cannot reach each other while others reach both. Each node tells
 * its peers which members it misses, and keeps what they tell about themselves.
 *
 * The members that this node misses come from `liveness_reports.ts`. Nothing is done
 * about a pair here, as both of its ends go on dialing.
 */
import type { PeerId } from "../../identity/identity.ts";
import {
  MAX_MISSING_LOOKUPS,
  MAX_MISSING_PAIRS,
  MAX_PEERS_PER_MESSAGE,
  MISSING_REPORT_MS,
} from "../../limits.ts";
import { SharedFrame } from "../../wire/frame.ts";
import { COMMAND } from "../../wire/commands.ts";
import {
  decodeMissing,
  encodeMissing,
} from "../../wire/messages/peer_request.ts";
import type { MeshContext } from "../context.ts";
import type { MissingPair } from "../events.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { LivenessReports } from "./liveness_reports.ts";

/** What one node knows of missing pairs. */
export class UnreachablePairs {
  readonly #context: MeshContext;
  readonly #reports: LivenessReports;
  /** Whom we miss, as our peers were told. */
  #own: readonly PeerId[] = [];
  #toldAt = -Infinity;
  #pairs: readonly MissingPair[] = [];

  constructor(context: MeshContext, reports: LivenessReports) {
    this.#context = context;
    this.#reports = reports;
  }

  /** At most `MAX_MISSING_PAIRS`, those with ourselves first; as of the last tick. */
  get pairs(): readonly MissingPair[] {
    return this.#pairs;
  }

  /** A session counts from now on: its peer hears whom we miss. */
  opened(link: PeerSession): void {
    if (this.#own.length === 0) return;
    link.session.send(
      COMMAND.missing,
      encodeMissing({ identities: this.#own }),
    );
  }

  /** A peer said whom it misses. Only those we know ourselves are kept, as many as are told. */
  onMissing(link: PeerSession, payload: Uint8Array): void {
    const { table } = this.#context;
    link.missing = decodeMissing(payload).identities.flatMap((id) =>
      table.get(id)?.id ?? []
    ).slice(0, MAX_MISSING_PAIRS);
  }

  /** Looks again, at most every `MISSING_REPORT_MS`; true if the pairs changed. */
  tick(now: number): boolean {
    if (now - this.#toldAt < MISSING_REPORT_MS) return false;
    this.#toldAt = now;
    const { deadAfterMs, heartbeatMs } = this.#context.options;
    const own = this.#reports.open()
      // Who is said to be live for longer than it takes to notice that it is dead.
      .filter(({ reportedAt = Infinity, confirmedAt }) =>
        confirmedAt - reportedAt >= deadAfterMs + heartbeatMs
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
    return this.#pairs.flat().join() !== before;
  }

  #tell(): void {
    const { magic, table } = this.#context;
    const payload = encodeMissing({ identities: this.#own });
    const frame = new SharedFrame(magic, COMMAND.missing, payload);
    for (const { primary } of table.connected()) {
      primary?.session.sendShared(frame);
    }
  }

  #collect(): MissingPair[] {
    const { standing, table, identity: { id: own } } = this.#context;
    const pairs = new Map<string, MissingPair>();
    const add = (a: PeerId, b: PeerId) => {
      const pair: MissingPair = a < b ? [a, b] : [b, a];
      pairs.set(pair.join(), pair);
    };
    for (const other of this.#own) add(own, other);
    const peers = table.connected();
    const share = Math.ceil(MAX_MISSING_LOOKUPS / peers.length);
    const kinds = Map.groupBy(peers, (record) => standing.has(record));
    // What peers with standing say is not crowded out by what others make up.
    for (const record of [true, false].flatMap((it) => kinds.get(it) ?? [])) {
      const missing = record.primary?.missing.slice(0, share) ?? [];
      for (const id of missing) {
        if (pairs.size >= MAX_MISSING_PAIRS) break;
        const other = table.get(id);
        // Who is gone is not missed, whatever a peer still says.
        if (other?.up || other?.reportedLive) add(record.id, id);
      }
    }
    return [...pairs.values()].slice(0, MAX_MISSING_PAIRS);
  }
}
