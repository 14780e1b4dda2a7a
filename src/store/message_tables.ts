/**
 * Messages that are not acknowledged yet, ids of those that were taken, and what
 * the application refused. What it is for is `delivery/message_store.ts`.
 */
import type { StatementSync } from "node:sqlite";
import type {
  MessageStore,
  StoredDeadLetter,
  StoredDeliveryCount,
  StoredMessage,
  StoredOutgoing,
  StoredSeen,
} from "../delivery/message_store.ts";
import type { PeerId } from "../identity/identity.ts";
import type { Database } from "./database.ts";
import { trimSenders } from "./trim_senders.ts";
import { peerIdBlob, toBytes, toPeerId, toText, wholeMs } from "./rows.ts";

/** The messages of a database. */
export class MessageTables implements MessageStore {
  readonly #database: Database;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Who alone is to get a message, by its key: it goes in one statement. */
  readonly #soleReceivers = new Map<number, PeerId>();
  #nextKey: number;

  constructor(database: Database) {
    this.#database = database;
    this.#statements = prepareStatements((sql) => database.prepare(sql));
    if (this.#statements.orphan.get() !== undefined) {
      database.run(this.#statements.deleteOrphans);
    }
    this.#nextKey = Number(this.#statements.lastKey.get()?.key ?? 0) + 1;
  }

  *outgoing(): Iterable<StoredOutgoing> {
    // One body at a time, however many receivers it has.
    const keys = this.#statements.keys.all().map((row) => Number(row.key));
    for (const key of keys) {
      const row = this.#statements.message.get(key);
      if (row === undefined) continue;
      const message = {
        id: toBytes(row.id),
        topic: toText(row.topic),
        body: toBytes(row.body),
        createdAt: row.created_at,
        ttlMs: row.ttl_ms,
      } as StoredMessage;
      for (const { receiver } of this.#statements.receivers.all(key)) {
        yield { message, key, to: toPeerId(receiver) };
      }
    }
  }

  *awaited(): Iterable<PeerId> {
    for (const row of this.#statements.awaited.iterate()) {
      yield toPeerId(row.receiver);
    }
  }

  putOutgoing(message: StoredMessage, to: readonly PeerId[]): number {
    const { id, topic, body, createdAt, ttlMs } = message;
    const key = this.#nextKey++;
    const { putMessage, putReceiver } = this.#statements;
    const put = () => {
      putMessage.run(key, id, topic, body, wholeMs(createdAt), wholeMs(ttlMs));
      for (const one of to) putReceiver.run(key, peerIdBlob(one));
    };
    // A message of which only the first half is written has no receiver, and
    // does not count: for one receiver that is as good as a savepoint, and faster.
    const [only] = to;
    if (to.length === 1 && only !== undefined) {
      this.#database.write(put);
      this.#soleReceivers.set(key, only);
    } else {
      this.#database.atomic(put);
    }
    return key;
  }

  deleteOutgoing(key: number, to: PeerId): void {
    const { deleteMessage, deleteReceiver, deleteIfDone } = this.#statements;
    if (this.#soleReceivers.get(key) === to) {
      this.#soleReceivers.delete(key);
      this.#database.run(deleteMessage, key);
      return;
    }
    this.#database.write(() => {
      deleteReceiver.run(key, peerIdBlob(to));
      deleteIfDone.run(key, key);
    });
  }

  *senders(): Iterable<PeerId> {
    const { seenSenders, otherSenders } = this.#statements;
    for (const statement of [seenSenders, otherSenders]) {
      for (const row of statement.iterate()) yield toPeerId(row.sender);
    }
  }

  *seenBy(from: PeerId): Iterable<Uint8Array> {
    for (const row of this.#statements.seenBy.iterate(peerIdBlob(from))) {
      yield toBytes(row.id);
    }
  }

  putSeen({ from, id, at }: StoredSeen): void {
    this.#database.run(
      this.#statements.putSeen,
      peerIdBlob(from),
      id,
      wholeMs(at),
    );
  }

  trimSeen(from: PeerId, keep: number): void {
    const sender = peerIdBlob(from);
    this.#database.run(this.#statements.trimSeen, sender, sender, keep);
  }

  deleteSender(from: PeerId): void {
    const { deleteSeen, deleteSenderDeliveryCounts } = this.#statements;
    this.#database.run(deleteSeen, peerIdBlob(from));
    this.#database.run(deleteSenderDeliveryCounts, peerIdBlob(from));
  }

  trimSenders(keep: readonly PeerId[]): void {
    trimSenders(this.#database, keep);
  }

  expireSeen(before: number): void {
    const { expireSeen, expireDeliveryCounts } = this.#statements;
    this.#database.run(expireDeliveryCounts, wholeMs(before));
    this.#database.run(expireSeen, wholeMs(before));
  }

  *deliveryCounts(): Iterable<StoredDeliveryCount> {
    for (const row of this.#statements.deliveryCounts.iterate()) {
      yield {
        from: toPeerId(row.sender),
        id: toBytes(row.id),
        deliveryCount: Number(row.attempts),
        at: Number(row.at),
      };
    }
  }

  putDeliveryCount({ from, id, deliveryCount, at }: StoredDeliveryCount): void {
    this.#database.run(
      this.#statements.putDeliveryCount,
      peerIdBlob(from),
      id,
      deliveryCount,
      wholeMs(at),
    );
  }

  trimDeliveryCounts(keep: number): void {
    this.#database.run(this.#statements.trimDeliveryCounts, keep);
  }

  deleteDeliveryCount(from: PeerId, id: Uint8Array): void {
    this.#database.run(
      this.#statements.deleteDeliveryCount,
      peerIdBlob(from),
      id,
    );
  }

  *deadLetters(): Iterable<StoredDeadLetter> {
    const positions = this.#statements.setAsidePositions.all();
    for (const { position } of positions) {
      const row = this.#statements.setAside.get(Number(position));
      if (row === undefined) continue;
      yield {
        from: toPeerId(row.sender),
        id: toBytes(row.id),
        topic: toText(row.topic),
        body: toBytes(row.body),
        reason: toText(row.reason),
        at: row.at,
      } as StoredDeadLetter;
    }
  }

  putDeadLetter(message: StoredDeadLetter): void {
    const { from, id, topic, body, reason, at } = message;
    this.#database.run(
      this.#statements.putDeadLetter,
      peerIdBlob(from),
      id,
      topic,
      body,
      reason,
      wholeMs(at),
    );
  }

  deleteDeadLetter(from: PeerId, id: Uint8Array): void {
    this.#database.run(
      this.#statements.deleteDeadLetter,
      peerIdBlob(from),
      id,
    );
  }

  commit(): void {
    this.#database.commit();
  }

  committed(): Promise<void> {
    return this.#database.committed();
  }
}

