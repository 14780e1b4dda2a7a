/**
 * Peers on record and their addresses, in two tables. What a record means is
 * `mesh/peers/node_store.ts`, when one is written `mesh/peers/peer_memory.ts`.
 */
import type { StatementSync } from "node:sqlite";
import type { PeerId } from "../identity/identity.ts";
import type {
  PeerHead,
  StoredAddress,
  StoredPeer,
} from "../mesh/peers/node_store.ts";
import type { Database } from "./database.ts";
import {
  LISTED,
  peerIdBlob,
  type Row,
  toBytes,
  toPeerId,
  toText,
  wholeMs,
} from "./rows.ts";

/** The peers of a database. */
export class PeerTables {
  readonly #database: Database;
  readonly #selectPeers: StatementSync;
  readonly #selectHeads: StatementSync;
  readonly #selectAddresses: StatementSync;
  readonly #putPeer: StatementSync;
  readonly #putAddress: StatementSync;
  readonly #deleteAddresses: StatementSync;
  readonly #deletePeer: StatementSync;
  /** Addresses as they were written: most changes of a peer are not about them. */
  readonly #addresses = new Map<PeerId, string>();

  constructor(database: Database) {
    this.#database = database;
    database.whenLost(() => this.#addresses.clear());
    this.#selectPeers = database.prepare(
      `SELECT *, CAST(name AS BLOB) AS name FROM peer
       ORDER BY last_seen DESC`,
    );
    this.#selectHeads = database.prepare(
      `SELECT identity, trust, earned_standing, up_for_long, EXISTS
         (SELECT 1 FROM peer_address AS it
          WHERE it.identity = peer.identity AND typed = 1) AS typed
       FROM peer ORDER BY last_seen DESC`,
    );
    this.#selectAddresses = database.prepare(
      "SELECT * FROM peer_address ORDER BY identity, position",
    );
    this.#putPeer = database.prepare(
      `INSERT INTO peer (identity, certificate, name, trust, ephemeral,
         first_seen, last_seen, statement, earned_standing, up_for_long, source)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (identity) DO UPDATE SET
         certificate = excluded.certificate, name = excluded.name,
         trust = excluded.trust, ephemeral = excluded.ephemeral,
         first_seen = excluded.first_seen, last_seen = excluded.last_seen,
         statement = excluded.statement,
         earned_standing = excluded.earned_standing,
         up_for_long = excluded.up_for_long, source = excluded.source`,
    );
    this.#putAddress = database.prepare(
      `INSERT INTO peer_address
         (identity, position, host, port, rank, typed, named_from)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#deleteAddresses = database.prepare(
      "DELETE FROM peer_address WHERE identity = ?",
    );
    this.#deletePeer = database.prepare("DELETE FROM peer WHERE identity = ?");
  }

  /** Every peer on record, seen last first. */
  all(): StoredPeer[] {
    const addresses = new Map<PeerId, StoredAddress[]>();
    for (const row of this.#selectAddresses.all()) {
      const id = toPeerId(row.identity);
      const known = addresses.get(id);
      if (known === undefined) addresses.set(id, [toAddress(row)]);
      else known.push(toAddress(row));
    }
    return this.#selectPeers.all().map((row) => {
      const id = toPeerId(row.identity);
      return toPeer(row, id, addresses.get(id) ?? []);
    });
  }

  /** See `NodeStore.peerHeads`. */
  *heads(): Iterable<PeerHead> {
    for (const row of this.#selectHeads.iterate()) {
      yield {
        id: toPeerId(row.identity),
        trust: row.trust as PeerHead["trust"],
        earnedStanding: row.earned_standing === 1,
        upForLong: row.up_for_long === 1,
        isTyped: row.typed === 1,
      };
    }
  }

  /** See `NodeStore.trimPeers`. */
  trim(keep: readonly PeerId[]): void {
    const listed = JSON.stringify(keep);
    this.#database.atomic(() => {
      // Addresses first, all at once, rather than with each peer.
      for (const table of ["peer_address", "peer"]) {
        this.#database.prepare(
          `DELETE FROM ${table} WHERE identity NOT IN ${LISTED}`,
        ).run(listed);
      }
    });
    this.#addresses.clear();
  }

  /** Puts a peer on record, or replaces what is. */
  put(peer: StoredPeer): void {
    const identity = peerIdBlob(peer.id);
    const { certificate, name, trust, attestation: statement } = peer;
    const addresses = JSON.stringify(peer.addresses);
    const moved = this.#addresses.get(peer.id) !== addresses;
    this.#database.atomic(() => {
      this.#putPeer.run(
        identity,
        certificate,
        name,
        trust,
        Number(peer.ephemeral),
        wholeMs(peer.firstSeen),
        wholeMs(peer.lastSeen),
        statement,
        Number(peer.earnedStanding),
        Number(peer.upForLong),
        peer.source,
      );
      if (!moved) return;
      this.#deleteAddresses.run(identity);
      for (const [position, entry] of peer.addresses.entries()) {
        const { address: { host, port }, rank, typed, namedFrom } = entry;
        this.#putAddress.run(
          identity,
          position,
          host,
          port,
          rank,
          Number(typed),
          namedFrom ?? null,
        );
      }
    });
    this.#addresses.set(peer.id, addresses);
  }

  /** Takes a peer off the record, with its addresses. */
  delete(id: PeerId): void {
    this.#database.run(this.#deletePeer, peerIdBlob(id));
    this.#addresses.delete(id);
  }
}

function toAddress(row: Row): StoredAddress {
  const { host, port, rank, named_from: namedFrom } = row;
  return {
    address: { host, port },
    rank,
    typed: row.typed === 1,
    ...(namedFrom !== null && { namedFrom }),
  } as StoredAddress;
}

function toPeer(
  row: Row,
  id: PeerId,
  addresses: readonly StoredAddress[],
): StoredPeer {
  return {
    id,
    certificate: toBytes(row.certificate),
    name: toText(row.name),
    trust: row.trust,
    ephemeral: row.ephemeral === 1,
    addresses,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
    attestation: toBytes(row.statement),
    earnedStanding: row.earned_standing === 1,
    upForLong: row.up_for_long === 1,
    source: row.source,
  } as StoredPeer;
}
