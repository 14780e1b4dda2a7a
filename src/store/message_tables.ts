/**
 * Messages that are not acknowledged yet, ids of those that were acked, delivery
 * counts, dead letters and kept topics: the {@linkcode MessageStore} of a database.
 */
import { type PeerId, peerIdBytes } from "../core/peer_id.ts";
import type {
  MessageStore,
  StoredDeadLetter,
  StoredDeliveryCount,
  StoredKeptHead,
  StoredKeptMessage,
  StoredMessage,
  StoredOutgoing,
  StoredSeen,
} from "../delivery/message_store.ts";
import type { Database } from "./database.ts";
import {
  bytes,
  foreignText,
  LISTED,
  peerId,
  plain,
  Table,
  toPeerId,
  wholeMs,
} from "./table.ts";

const OUTGOING = new Table<
  { readonly key: number; readonly message: StoredMessage }
>("outgoing_message", {
  key: plain("key"),
  message: {
    id: bytes("id"),
    topic: foreignText("topic"),
    body: bytes("body"),
    createdAt: wholeMs("created_at"),
    ttlMs: wholeMs("ttl_ms"),
  },
});

const SEEN = new Table<StoredSeen>("seen", {
  from: peerId("sender"),
  id: bytes("id"),
  at: wholeMs("at"),
});

const DELIVERY_COUNTS = new Table<StoredDeliveryCount>("attempts", {
  from: peerId("sender"),
  id: bytes("id"),
  deliveryCount: plain("attempts"),
  at: wholeMs("at"),
});

const DEAD_LETTERS = new Table<StoredDeadLetter>("set_aside", {
  from: peerId("sender"),
  id: bytes("id"),
  topic: foreignText("topic"),
  body: bytes("body"),
  reason: foreignText("reason"),
  at: wholeMs("at"),
});

const KEPT = new Table<StoredKeptMessage & { readonly key: number }>(
  "kept_message",
  {
    key: plain("key"),
    from: peerId("sender"),
    id: bytes("id"),
    topic: foreignText("topic"),
    at: wholeMs("at"),
    deliveryCount: plain("delivery_count"),
    body: bytes("body"),
  },
);

const KEPT_HEADS = new Table<StoredKeptHead>("kept_message", {
  key: plain("key"),
  from: peerId("sender"),
  topic: foreignText("topic"),
  at: wholeMs("at"),
  deliveryCount: plain("delivery_count"),
  bytes: { ...plain<number>("bytes"), selected: "length(body) AS bytes" },
});

/** The messages of a database. */
export class MessageTables implements MessageStore {
  readonly #database: Database;
  readonly #sql: ReturnType<typeof prepare>;
  /** The only receiver of a message, by its key: it goes in one statement. */
  readonly #soleReceivers = new Map<number, PeerId>();
  #nextKey: number;
  #nextKeptKey: number;

  constructor(database: Database) {
    this.#database = database;
    this.#sql = prepare(database);
    if (this.#sql.orphan.get() !== undefined) this.#sql.deleteOrphans();
    this.#nextKey = Number(this.#sql.lastKey.get()?.key ?? 0) + 1;
    this.#nextKeptKey = Number(this.#sql.lastKeptKey.get()?.key ?? 0) + 1;
  }

  *outgoing(): Iterable<StoredOutgoing> {
    // One body at a time, however many receivers it has.
    const keys = this.#sql.keys.all().map((row) => Number(row.key));
    for (const key of keys) {
      const row = this.#sql.message.get(key);
      if (row === undefined) continue;
      const { message } = OUTGOING.read(row);
      const receivers = this.#sql.receivers.all(key);
      yield {
        message,
        key,
        to: receivers.map(({ receiver }) => toPeerId(receiver)),
      };
    }
  }

  *awaited(): Iterable<PeerId> {
    for (const row of this.#sql.awaited.iterate()) yield toPeerId(row.receiver);
  }

  putOutgoing(message: StoredMessage, to: readonly PeerId[]): number {
    const key = this.#nextKey++;
    const { putMessage, putReceiver } = this.#sql;
    const put = () => {
      putMessage(...OUTGOING.values({ key, message }));
      for (const one of to) putReceiver(key, peerIdBytes(one));
    };
    // A message without a receiver does not count, so for one receiver no savepoint is needed,
    // which is faster.
    const [only] = to;
    if (to.length === 1 && only !== undefined) {
      put();
      this.#soleReceivers.set(key, only);
    } else {
      this.#database.atomic(put);
    }
    return key;
  }

  deleteOutgoing(key: number, to: PeerId): void {
    const { deleteMessage, deleteReceiver, deleteIfDone } = this.#sql;
    if (this.#soleReceivers.get(key) === to) {
      this.#soleReceivers.delete(key);
      deleteMessage(key);
      return;
    }
    deleteReceiver(key, peerIdBytes(to));
    deleteIfDone(key, key);
  }

  *senders(): Iterable<PeerId> {
    const { seenSenders, otherSenders } = this.#sql;
    for (const statement of [seenSenders, otherSenders]) {
      for (const row of statement.iterate()) yield toPeerId(row.sender);
    }
  }

  *seenBy(from: PeerId): Iterable<Uint8Array> {
    for (const { id } of this.#sql.seenBy.iterate(peerIdBytes(from))) {
      yield id as Uint8Array;
    }
  }

  putSeen(seen: StoredSeen): void {
    this.#sql.putSeen(...SEEN.values(seen));
  }

  trimSeen(from: PeerId, keep: number): void {
    const sender = peerIdBytes(from);
    this.#sql.trimSeen(sender, sender, keep);
  }

  deleteSender(from: PeerId): void {
    this.#sql.deleteSeen(peerIdBytes(from));
    this.#sql.deleteCountsOf(peerIdBytes(from));
  }

  trimSenders(keep: readonly PeerId[]): void {
    const listed = JSON.stringify(keep);
    const { seenRows, seenRowsOf, trimCounts, trimSeenSenders } = this.#sql;
    const all = Number(seenRows.get()?.count);
    const kept = Number(seenRowsOf.get(listed)?.count);
    this.#database.atomic(() => {
      trimCounts(listed);
      if (all - kept <= kept) trimSeenSenders(listed);
      else this.#rewriteSeen(listed);
    });
  }

