// How a database is opened, brought up to date, and written in groups.
import { parsePeerId } from "../../src/core/peer_id.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import { COMMIT_IDLE_MS } from "../../src/store/store_limits.ts";
import { Database } from "../../src/store/database.ts";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { DamagedError } from "../../src/store/sqlite_errors.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { place, samplePeer } from "./sample_peer.ts";

const clock = systemClock;

/** Everything that stands in the write-ahead log or the file, for another reader. */
function peersOnDisk(path: string): number {
  const copy = `${path}.copy`;
  for (const end of ["", "-wal"]) Deno.copyFileSync(path + end, copy + end);
  const store = SqliteStore.open(copy, { clock });
  const { length } = store.peers();
  store.close();
  return length;
}

Deno.test("what is written is on disk after a moment, or when a caller waits for it", async () => {
  using at = place();
  const clock = new VirtualClock();
  using store = SqliteStore.open(at.path, { clock });
  assertEquals(clock.pending, 0);
  store.putPeer(samplePeer(1));
  assertEquals(peersOnDisk(at.path), 0);
  await clock.advance(COMMIT_IDLE_MS);
  assertEquals(peersOnDisk(at.path), 1);

  store.putPeer(samplePeer(2));
  store.putPeer(samplePeer(3));
  const first = store.committed();
  assertEquals(store.committed(), first);
  assertEquals(peersOnDisk(at.path), 1);
  await clock.advance(0);
  await first;
  assertEquals(peersOnDisk(at.path), 3);

  store.putPeer(samplePeer(4));
  store.commit();
  assertEquals(peersOnDisk(at.path), 4);
  assertEquals(clock.pending, 0);
  await store.committed();
});

Deno.test({
  name:
    "a file that was deleted or replaced is a failure, until it is the same again",
  ignore: Deno.build.os === "windows",
  fn: () => {
    using at = place();
    using store = SqliteStore.open(at.path, { clock });
    store.freeBytes();
    assertEquals(store.failure(), undefined);
    Deno.renameSync(at.path, `${at.path}.away`);
    store.freeBytes();
    assertStringIncludes(store.failure() ?? "", "was deleted or replaced");
    // SQLite says nothing of it.
    store.putPeer(samplePeer(1));
    store.commit();
    assertStringIncludes(store.failure() ?? "", at.path);
    Deno.writeTextFileSync(at.path, "a backup");
    store.freeBytes();
    assertStringIncludes(store.failure() ?? "", "was deleted or replaced");
    Deno.renameSync(`${at.path}.away`, at.path);
    store.freeBytes();
    assertEquals(store.failure(), undefined);
  },
});

Deno.test("every commit waits for the disk", () => {
  using at = place();
  const database = Database.open(at.path, { clock });
  const pragma = (name: string) =>
    database.prepare(`PRAGMA ${name}`).get()?.[name];
  assertEquals(pragma("journal_mode"), "wal");
  assertEquals(pragma("synchronous"), 2); // FULL
  database.close();
});

Deno.test("closing commits, and is idempotent", () => {
  using at = place();
  const store = SqliteStore.open(at.path, { clock });
  store.putPeer(samplePeer(1));
  store.close();
  store.close();
  using again = SqliteStore.open(at.path, { clock });
  assertEquals(again.peers(), [samplePeer(1)]);
});

Deno.test("a change that fails half-way leaves nothing of itself, and what was before", () => {
  using at = place();
  using store = SqliteStore.open(at.path, { clock });
  store.putPeer(samplePeer(1));
  const bad = {
    address: { host: "a", port: 0 },
    rank: "verified",
    configured: false,
  } as const;
  const addresses = [...samplePeer(1).addresses, bad];
  assertThrows(
    () => store.putPeer(samplePeer(1, { addresses, name: "changed" })),
    VerackError,
    "CHECK constraint failed",
  );
  store.commit();
  assertEquals(store.peers(), [samplePeer(1)]);
});

Deno.test("a message without a receiver, which a failed write may leave, is cleared away", () => {
  using at = place();
  const store = SqliteStore.open(at.path, { clock });
  store.messages.putOutgoing({
    id: new Uint8Array(16),
    topic: "",
    body: new Uint8Array(1),
    createdAt: 1,
    ttlMs: 1,
  }, [parsePeerId("ab".repeat(32))]);
  store.close();
  const raw = new DatabaseSync(at.path);
  raw.exec("DELETE FROM outgoing_receiver");
  raw.close();
  SqliteStore.open(at.path, { clock }).close();
  const after = new DatabaseSync(at.path);
  const left = after.prepare("SELECT * FROM outgoing_message").all();
  after.close();
  assertEquals(left, []);
});

