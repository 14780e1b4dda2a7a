/**
 * A {@linkcode NodeStore} on disk: peers, access rules and messages of a node, in one SQLite
 * database that one process uses at a time.
 */
import { messageOf } from "../core/errors.ts";
import { type PeerId, peerIdBytes } from "../core/peer_id.ts";
import type {
  JoinRequest,
  NameBinding,
  NodeStore,
  PeerHead,
  StoredAccessRule,
  StoredAddress,
  StoredInvite,
  StoredPeer,
} from "../mesh/peers/node_store.ts";
import { Database, type DatabaseOptions } from "./database.ts";
import { MessageTables } from "./message_tables.ts";
import { DamagedError } from "./sqlite_errors.ts";
import {
  bytes,
  flag,
  foreignText,
  LISTED,
  optional,
  peerId,
  plain,
  Table,
  toPeerId,
  wholeMs,
  word,
} from "./table.ts";

const PEERS = new Table<Omit<StoredPeer, "addresses">>("peer", {
  id: peerId("identity"),
  certificate: bytes("certificate"),
  name: foreignText("name"),
  trust: plain("trust"),
  ephemeral: flag("ephemeral"),
  firstSeen: wholeMs("first_seen"),
  lastSeen: wholeMs("last_seen"),
  attestation: bytes("statement"),
  earnedStanding: flag("earned_standing"),
  upForLong: flag("up_for_long"),
  source: plain("source"),
});

/** An address, which is of one peer and at one place of its list. */
interface AddressRow {
  readonly id: PeerId;
  readonly position: number;
  readonly entry: StoredAddress;
}

const ADDRESSES = new Table<AddressRow>("peer_address", {
  id: peerId("identity"),
  position: plain("position"),
  entry: {
    address: { host: plain("host"), port: plain("port") },
    rank: word("rank", {
      verified: "proven",
      configured: "typed",
      advertised: "claimed",
    }),
    configured: flag("typed"),
    namedFrom: optional(plain("named_from")),
  },
});

const ACCESS_RULES = new Table<StoredAccessRule>("verdict", {
  id: peerId("identity"),
  rule: plain("verdict"),
  at: wholeMs("at"),
});

const JOIN_REQUESTS = new Table<JoinRequest>("pending", {
  id: peerId("identity"),
  certificate: bytes("certificate"),
  address: { host: plain("host"), port: plain("port") },
  direction: plain("direction"),
  firstSeen: wholeMs("first_seen"),
  lastSeen: wholeMs("last_seen"),
});

const NAMES = new Table<NameBinding>("name_binding", {
  name: plain("name"),
  id: peerId("identity"),
  ephemeral: flag("ephemeral"),
  confirmed: flag("confirmed"),
});

const INVITES = new Table<StoredInvite>("invite", {
  id: plain("id"),
  key: bytes("key"),
  expiresAt: wholeMs("expires_at"),
  usedBy: optional(peerId("used_by")),
});

/** The store of a node on disk. */
export class SqliteStore implements NodeStore {
  readonly messages: MessageTables;
  readonly #database: Database;
  readonly #sql: ReturnType<typeof prepare>;
  /** Addresses as they were written last, because most changes of a peer leave them as they are. */
  readonly #addresses = new Map<PeerId, string>();
  #onSetting: ((key: string, value: Uint8Array) => void) | undefined;

  /**
   * Opens the database at `path`, and makes it if there is none.
   *
   * @throws {VerackError} as `Database.open`.
   */
  static open(path: string, options: DatabaseOptions): SqliteStore {
    const database = Database.open(path, options);
    try {
      return new SqliteStore(database);
    } catch (error) {
      database.close();
      throw new DamagedError(path, `it is damaged (${messageOf(error)})`, {
        cause: error,
      });
    }
  }

