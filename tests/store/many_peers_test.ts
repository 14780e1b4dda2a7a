// A database in which an older version, that did not bound it, left too many peers.
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../src/core/clock.ts";
import { parsePeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  MAX_AWAITED_STRANGERS,
  MAX_PEERS,
  MAX_STRANGER_PEERS,
} from "../../src/mesh/mesh_limits.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import type { StoredPeer } from "../../src/mesh/peers/node_store.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { plainMemory, plainTable } from "../helpers/plain_table.ts";
import { place, samplePeer } from "./sample_peer.ts";

/** Rows of peers without standing, seen later than all others. */
function fill(path: string, rows: number): void {
  using database = new DatabaseSync(path);
  database.exec(
    `CREATE TEMP TABLE fresh AS
       WITH RECURSIVE n (i) AS
         (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${rows})
       SELECT i, randomblob(32) AS id FROM n;
     INSERT INTO peer (identity, certificate, name, trust, ephemeral,
         first_seen, last_seen, statement)
       SELECT id, randomblob(450), 'x', 'known', 0, i, 10000 + i, x'' FROM fresh;
     INSERT INTO peer_address
       SELECT id, 0, '10.0.0.1', 1, 'claimed', 0, 'private' FROM fresh;`,
  );
}

for (const rows of [0, 100_000]) {
  Deno.test(`a start keeps peers with standing, and one that a message waits for, of ${rows} others`, async () => {
    using at = place();
    const { path } = at;
    const made = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(() => Identity.generate({ ephemeral: false })),
    );
    const [own, earned, named, typed, allowed, awaited] = made;
    const record = (peer: Identity, changes: Partial<StoredPeer> = {}) =>
      samplePeer(1, {
        id: peer.id,
        certificate: Uint8Array.from(peer.certificate),
        addresses: [],
        name: "",
        earnedStanding: false,
        upForLong: false,
        source: "",
        ...changes,
      });
    {
      using store = SqliteStore.open(path, { clock: systemClock });
      store.putPeer(record(earned!, { earnedStanding: true }));
      store.putPeer(record(named!, { trust: "pinned" }));
      const address = { host: "10.0.0.9", port: 1 };
      store.putPeer(record(typed!, {
        addresses: [{ address, rank: "configured", configured: true }],
      }));
      store.putPeer(record(allowed!));
      store.putAccessRule({ id: allowed!.id, rule: "allowed", at: 1 });
      store.putPeer(record(awaited!));
      store.messages.putOutgoing({
        id: new Uint8Array(16),
        topic: "",
        body: new Uint8Array(1),
        createdAt: Date.now(),
        ttlMs: 1_000_000,
      }, [awaited!.id]);
    }
    fill(path, rows);
    using store = SqliteStore.open(path, { clock: systemClock });
    // What is read whole, certificates and all, is bounded.
    const loaded: number[] = [];
    const peers = store.peers.bind(store);
    store.peers = () => {
      const all = peers();
      loaded.push(all.length);
      return all;
    };
    await using node = await Node.start({ identity: own!, store });
    const ids = [earned, named, typed, allowed, awaited].map((it) => it!.id);
    const onRecord = node.peers().map(({ id }) => id);
    assertEquals(onRecord.toSorted(), ids.toSorted());
    // The certificates of the others are none, so that none of them is left.
    assertEquals(peers().map((it) => it.id).toSorted(), ids.toSorted());
    const most = MAX_STRANGER_PEERS + 4;
    assertEquals(loaded, [Math.min(rows + 5, most)]);
    assertEquals(node.outbox.messages, 1);
  });
}

Deno.test("of too many on record those with standing are kept first, then those that messages wait for, then those seen last", async () => {
  const store = new MemoryStore();
  const own = await Identity.generate();
  const id = (at: number) => parsePeerId(at.toString(16).padStart(64, "0"));
  const friends = MAX_PEERS - MAX_AWAITED_STRANGERS;
  const others = 2 * MAX_AWAITED_STRANGERS;
  for (let at = 0; at < friends + others; at++) {
    store.putPeer(samplePeer(1, {
      id: id(at),
      addresses: [],
      lastSeen: at,
      earnedStanding: at < friends,
      upForLong: false,
      source: "",
    }));
  }
  const message = {
    id: new Uint8Array(16),
    topic: "",
    body: new Uint8Array(1),
    createdAt: 1,
    ttlMs: 1_000,
  };
  const awaited = [id(friends), id(friends + 1)];
  for (const to of awaited) store.messages.putOutgoing(message, [to]);
  // One to many keeps none of them.
  store.messages.putOutgoing(message, [id(friends + 2), id(friends + 3)]);
  const kept: string[] = [];
  const { trimPeers } = store;
  store.trimPeers = (keep) => {
    kept.push(...keep);
    trimPeers.call(store, keep);
  };
  plainMemory(plainTable(), store, own.id);
  assertEquals(kept.length, MAX_PEERS);
  assert(kept.slice(0, friends).every((it) => it < id(friends)));
  assertEquals(kept.slice(friends, friends + 2), awaited.toReversed());
  assertEquals(kept.at(-1), id(friends + others - MAX_AWAITED_STRANGERS + 2));
});
