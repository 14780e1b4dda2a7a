/**
 * Who says of whom that it is live, of peers we have no session with: what makes
 * a peer a member of the mesh that we miss. Each answer of a peer replaces what it
 * said before, and what it said goes when it goes.
 *
 * What is made of it is `missing.ts`; asking is `exchange.ts`.
 */
import type { IdentityId } from "../identity/identity.ts";
import { MAX_REPORTERS_PER_PEER } from "../limits.ts";
import type { PeerRecord, PeerTable } from "./peer_table.ts";

/** Reports of one node; what is reported stands in the records of its table. */
export class Reports {
  readonly #table: PeerTable;

  constructor(table: PeerTable) {
    this.#table = table;
  }

  /** `reporter` has a session with this peer, it says. */
  add(record: PeerRecord, reporter: IdentityId, now: number): void {
    if (record.up) return;
    record.reportedAt ??= now;
    record.confirmedAt = now;
    // A few are enough to ask again; who came first is kept.
    if (record.reporters.size < MAX_REPORTERS_PER_PEER) {
      record.reporters.add(reporter);
    }
  }

  /** `reporter` has told of all it knows; of whom it did not tell, it takes its word back. */
  complete(reporter: IdentityId, told: ReadonlySet<IdentityId>): void {
    for (const record of this.open()) {
      if (!told.has(record.identity)) retract(record, reporter);
    }
  }

  /** `reporter` is gone, and what it knew with it. */
  drop(reporter: IdentityId): void {
    for (const record of this.open()) retract(record, reporter);
  }

  /** There is a session with this peer: nobody's word is needed. */
  settle(record: PeerRecord): void {
    record.reporters.clear();
    record.reportedAt = undefined;
  }

  /** Peers that others say are live and that we have no session with. */
  open(): PeerRecord[] {
    return [...this.#table.values()].filter(({ reportedLive }) => reportedLive);
  }
}

function retract(record: PeerRecord, reporter: IdentityId): void {
  record.reporters.delete(reporter);
  if (!record.reportedLive) record.reportedAt = undefined;
}