/** Messages that nobody is to get. */
const ORPHANS = `SELECT * FROM outgoing_message WHERE key NOT IN
  (SELECT key FROM outgoing_receiver)`;

function prepareStatements(prepare: (sql: string) => StatementSync) {
  return {
    lastKey: prepare("SELECT max(key) AS key FROM outgoing_message"),
    keys: prepare("SELECT key FROM outgoing_message ORDER BY key"),
    message: prepare(
      `SELECT *, CAST(topic AS BLOB) AS topic FROM outgoing_message
       WHERE key = ?`,
    ),
    receivers: prepare("SELECT receiver FROM outgoing_receiver WHERE key = ?"),
    awaited: prepare(
      `SELECT receiver FROM outgoing_receiver GROUP BY key
       HAVING count(*) = 1`,
    ),
    putMessage: prepare(
      `INSERT INTO outgoing_message (key, id, topic, body, created_at, ttl_ms)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    putReceiver: prepare("INSERT INTO outgoing_receiver VALUES (?, ?)"),
    deleteReceiver: prepare(
      "DELETE FROM outgoing_receiver WHERE key = ? AND receiver = ?",
    ),
    deleteMessage: prepare("DELETE FROM outgoing_message WHERE key = ?"),
    deleteIfDone: prepare(
      `DELETE FROM outgoing_message WHERE key = ? AND NOT EXISTS
         (SELECT 1 FROM outgoing_receiver WHERE key = ?)`,
    ),
    orphan: prepare(`${ORPHANS.replace("*", "1")} LIMIT 1`),
    deleteOrphans: prepare(ORPHANS.replace("SELECT *", "DELETE")),
    seenSenders: prepare(
      `SELECT sender FROM seen GROUP BY sender ORDER BY max(position) DESC`,
    ),
    otherSenders: prepare(
      `SELECT DISTINCT sender FROM attempts WHERE NOT EXISTS
         (SELECT 1 FROM seen WHERE seen.sender = attempts.sender)`,
    ),
    seenBy: prepare("SELECT id FROM seen WHERE sender = ? ORDER BY position"),
    deleteSeen: prepare("DELETE FROM seen WHERE sender = ?"),
    deleteSenderDeliveryCounts: prepare(
      "DELETE FROM attempts WHERE sender = ?",
    ),
    putSeen: prepare("INSERT INTO seen (sender, id, at) VALUES (?, ?, ?)"),
    trimSeen: prepare(
      `DELETE FROM seen WHERE sender = ? AND position <=
         (SELECT position FROM seen WHERE sender = ?
          ORDER BY position DESC LIMIT 1 OFFSET ?)`,
    ),
    expireSeen: prepare("DELETE FROM seen WHERE at < ?"),
    expireDeliveryCounts: prepare("DELETE FROM attempts WHERE at < ?"),
    deliveryCounts: prepare("SELECT * FROM attempts ORDER BY at"),
    trimDeliveryCounts: prepare(
      `DELETE FROM attempts WHERE (sender, id) IN
         (SELECT sender, id FROM attempts ORDER BY at DESC LIMIT -1 OFFSET ?)`,
    ),
    putDeliveryCount: prepare(
      "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)",
    ),
    deleteDeliveryCount: prepare(
      "DELETE FROM attempts WHERE sender = ? AND id = ?",
    ),
    setAsidePositions: prepare(
      "SELECT position FROM set_aside ORDER BY position",
    ),
    setAside: prepare(
      `SELECT *, CAST(topic AS BLOB) AS topic, CAST(reason AS BLOB) AS reason
       FROM set_aside WHERE position = ?`,
    ),
    putDeadLetter: prepare(
      `INSERT OR REPLACE INTO set_aside (sender, id, topic, body, reason, at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    deleteDeadLetter: prepare(
      "DELETE FROM set_aside WHERE sender = ? AND id = ?",
    ),
  };
}