Deno.test("a message is stored whole though its fields are getters, as those that are sent have", () => {
  using at = place();
  using store = SqliteStore.open(at.path, { clock });
  const message = new (class {
    readonly topic = "t";
    readonly createdAt = 1;
    readonly ttlMs = 2;
    get id() {
      return new Uint8Array(16);
    }
    get body() {
      return Uint8Array.of(3);
    }
  })();
  store.messages.putOutgoing(message, [parsePeerId("ab".repeat(32))]);
  const [stored] = [...store.messages.outgoing()];
  const { id, topic, body, createdAt, ttlMs } = message;
  assertEquals(stored?.message, { id, topic, body, createdAt, ttlMs });
});

Deno.test("a full disk fails what was to be durable, and nothing else", async () => {
  using at = place();
  const store = SqliteStore.open(at.path, { clock });
  store.putPeer(samplePeer(1));
  store.commit();
  store.close();
  // No page more than there are: SQLite's own way to play a full disk.
  const limit = (database: Database) => {
    const { page_count: pages } = database.prepare("PRAGMA page_count").get()!;
    database.prepare(`PRAGMA max_page_count = ${pages}`).get();
  };
  const database = Database.open(at.path, { clock });
  limit(database);
  const put = database.writer("INSERT INTO setting VALUES (?, ?)");
  put("small", Uint8Array.of(1));
  const before = database.committed();
  assertThrows(
    () => put("large", new Uint8Array(1_000_000)),
    VerackError,
    "the disk is full",
  );
  // Whether the rest of the group survives is up to SQLite; its word must hold.
  const survived = await before.then(() => true, () => false);
  const kept = database.prepare("SELECT key FROM setting").all();
  assertEquals(kept.length, survived ? 1 : 0);
  put("again", Uint8Array.of(1));
  await database.committed();
  database.close();
  using again = SqliteStore.open(at.path, { clock });
  assertEquals(again.peers(), [samplePeer(1)]);
  assertEquals(again.setting("again"), Uint8Array.of(1));
});

Deno.test("writes that are lost are reported to the next caller, once", async () => {
  using at = place();
  const database = Database.open(at.path, { clock });
  let lost = 0;
  database.whenLost(() => lost++);
  const put = database.writer("INSERT INTO setting VALUES (?, ?)");
  const rollBack = database.prepare("ROLLBACK");
  const lose = () => {
    put("a", Uint8Array.of(1));
    rollBack.run(); // As SQLite does by itself when the disk fails.
  };
  lose();
  assertThrows(() => database.commit(), VerackError, "Cannot write database");
  database.commit();
  lose();
  const waiting = database.committed();
  await assertRejects(() => waiting, VerackError, "Cannot write database");
  await database.committed();
  assertEquals(lost, 2);
  database.close();
});

Deno.test("writes that are lost are reported to each caller that began to write before, and to none that began after", async () => {
  using at = place();
  const database = Database.open(at.path, { clock });
  const put = database.writer("INSERT INTO setting VALUES (?, ?)");
  const before = database.losses;
  put("a", Uint8Array.of(1));
  // As SQLite does by itself when the disk fails; then a write is what notices it.
  database.prepare("ROLLBACK").run();
  database.prepare("INSERT INTO setting VALUES ('b', x'01')").run();
  assertThrows(() => put("b", Uint8Array.of(1)), VerackError);
  const after = database.losses;
  put("c", Uint8Array.of(1));
  await database.committed(after);
  for (const _ of ["first", "second"]) {
    await assertRejects(() => database.committed(before), VerackError);
    assertThrows(() => database.commit(before), VerackError);
  }
  await database.committed(after);
  database.close();
});

Deno.test("a database of any earlier schema is brought to the newest, and loses nothing", () => {
  for (let version = 0; version < MIGRATIONS.length; version++) {
    using at = place();
    const database = Database.open(at.path, {
      clock,
      migrations: MIGRATIONS.slice(0, version),
    });
    if (version > 0) {
      const put = database.writer("INSERT INTO setting VALUES (?, ?)");
      put("old", Uint8Array.of(version));
    }
    database.close();
    using store = SqliteStore.open(at.path, { clock });
    if (version > 0) {
      assertEquals(store.setting("old"), Uint8Array.of(version));
    }
    store.putPeer(samplePeer(1));
    store.messages.putSeen({
      from: samplePeer(1).id,
      id: new Uint8Array(16),
      at: 1,
    });
    store.commit();
  }
});

