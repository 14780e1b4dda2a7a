/**
 * Keeps the peer table and the store in step: what is on record is in the table
 * before the first dial, and what is proven goes on record.
 *
 * Rumours are never stored: only a peer that was proven to us is, with the
 * addresses that it named itself, that answered, or that a person gave. What a
 * record is made of is `node_store.ts`; whom to dial is up to `dialer.ts`.
 */
import { messageOf, VerackError } from "../errors.ts";
import {
  judgeCertificate,
  type JudgedCertificate,
} from "../identity/certificate.ts";
import { shortId } from "../identity/identity.ts";
import { EPHEMERAL_KEPT_MS, LAST_SEEN_SAVE_MS, MAX_PEERS } from "../limits.ts";
import type { MeshContext } from "./context.ts";
import type { StoredAddress, StoredPeer } from "./node_store.ts";
import type { PeerRecord } from "./peer_table.ts";
import { isUpForLong } from "./standing.ts";

/** What one node needs of its context here. */
export type MemoryContext = Pick<
  MeshContext,
  "clock" | "identity" | "log" | "options" | "table"
>;

/** Memory of peers of one node. */
export class PeerMemory {
  readonly #context: MemoryContext;
  #nextTouchAt: number;
  /** The last write failed and it was said. */
  #failing = false;

  constructor(context: MemoryContext) {
    this.#context = context;
    this.#nextTouchAt = context.clock.monotonic() + LAST_SEEN_SAVE_MS;
    context.table.onForget.push((record) => this.#delete(record));
    this.#load();
    this.#write(() => context.options.keptTime.save());
  }

  /** The peer was proven, or something lasting about it has changed. */
  save(record: PeerRecord): void {
    const { certificate, identity } = record;
    if (!record.isProven || certificate === undefined) return;
    // What was forgotten may still be heard of, by a dial that was under way.
    if (this.#context.table.get(identity) !== record) return;
    this.#write(() =>
      this.#context.options.store.putPeer(toStored(record, certificate))
    );
  }

  /**
   * Now and then what is on record learns that connected peers are still there,
   * so that after a crash too they are dialed before those that left long ago.
   */
  tick(now: number): void {
    if (now < this.#nextTouchAt) return;
    this.#nextTouchAt = now + LAST_SEEN_SAVE_MS;
    this.#touch();
    this.#write(() => this.#context.options.keptTime.save());
  }

  /** The last words of a node that closes: whoever is connected was seen now. */
  close(): void {
    this.#touch();
    const { keptTime, store } = this.#context.options;
    this.#write(() => {
      keptTime.save(true);
      store.commit();
    });
  }

  #touch(): void {
    const { clock, table } = this.#context;
    const now = clock.monotonic();
    for (const record of table.connected()) {
      record.lastSeen = clock.now();
      record.earnedStanding ||= isUpForLong(
        record.primary?.openedAt ?? now,
        now,
      );
      this.save(record);
    }
  }

  #load(): void {
    const { options, log, table } = this.#context;
    for (const stored of options.store.peers()) {
      try {
        if (table.size < MAX_PEERS) this.#recall(stored);
        else this.#write(() => options.store.deletePeer(stored.identity));
      } catch (error) {
        if (!(error instanceof VerackError)) throw error;
        log.warn("peer on record refused", {
          peer: shortId(stored.identity),
          reason: error.message,
        });
        this.#write(() => options.store.deletePeer(stored.identity));
      }
    }
  }

  /** @throws {VerackError} when the certificate is not the peer's. */
  #recall(stored: StoredPeer): void {
    const { table, identity, options } = this.#context;
    const typed = stored.addresses.some((it) => it.typed);
    // The key is most likely gone with its process; what a person typed stays,
    // for whoever is there now.
    const stale = stored.ephemeral && !typed &&
      options.keptTime.ageAtStart(stored.lastSeen) > EPHEMERAL_KEPT_MS;
    if (stale || stored.identity === identity.id) {
      this.#write(() => options.store.deletePeer(stored.identity));
      return;
    }
    const certificate = judgeCertificate(stored.certificate, stored.identity);
    const record = table.ensure(stored.identity);
    if (record === undefined) return;
    record.certificate = certificate;
    record.name = stored.name;
    record.trust = stored.trust;
    record.ephemeral = stored.ephemeral;
    record.statement = stored.statement;
    record.earnedStanding = stored.earnedStanding;
    record.firstSeen = stored.firstSeen;
    record.lastSeen = stored.lastSeen;
    // Best first there, newest last here.
    for (const entry of stored.addresses.toReversed()) {
      if (entry.typed) record.addresses.add(entry.address, "typed");
      record.addresses.add(entry.address, entry.rank, entry.namedFrom);
    }
  }

  #delete(record: PeerRecord): void {
    if (!record.isProven) return;
    this.#write(() => this.#context.options.store.deletePeer(record.identity));
  }

  /** A node that cannot write goes on without memory, and says so once. */
  #write(write: () => void): void {
    try {
      write();
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        this.#context.log.error("cannot remember peers", {
          reason: messageOf(error),
        });
      }
      this.#failing = true;
    }
  }
}

function toStored(
  record: PeerRecord,
  certificate: JudgedCertificate,
): StoredPeer {
  const { identity, name, trust, ephemeral, firstSeen, lastSeen } = record;
  const { statement, earnedStanding } = record;
  const addresses = record.addresses.list().flatMap((entry) =>
    entry.rank === "rumoured" ? [] : [{ ...entry, rank: entry.rank }]
  ) satisfies StoredAddress[];
  return {
    identity,
    certificate: certificate.der,
    name,
    trust,
    ephemeral,
    addresses,
    firstSeen,
    lastSeen,
    statement,
    earnedStanding,
  };
}