  /**
   * Keeps the seen ids of some senders. Older versions left millions of rows of others:
   * emptying the table is one step, deleting most of its rows is one for each, and a node
   * should start in seconds.
   */
  #rewriteSeen(listed: string): void {
    const run = (sql: string, ...values: string[]) =>
      this.#database.prepare(sql).run(...values);
    run("DROP TABLE IF EXISTS temp.kept_seen");
    run(
      `CREATE TEMP TABLE kept_seen AS
         SELECT * FROM seen WHERE sender IN ${LISTED} ORDER BY position`,
      listed,
    );
    run("DELETE FROM seen");
    run("INSERT INTO seen SELECT * FROM temp.kept_seen");
    run("DROP TABLE temp.kept_seen");
  }

  expireSeen(before: number): void {
    this.#sql.expireCounts(Math.trunc(before));
    this.#sql.expireSeen(Math.trunc(before));
  }

  *deliveryCounts(): Iterable<StoredDeliveryCount> {
    for (const row of this.#sql.deliveryCounts.iterate()) {
      yield DELIVERY_COUNTS.read(row);
    }
  }

  putDeliveryCount(counted: StoredDeliveryCount): void {
    this.#sql.putDeliveryCount(...DELIVERY_COUNTS.values(counted));
  }

  trimDeliveryCounts(keep: number): void {
    this.#sql.trimDeliveryCounts(keep);
  }

  deleteDeliveryCount(from: PeerId, id: Uint8Array): void {
    this.#sql.deleteDeliveryCount(peerIdBytes(from), id);
  }

  *deadLetters(): Iterable<StoredDeadLetter> {
    // One body at a time.
    for (const { position } of this.#sql.deadLetterPositions.all()) {
      const row = this.#sql.deadLetter.get(Number(position));
      if (row !== undefined) yield DEAD_LETTERS.read(row);
    }
  }

  putDeadLetter(message: StoredDeadLetter): void {
    this.#sql.putDeadLetter(...DEAD_LETTERS.values(message));
  }

  deleteDeadLetter(from: PeerId, id: Uint8Array): void {
    this.#sql.deleteDeadLetter(peerIdBytes(from), id);
  }

  *keptTopics(): Iterable<string> {
    const decoder = new TextDecoder();
    for (const { topic } of this.#sql.keptTopics.all()) {
      yield decoder.decode(topic as Uint8Array);
    }
  }

  putKeptTopic(topic: string): void {
    this.#sql.putKeptTopic(topic);
  }

  deleteKeptTopic(topic: string): void {
    this.#database.atomic(() => {
      this.#sql.deleteKeptOf(topic);
      this.#sql.deleteKeptTopic(topic);
    });
  }

  *keptHeads(): Iterable<StoredKeptHead> {
    for (const row of this.#sql.keptHeads.iterate()) {
      yield KEPT_HEADS.read(row);
    }
  }

  kept(key: number): StoredKeptMessage | undefined {
    const row = this.#sql.kept.get(key);
    if (row === undefined) return undefined;
    const { key: _, ...message } = KEPT.read(row);
    return message;
  }

  putKept(message: StoredKeptMessage): number {
    const key = this.#nextKeptKey++;
    this.#sql.putKept(...KEPT.values({ ...message, key }));
    return key;
  }

  putKeptDeliveryCount(key: number, deliveryCount: number): void {
    this.#sql.putKeptDeliveryCount(deliveryCount, key);
  }

  deleteKept(key: number): void {
    this.#sql.deleteKept(key);
  }

  get losses(): number {
    return this.#database.losses;
  }

  commit(since?: number): void {
    this.#database.commit(since);
  }

  committed(since?: number): Promise<void> {
    return this.#database.committed(since);
  }
}

