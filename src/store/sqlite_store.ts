/**
 * A {@linkcode NodeStore} on disk: what a node remembers of others, who may come
 * in, and its messages, in one SQLite database that one process uses at a time.
 */
import type { StatementSync } from "node:sqlite";
import { messageOf } from "../errors.ts";
import type { IdentityId } from "../identity/identity.ts";
import type {
  NameBinding,
  NodeStore,
  PeerHead,
  PendingPeer,
  StoredInvite,
  StoredPeer,
  StoredVerdict,
} from "../mesh/node_store.ts";
import { Database, type DatabaseOptions } from "./database.ts";
import { MessageTables } from "./message_tables.ts";
import { PeerTables } from "./peer_tables.ts";
import { identityBytes, toBytes, toIdentity, wholeMs } from "./rows.ts";
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

  trimPeers(keep: readonly IdentityId[]): void {
    this.#peers.trim(keep);
  }

  putPeer(peer: StoredPeer): void {
    this.#peers.put(peer);
  }

  deletePeer(identity: IdentityId): void {
    this.#peers.delete(identity);
  }

  verdicts(): StoredVerdict[] {
    return this.#statements.verdicts.all().map(({ identity, verdict, at }) => ({
      identity: toIdentity(identity),
      verdict,
      at,
    } as StoredVerdict));
  }

  putVerdict({ identity, verdict, at }: StoredVerdict): void {
    this.#database.run(
      this.#statements.putVerdict,
      identityBytes(identity),
      verdict,
      wholeMs(at),
    );
  }

  deleteVerdict(identity: IdentityId): void {
    this.#database.run(
      this.#statements.deleteVerdict,
      identityBytes(identity),
    );
  }

  pending(): PendingPeer[] {
    return this.#statements.pending.all().map((row) => ({
      identity: toIdentity(row.identity),
      certificate: toBytes(row.certificate),
      address: { host: row.host, port: row.port },
      direction: row.direction,
      firstSeen: row.first_seen,
      lastSeen: row.last_seen,
    } as PendingPeer));
  }

  putPending(peer: PendingPeer): void {
    this.#database.run(
      this.#statements.putPending,
      identityBytes(peer.identity),
      peer.certificate,
      peer.address.host,
      peer.address.port,
      peer.direction,
      wholeMs(peer.firstSeen),
      wholeMs(peer.lastSeen),
    );
  }

  deletePending(identity: IdentityId): void {
    this.#database.run(
      this.#statements.deletePending,
      identityBytes(identity),
    );
  }

  nameBindings(): NameBinding[] {
    return this.#statements.names.all().map((row) => ({
      name: row.name,
      identity: toIdentity(row.identity),
      ephemeral: row.ephemeral === 1,
      confirmed: row.confirmed === 1,
    } as NameBinding));
  }

  putNameBinding(binding: NameBinding): void {
    const { name, identity, ephemeral, confirmed } = binding;
    this.#database.run(
      this.#statements.putName,
      name,
      identityBytes(identity),
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
      ...(row.used_by !== null && { usedBy: toIdentity(row.used_by) }),
    } as StoredInvite));
  }

  putInvite({ id, key, expiresAt, usedBy }: StoredInvite): void {
    this.#database.run(
      this.#statements.putInvite,
      id,
      key,
      wholeMs(expiresAt),
      usedBy === undefined ? null : identityBytes(usedBy),
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
    putVerdict: prepare("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?)"),
    deleteVerdict: prepare("DELETE FROM verdict WHERE identity = ?"),
    pending: prepare("SELECT * FROM pending ORDER BY first_seen, identity"),
    putPending: prepare(
      `INSERT OR REPLACE INTO pending (identity, certificate, host, port,
         direction, first_seen, last_seen)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    deletePending: prepare("DELETE FROM pending WHERE identity = ?"),
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