Deno.test("a step that fails leaves the schema as it was", () => {
  using at = place();
  const broken = [...MIGRATIONS, "CREATE TABLE extra (a); SELECT nonsense"];
  SqliteStore.open(at.path, { clock }).close();
  const open = () => Database.open(at.path, { clock, migrations: broken });
  assertThrows(open, VerackError, "nonsense");
  using store = SqliteStore.open(at.path, { clock });
  assertEquals(store.peers(), []);
});

Deno.test("a database of a newer verack is refused and left alone", () => {
  using at = place();
  const newer = [...MIGRATIONS, "CREATE TABLE extra (a)"];
  Database.open(at.path, { clock, migrations: newer }).close();
  const before = Deno.readFileSync(at.path);
  const error = assertThrows(
    () => SqliteStore.open(at.path, { clock }),
    VerackError,
  );
  assertEquals(error instanceof DamagedError, false);
  assertStringIncludes(error.message, "a newer verack has written it");
  assertEquals(Deno.readFileSync(at.path), before);
});

Deno.test("a database in use is refused to a second opener", () => {
  using at = place();
  using _first = SqliteStore.open(at.path, { clock });
  const error = assertThrows(
    () => SqliteStore.open(at.path, { clock }),
    VerackError,
  );
  assertEquals(error.code, "data-in-use");
});

Deno.test("whatever is wrong with the file of a database is found when it is opened", async (t) => {
  const sound = (path: string) => {
    const store = SqliteStore.open(path, { clock });
    for (let byte = 0; byte < 100; byte++) {
      store.putPeer(samplePeer(byte, { certificate: new Uint8Array(500) }));
    }
    store.close();
  };
  const foreign = (path: string, sql: string) => {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  };
  const overwrite = (path: string, at: number, length: number) => {
    sound(path);
    using file = Deno.openSync(path, { write: true });
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(length).fill(0xa5));
  };
  const cases: Record<string, (path: string) => void> = {
    "it is empty": (path) => Deno.writeFileSync(path, new Uint8Array()),
    "it is text": (path) => Deno.writeTextFileSync(path, "hello\n".repeat(999)),
    "its header is overwritten": (path) => overwrite(path, 0, 100),
    "its first page is overwritten": (path) => overwrite(path, 100, 3_900),
    "a page is overwritten": (path) => overwrite(path, 8 * 4_096, 4_096),
    "half of it is missing": (path) => {
      sound(path);
      Deno.truncateSync(path, Deno.statSync(path).size / 2);
    },
    "it is another program's": (path) => foreign(path, "CREATE TABLE a (b)"),
    "a table is missing": (path) => {
      sound(path);
      foreign(path, "DROP TABLE verdict");
    },
    "a row breaks the schema": (path) => {
      sound(path);
      foreign(
        path,
        "PRAGMA ignore_check_constraints = ON; UPDATE peer SET trust = 'blind'",
      );
    },
  };
  for (const [name, damage] of Object.entries(cases)) {
    await t.step(name, () => {
      using at = place();
      damage(at.path);
      assertThrows(() => SqliteStore.open(at.path, { clock }), DamagedError);
      // It can be moved away and begun anew, so it is not open any more.
      Deno.renameSync(at.path, `${at.path}.aside`);
      SqliteStore.open(at.path, { clock }).close();
    });
  }
});

Deno.test("wherever the write-ahead log is cut, all that was committed before is there", () => {
  using at = place();
  const store = SqliteStore.open(at.path, { clock });
  const commits: { readonly walBytes: number; readonly peers: number }[] = [];
  const wal = `${at.path}-wal`;
  for (let byte = 0; byte < 12; byte++) {
    store.putPeer(samplePeer(byte));
    store.commit();
    commits.push({ walBytes: Deno.statSync(wal).size, peers: byte + 1 });
  }
  const log = Deno.readFileSync(wal);
  const database = Deno.readFileSync(at.path);
  store.close();
  const copy = `${at.path}.cut`;
  let partial = 0;
  for (let cut = 0; cut <= log.length; cut += 4_099) {
    Deno.writeFileSync(copy, database);
    Deno.writeFileSync(`${copy}-wal`, log.subarray(0, cut));
    const before = commits.findLast(({ walBytes }) => walBytes <= cut);
    // The schema itself stands in the log; before it the database is a new one.
    using opened = SqliteStore.open(copy, { clock });
    const { length } = opened.peers();
    assert(length >= (before?.peers ?? 0), `${length} peers at ${cut}`);
    if (length > 0 && length < 12) partial++;
  }
  assert(partial > 10, `${partial} cuts fell between two commits`);
});