  private constructor(database: Database) {
    this.#database = database;
    this.#sql = prepare(database);
    this.messages = new MessageTables(database);
    database.whenLost(() => this.#addresses.clear());
  }

  peers(): StoredPeer[] {
    const all = new Map<PeerId, StoredPeer & { addresses: StoredAddress[] }>();
    for (const row of this.#sql.peers.all()) {
      const peer = PEERS.read(row);
      all.set(peer.id, { ...peer, addresses: [] });
    }
    for (const row of this.#sql.addresses.all()) {
      const { id, entry } = ADDRESSES.read(row);
      all.get(id)?.addresses.push(entry);
    }
    return [...all.values()];
  }

  *peerHeads(): Iterable<PeerHead> {
    for (const row of this.#sql.heads.iterate()) {
      yield {
        id: toPeerId(row.identity),
        trust: row.trust as PeerHead["trust"],
        earnedStanding: row.earned_standing === 1,
        upForLong: row.up_for_long === 1,
        isConfigured: row.typed === 1,
      };
    }
  }

  trimPeers(keep: readonly PeerId[]): void {
    const { trimAddresses, trimPeers } = this.#sql;
    const listed = JSON.stringify(keep);
    this.#database.atomic(() => {
      // Addresses first, all at once, rather than with each peer.
      trimAddresses(listed);
      trimPeers(listed);
    });
    this.#addresses.clear();
  }

  putPeer(peer: StoredPeer): void {
    const { id, addresses } = peer;
    const { putPeer, deleteAddresses, putAddress } = this.#sql;
    const written = JSON.stringify(addresses);
    this.#database.atomic(() => {
      putPeer(...PEERS.values(peer));
      if (this.#addresses.get(id) === written) return;
      deleteAddresses(peerIdBytes(id));
      for (const [position, entry] of addresses.entries()) {
        putAddress(...ADDRESSES.values({ id, position, entry }));
      }
    });
    this.#addresses.set(id, written);
  }

  deletePeer(id: PeerId): void {
    this.#sql.deletePeer(peerIdBytes(id));
    this.#addresses.delete(id);
  }

  accessRules(): StoredAccessRule[] {
    return this.#sql.accessRules.all().map((row) => ACCESS_RULES.read(row));
  }

  putAccessRule(rule: StoredAccessRule): void {
    this.#sql.putAccessRule(...ACCESS_RULES.values(rule));
  }

  deleteAccessRule(id: PeerId): void {
    this.#sql.deleteAccessRule(peerIdBytes(id));
  }

  joinRequests(): JoinRequest[] {
    return this.#sql.joinRequests.all().map((row) => JOIN_REQUESTS.read(row));
  }

  putJoinRequest(request: JoinRequest): void {
    this.#sql.putJoinRequest(...JOIN_REQUESTS.values(request));
  }

  deleteJoinRequest(id: PeerId): void {
    this.#sql.deleteJoinRequest(peerIdBytes(id));
  }

  nameBindings(): NameBinding[] {
    return this.#sql.names.all().map((row) => NAMES.read(row));
  }

  putNameBinding(binding: NameBinding): void {
    this.#sql.putName(...NAMES.values(binding));
  }

  deleteNameBinding(name: string): void {
    this.#sql.deleteName(name);
  }

  invites(): StoredInvite[] {
    return this.#sql.invites.all().map((row) => INVITES.read(row));
  }

  putInvite(invite: StoredInvite): void {
    this.#sql.putInvite(...INVITES.values(invite));
  }

  deleteInvite(id: string): void {
    this.#sql.deleteInvite(id);
  }

  setting(key: string): Uint8Array<ArrayBuffer> | undefined {
    const row = this.#sql.setting.get(key);
    return row?.value as Uint8Array<ArrayBuffer> | undefined;
  }

  putSetting(key: string, value: Uint8Array<ArrayBuffer>): void {
    this.#sql.putSetting(key, value);
    this.#onSetting?.(key, value);
  }

  /** All settings by their keys. */
  settings(): Map<string, Uint8Array> {
    return new Map(
      this.#sql.settings.all().map((
        { key, value },
      ) => [String(key), value as Uint8Array]),
    );
  }

  /** Calls `copy` with every setting that is put from now on. */
  whenSet(copy: (key: string, value: Uint8Array) => void): void {
    this.#onSetting = copy;
  }

  failure(): string | undefined {
    return this.#database.failure;
  }

  freeBytes(): number | undefined {
    return this.#database.freeBytes();
  }

  commit(): void {
    this.#database.commit();
  }

  committed(): Promise<void> {
    return this.#database.committed();
  }

  close(): void {
    this.#database.close();
  }

  /** {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Prepared at once, so that missing tables are noticed when the database is opened. */
function prepare(database: Database) {
  const read = (sql: string) => database.prepare(sql);
  const write = (sql: string) => database.writer(sql);
  return {
    peers: read(`${PEERS.select} ORDER BY last_seen DESC`),
    heads: read(
      `SELECT identity, trust, earned_standing, up_for_long, EXISTS
         (SELECT 1 FROM peer_address AS it
          WHERE it.identity = peer.identity AND typed = 1) AS typed
       FROM peer ORDER BY last_seen DESC`,
    ),
    // Not replaced, which would delete its addresses.
    putPeer: write(PEERS.upsert("identity")),
    deletePeer: write("DELETE FROM peer WHERE identity = ?"),
    trimPeers: write(`DELETE FROM peer WHERE identity NOT IN ${LISTED}`),
    addresses: read(`${ADDRESSES.select} ORDER BY identity, position`),
    putAddress: write(ADDRESSES.insert),
    deleteAddresses: write("DELETE FROM peer_address WHERE identity = ?"),
    trimAddresses: write(
      `DELETE FROM peer_address WHERE identity NOT IN ${LISTED}`,
    ),
    accessRules: read(`${ACCESS_RULES.select} ORDER BY at, identity`),
    putAccessRule: write(ACCESS_RULES.replace),
    deleteAccessRule: write("DELETE FROM verdict WHERE identity = ?"),
    joinRequests: read(`${JOIN_REQUESTS.select} ORDER BY first_seen, identity`),
    putJoinRequest: write(JOIN_REQUESTS.replace),
    deleteJoinRequest: write("DELETE FROM pending WHERE identity = ?"),
    names: read(`${NAMES.select} ORDER BY position`),
    putName: write(NAMES.replace),
    deleteName: write("DELETE FROM name_binding WHERE name = ?"),
    invites: read(`${INVITES.select} ORDER BY expires_at, id`),
    putInvite: write(INVITES.replace),
    deleteInvite: write("DELETE FROM invite WHERE id = ?"),
    setting: read("SELECT value FROM setting WHERE key = ?"),
    settings: read("SELECT key, value FROM setting"),
    putSetting: write("INSERT OR REPLACE INTO setting VALUES (?, ?)"),
  };
}