/** Messages without a receiver. */
const ORPHANS = `FROM outgoing_message WHERE key NOT IN
  (SELECT key FROM outgoing_receiver)`;

function prepare(database: Database) {
  const read = (sql: string) => database.prepare(sql);
  const write = (sql: string) => database.writer(sql);
  return {
    lastKey: read("SELECT max(key) AS key FROM outgoing_message"),
    keys: read("SELECT key FROM outgoing_message ORDER BY key"),
    message: read(`${OUTGOING.select} WHERE key = ?`),
    receivers: read("SELECT receiver FROM outgoing_receiver WHERE key = ?"),
    awaited: read(
      `SELECT receiver FROM outgoing_receiver GROUP BY key
       HAVING count(*) = 1`,
    ),
    putMessage: write(OUTGOING.insert),
    putReceiver: write("INSERT INTO outgoing_receiver VALUES (?, ?)"),
    deleteReceiver: write(
      "DELETE FROM outgoing_receiver WHERE key = ? AND receiver = ?",
    ),
    deleteMessage: write("DELETE FROM outgoing_message WHERE key = ?"),
    deleteIfDone: write(
      `DELETE FROM outgoing_message WHERE key = ? AND NOT EXISTS
         (SELECT 1 FROM outgoing_receiver WHERE key = ?)`,
    ),
    orphan: read(`SELECT 1 ${ORPHANS} LIMIT 1`),
    deleteOrphans: write(`DELETE ${ORPHANS}`),
    seenSenders: read(
      `SELECT sender FROM seen GROUP BY sender ORDER BY max(position) DESC`,
    ),
    otherSenders: read(
      `SELECT DISTINCT sender FROM attempts WHERE NOT EXISTS
         (SELECT 1 FROM seen WHERE seen.sender = attempts.sender)`,
    ),
    seenBy: read("SELECT id FROM seen WHERE sender = ? ORDER BY position"),
    putSeen: write(SEEN.insert),
    trimSeen: write(
      `DELETE FROM seen WHERE sender = ? AND position <=
         (SELECT position FROM seen WHERE sender = ?
          ORDER BY position DESC LIMIT 1 OFFSET ?)`,
    ),
    expireSeen: write("DELETE FROM seen WHERE at < ?"),
    deleteSeen: write("DELETE FROM seen WHERE sender = ?"),
    seenRows: read("SELECT count(*) AS count FROM seen"),
    seenRowsOf: read(
      `SELECT count(*) AS count FROM seen WHERE sender IN ${LISTED}`,
    ),
    trimSeenSenders: write(`DELETE FROM seen WHERE sender NOT IN ${LISTED}`),
    deliveryCounts: read(`${DELIVERY_COUNTS.select} ORDER BY at`),
    putDeliveryCount: write(DELIVERY_COUNTS.replace),
    trimDeliveryCounts: write(
      `DELETE FROM attempts WHERE (sender, id) IN
         (SELECT sender, id FROM attempts ORDER BY at DESC LIMIT -1 OFFSET ?)`,
    ),
    expireCounts: write("DELETE FROM attempts WHERE at < ?"),
    deleteDeliveryCount: write(
      "DELETE FROM attempts WHERE sender = ? AND id = ?",
    ),
    deleteCountsOf: write("DELETE FROM attempts WHERE sender = ?"),
    trimCounts: write(`DELETE FROM attempts WHERE sender NOT IN ${LISTED}`),
    deadLetterPositions: read(
      "SELECT position FROM set_aside ORDER BY position",
    ),
    deadLetter: read(`${DEAD_LETTERS.select} WHERE position = ?`),
    putDeadLetter: write(DEAD_LETTERS.replace),
    deleteDeadLetter: write(
      "DELETE FROM set_aside WHERE sender = ? AND id = ?",
    ),
    keptTopics: read("SELECT CAST(topic AS BLOB) AS topic FROM kept_topic"),
    putKeptTopic: write("INSERT OR IGNORE INTO kept_topic VALUES (?)"),
    deleteKeptTopic: write("DELETE FROM kept_topic WHERE topic = ?"),
    lastKeptKey: read("SELECT max(key) AS key FROM kept_message"),
    keptHeads: read(`${KEPT_HEADS.select} ORDER BY key`),
    kept: read(`${KEPT.select} WHERE key = ?`),
    putKept: write(KEPT.insert),
    putKeptDeliveryCount: write(
      "UPDATE kept_message SET delivery_count = ? WHERE key = ?",
    ),
    deleteKept: write("DELETE FROM kept_message WHERE key = ?"),
    deleteKeptOf: write("DELETE FROM kept_message WHERE topic = ?"),
  };
}
