/**
 * A {@linkcode NodeStore} on disk: what a node remembers of others, who may come
 * in, and its messages, in one SQLite database that one process uses at a time.
 */
import type { StatementSync } from "node:sqlite";
import { messageOf } from "../core/errors.ts";
import type { PeerId } from "../identity/identity.ts";
import type {
  JoinRequest,
  NameBinding,
  NodeStore,
  PeerHead,
  StoredAccessRule,
  StoredInvite,
  StoredPeer,
} from "../mesh/peers/node_store.ts";
import { Database, type DatabaseOptions } from "./database.ts";
import { MessageTables } from "./message_tables.ts";
import { PeerTables } from "./peer_tables.ts";
import { peerIdBlob, toBytes, toPeerId, wholeMs } from "./rows.ts";
import { DamagedError } from "./sqlite_errors.ts";

/** Memory on disk. */
export class SqliteStore implements NodeStore {
  readonly messages: MessageTables;
  readonly #database: Database;
  readonly #peers: PeerTables;
  readonly #statements: ReturnType<typeof prepareStatements>;

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
    this.#peers = new PeerTables(database);
    this.messages = new MessageTables(database);
    this.#statements = prepareStatements((sql) => database.prepare(sql));
  }

  peers(): StoredPeer[] {
    return this.#peers.all();
  }

  peerHeads(): Iterable<PeerHead> {
    return this.#peers.heads();
  }

  trimPeers(keep: readonly PeerId[]): void {
    this.#peers.trim(keep);
  }

  putPeer(peer: StoredPeer): void {
    this.#peers.put(peer);
  }

  deletePeer(id: PeerId): void {
    this.#peers.delete(id);
  }

  accessRules(): StoredAccessRule[] {
    return this.#statements.verdicts.all().map(({ identity, verdict, at }) => ({
      id: toPeerId(identity),
      verdict,
      at,
    } as StoredAccessRule));
  }

  putAccessRule({ id, verdict, at }: StoredAccessRule): void {
    this.#database.run(
      this.#statements.putAccessRule,
      peerIdBlob(id),
      verdict,
      wholeMs(at),
    );
  }

  deleteAccessRule(id: PeerId): void {
    this.#database.run(
      this.#statements.deleteAccessRule,
      peerIdBlob(id),
    );
  }

  joinRequests(): JoinRequest[] {
    return this.#statements.pending.all().map((row) => ({
      id: toPeerId(row.identity),
      certificate: toBytes(row.certificate),
      address: { host: row.host, port: row.port },
      direction: row.direction,
      firstSeen: row.first_seen,
      lastSeen: row.last_seen,
    } as JoinRequest));
  }

  putJoinRequest(peer: JoinRequest): void {
    this.#database.run(
      this.#statements.putJoinRequest,
      peerIdBlob(peer.id),
      peer.certificate,
      peer.address.host,
      peer.address.port,
      peer.direction,
      wholeMs(peer.firstSeen),
      wholeMs(peer.lastSeen),
    );
  }

  deleteJoinRequest(id: PeerId): void {
    this.#database.run(
      this.#statements.deleteJoinRequest,
      peerIdBlob(id),
    );
  }

  nameBindings(): NameBinding[] {
    return this.#statements.names.all().map((row) => ({
      name: row.name,
      id: toPeerId(row.identity),
      ephemeral: row.ephemeral === 1,
      confirmed: row.confirmed === 1,
    } as NameBinding));
  }

  putNameBinding(binding: NameBinding): void {
    const { name, id, ephemeral, confirmed } = binding;
    this.#database.run(
      this.#statements.putName,
      name,
      peerIdBlob(id),
      Number(ephemeral),
      Number(confirmed),
    );
  }

  deleteNameBinding(name: string): void {
    this.#database.run(this.#statements.deleteName, name);
  }

  invites(): StoredInvite[] {
    return this.#statements.invites.all().map((row) => ({
      id: row.id,
      key: toBytes(row.key),
      expiresAt: row.expires_at,
      ...(row.used_by !== null && { usedBy: toPeerId(row.used_by) }),
    } as StoredInvite));
  }

  putInvite({ id, key, expiresAt, usedBy }: StoredInvite): void {
    this.#database.run(
      this.#statements.putInvite,
      id,
      key,
      wholeMs(expiresAt),
      usedBy === undefined ? null : peerIdBlob(usedBy),
    );
  }

  deleteInvite(id: string): void {
    this.#database.run(this.#statements.deleteInvite, id);
  }

  setting(key: string): Uint8Array<ArrayBuffer> | undefined {
    const row = this.#statements.setting.get(key);
    return row === undefined ? undefined : toBytes(row.value);
  }

  putSetting(key: string, value: Uint8Array<ArrayBuffer>): void {
    this.#database.run(this.#statements.putSetting, key, value);
  }

  failure(): string | undefined {
    return this.#database.failure;
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

/** Prepared at once, so that a database without its tables is found when it is opened. */
function prepareStatements(prepare: (sql: string) => StatementSync) {
  return {
    verdicts: prepare("SELECT * FROM verdict ORDER BY at, identity"),
    putAccessRule: prepare("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?)"),
    deleteAccessRule: prepare("DELETE FROM verdict WHERE identity = ?"),
    pending: prepare("SELECT * FROM pending ORDER BY first_seen, identity"),
    putJoinRequest: prepare(
      `INSERT OR REPLACE INTO pending (identity, certificate, host, port,
         direction, first_seen, last_seen)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    deleteJoinRequest: prepare("DELETE FROM pending WHERE identity = ?"),
    names: prepare("SELECT * FROM name_binding ORDER BY position"),
    putName: prepare(
      `INSERT OR REPLACE INTO name_binding
         (name, identity, ephemeral, confirmed)
       VALUES (?, ?, ?, ?)`,
    ),
    deleteName: prepare("DELETE FROM name_binding WHERE name = ?"),
    invites: prepare("SELECT * FROM invite ORDER BY expires_at, id"),
    putInvite: prepare("INSERT OR REPLACE INTO invite VALUES (?, ?, ?, ?)"),
    deleteInvite: prepare("DELETE FROM invite WHERE id = ?"),
    setting: prepare("SELECT value FROM setting WHERE key = ?"),
    putSetting: prepare("INSERT OR REPLACE INTO setting VALUES (?, ?)"),
  };
}
