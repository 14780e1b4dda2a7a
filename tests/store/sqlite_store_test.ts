// A store on disk does what one in memory does, still knows it after a restart, and
// reads what earlier versions wrote.
import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../src/core/clock.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import type { NodeStore } from "../../src/mesh/peers/node_store.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { peerId } from "./sample_peer.ts";
import { storeContract } from "./store_contract.ts";

const paths = new Map<NodeStore, string>();

function open(path: string): SqliteStore {
  const store = SqliteStore.open(path, { clock: systemClock });
  paths.set(store, path);
  return store;
}

storeContract("MemoryStore", () => new MemoryStore(), (store) => store);

Deno.test.afterAll(() => {
  for (const path of new Set(paths.values())) {
    Deno.removeSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
  }
});

storeContract(
  "SqliteStore",
  () => open(`${Deno.makeTempDirSync()}/node.db`),
  (store) => {
    store.close();
    return open(paths.get(store)!);
  },
);

/** Rows as the first version of this schema wrote them; never to be changed. */
const WRITTEN = `
INSERT INTO peer (identity, certificate, name, trust, ephemeral, first_seen,
    last_seen, statement, earned_standing, up_for_long, source)
  VALUES (unhex('${"01".repeat(32)}'), x'0102', CAST(x'610062' AS TEXT),
    'first-use', 1, 5, 6, x'09', 1, 0, '10.0.0.1');
INSERT INTO peer_address
    (identity, position, host, port, rank, typed, named_from)
  VALUES (unhex('${"01".repeat(32)}'), 0, '::1', 1, 'proven', 1, NULL),
    (unhex('${"01".repeat(32)}'), 1, 'a', 2, 'claimed', 0, 'private');
INSERT INTO verdict VALUES (unhex('${"02".repeat(32)}'), 'denied', 7);
INSERT INTO pending VALUES
  (unhex('${"03".repeat(32)}'), x'03', '10.0.0.3', 3, 'inbound', 8, 9);
INSERT INTO name_binding VALUES (1, 'zoe', unhex('${"01".repeat(32)}'), 0, 1);
INSERT INTO invite VALUES ('${"0a".repeat(16)}', x'0a', 10, NULL),
  ('${"0b".repeat(16)}', x'0b', 11, unhex('${"01".repeat(32)}'));
INSERT INTO setting VALUES ('a', x'0203');
INSERT INTO outgoing_message VALUES
  (4, x'04', CAST(x'740075' AS TEXT), x'0405', 12, 13);
INSERT INTO outgoing_receiver VALUES (4, unhex('${"01".repeat(32)}'));
INSERT INTO seen (sender, id, at)
  VALUES (unhex('${"01".repeat(32)}'), x'05', 14);
INSERT INTO attempts VALUES (unhex('${"01".repeat(32)}'), x'06', 2, 15);
INSERT INTO set_aside (sender, id, topic, body, reason, at)
  VALUES (unhex('${"01".repeat(32)}'), x'07', 't', x'08', 'r', 16);
`;

Deno.test("a database that an earlier version wrote is read as it was meant", () => {
  using store = open(`${Deno.makeTempDirSync()}/node.db`);
  const path = paths.get(store)!;
  store.close();
  {
    using database = new DatabaseSync(path);
    database.exec(WRITTEN);
  }
  using again = open(path);
  const from = peerId(1);
  const proven = {
    address: { host: "::1", port: 1 },
    rank: "verified",
  } as const;
  const claimed = {
    address: { host: "a", port: 2 },
    rank: "advertised",
  } as const;
  assertEquals(again.peers(), [{
    id: from,
    certificate: Uint8Array.of(1, 2),
    name: "a\0b",
    trust: "first-use",
    ephemeral: true,
    addresses: [
      { ...proven, configured: true },
      { ...claimed, configured: false, namedFrom: "private" },
    ],
    firstSeen: 5,
    lastSeen: 6,
    attestation: Uint8Array.of(9),
    earnedStanding: true,
    upForLong: false,
    source: "10.0.0.1",
  }]);
  const denied = { id: peerId(2), rule: "denied", at: 7 } as const;
  assertEquals(again.accessRules(), [denied]);
  assertEquals(again.joinRequests(), [{
    id: peerId(3),
    certificate: Uint8Array.of(3),
    address: { host: "10.0.0.3", port: 3 },
    direction: "inbound",
    firstSeen: 8,
    lastSeen: 9,
  }]);
  assertEquals(again.nameBindings(), [
    { name: "zoe", id: from, ephemeral: false, confirmed: true },
  ]);
  assertEquals(again.invites(), [
    { id: "0a".repeat(16), key: Uint8Array.of(10), expiresAt: 10 },
    {
      id: "0b".repeat(16),
      key: Uint8Array.of(11),
      expiresAt: 11,
      usedBy: from,
    },
  ]);
  assertEquals(again.setting("a"), Uint8Array.of(2, 3));
  const { messages } = again;
  const message = {
    id: Uint8Array.of(4),
    topic: "t\0u",
    body: Uint8Array.of(4, 5),
    createdAt: 12,
    ttlMs: 13,
  };
  assertEquals([...messages.outgoing()], [{ message, key: 4, to: [from] }]);
  assertEquals([...messages.seenBy(from)], [Uint8Array.of(5)]);
  assertEquals(
    [...messages.deliveryCounts()].map(({ id, at }) => [id, at]),
    [[Uint8Array.of(6), 15]],
  );
  assertEquals([...messages.deadLetters()], [{
    from,
    id: Uint8Array.of(7),
    topic: "t",
    body: Uint8Array.of(8),
    reason: "r",
    at: 16,
  }]);
});
