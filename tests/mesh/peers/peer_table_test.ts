// What gives way when the table of peers is full, and what never does.
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import { assert, assertEquals } from "@std/assert";
import {
  MAX_AWAITED_STRANGERS,
  MAX_GOSSIP_PEERS_PER_SOURCE,
  MAX_PEERS,
  MAX_STRANGER_PEERS,
  TABLE_LOOK_MS,
} from "../../../src/mesh/mesh_limits.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import { resolveOptions } from "../../../src/mesh/options.ts";
import type { Peer } from "../../../src/mesh/peers/peer.ts";
import type { PeerTable } from "../../../src/mesh/peers/peer_table.ts";
import {
  pinAddress,
  rejectedTargets,
} from "../../../src/mesh/dialing/seeds.ts";
import {
  plainMemory,
  plainRules,
  plainTable,
  recalled,
} from "../../helpers/plain_table.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

let made = 0;
const fresh = () => parsePeerId((++made).toString(16).padStart(64, "0"));

/** Fresh peers from a source that were seen one after another, and left. */
function fill(table: PeerTable, count: number, source: string): Peer[] {
  return Array.from({ length: count }, () => {
    const record = table.ensure(fresh(), { source });
    assert(record !== undefined, "there is no room");
    recalled(record, { lastSeen: made });
    return record;
  });
}

function kept(table: PeerTable, records: readonly Peer[]): Peer[] {
  return records.filter((it) => table.get(it.id) === it);
}

Deno.test("of strangers the oldest of the source that most come from gives way, whichever comes", () => {
  const table = plainTable();
  const quiet = fill(table, 5, "10.0.0.1");
  const busy = fill(table, MAX_STRANGER_PEERS - 5, "10.0.0.2");
  fill(table, 100, "10.0.0.2");
  assertEquals(kept(table, busy), busy.slice(100));
  fill(table, 100, "10.0.0.3");
  assertEquals(kept(table, busy), busy.slice(200));
  assertEquals(kept(table, quiet), quiet);
  assertEquals(table.size, MAX_STRANGER_PEERS);
});

Deno.test("sources that have as many give way in turn", () => {
  const table = plainTable();
  const each = MAX_STRANGER_PEERS / 3;
  const sources = ["a", "b", "c"].map((source) => fill(table, each, source));
  fill(table, 99, "d");
  assertEquals(
    sources.map((records) => kept(table, records).length),
    sources.map(() => each - 33),
  );
});

Deno.test("peers with standing, connected ones, those being dialed and those that a message waits for stay", () => {
  const awaited = new Set<PeerId>();
  const table = plainTable({
    isAwaited: (id) => awaited.has(id),
  });
  const records = fill(table, MAX_STRANGER_PEERS, "10.0.0.2");
  const [first, second, third, fourth, ...others] = records;
  first!.acknowledged();
  second!.sessionOpened({} as PeerSession);
  third!.dialStarted();
  awaited.add(fourth!.id);
  // The room of the first is found when another has given way.
  fill(table, 2, "10.0.0.2");
  assertEquals(kept(table, [others.shift()!]), []);
  // One by one, so that it is also asked again of what was chosen before.
  for (let at = 0; at < 20; at++) {
    fill(table, 1, "10.0.0.2");
    assertEquals(kept(table, others)[0], others[at + 1]);
    if (at === 10) awaited.add(others[11]!.id);
    if (at === 10) others.splice(11, 1);
  }
  assertEquals(kept(table, records.slice(0, 4)), records.slice(0, 4));
  assert([...awaited].every((id) => table.get(id) !== undefined));
});

Deno.test("a hundred peers that a message waits for stay, and the one after them gives way", () => {
  const awaited = new Set<PeerId>();
  const table = plainTable({
    isAwaited: (id) => awaited.has(id),
  });
  const records = fill(table, MAX_STRANGER_PEERS, "10.0.0.2");
  for (const { id } of records.slice(0, 100)) awaited.add(id);
  fill(table, 1, "10.0.0.2");
  assertEquals(kept(table, records).length, MAX_STRANGER_PEERS - 1);
  assertEquals(kept(table, [records[100]!]), []);
});

Deno.test("peers with standing have room for as many as strangers leave, and strangers give way to them", () => {
  const friends = new Set<PeerId>();
  const table = plainTable({ friends });
  const strangers = fill(table, MAX_STRANGER_PEERS, "10.0.0.2");
  const come = (count: number) => {
    for (let at = 0; at < count; at++) {
      const id = fresh();
      friends.add(id);
      assert(table.ensure(id) !== undefined);
    }
  };
  come(MAX_PEERS - MAX_STRANGER_PEERS);
  assertEquals(kept(table, strangers).length, MAX_STRANGER_PEERS);
  come(MAX_STRANGER_PEERS);
  assertEquals(kept(table, strangers), []);
  assertEquals(table.size, MAX_PEERS);
});

Deno.test("a table full of peers with standing takes no other, until one is forgotten", () => {
  const friends = new Set<PeerId>();
  const clock = new VirtualClock();
  const table = plainTable({ friends, clock });
  for (let at = 0; at < MAX_PEERS; at++) {
    const id = fresh();
    friends.add(id);
    table.ensure(id);
  }
  const [known, other] = [...friends] as [PeerId, PeerId];
  const newcomer = fresh();
  assertEquals(table.mayEnsure(newcomer), false);
  assertEquals(table.ensure(newcomer), undefined);
  assertEquals(table.ensure(newcomer, { hasStanding: true }), undefined);
  assertEquals(table.introduce(newcomer, known), undefined);
  assertEquals(
    [...table.values()].every((it) => friends.has(it.id)),
    true,
  );
  assert(table.mayEnsure(known));
  table.forget(table.get(other)!);
  assert(table.mayEnsure(newcomer));
  assert(table.introduce(newcomer, known) !== undefined);
});

Deno.test("a peer that a person names and for which there is no room is told of", () => {
  const table = plainTable({ hasStanding: () => true });
  for (let at = 1; at < MAX_PEERS; at++) table.ensure(fresh());
  const memory = plainMemory(table);
  const named = [fresh(), fresh()];
  const text = named.map((id, at) => `${id}@10.0.0.${at + 1}:8080`);
  const { connect } = resolveOptions({ connect: text });
  for (const { address, id } of connect) {
    pinAddress({ table, memory }, address, [id!]);
  }
  const rules = plainRules();
  const futile = rejectedTargets({ connect, own: fresh(), rules, table });
  assertEquals(futile.map(({ error, expected }) => [error.code, expected]), [
    ["full", named[1]],
  ]);
});

Deno.test("gossip that finds no room has the table walked once a second, however much is told", async () => {
  let asked = 0;
  const clock = new VirtualClock();
  const table = plainTable({
    clock,
    hasStanding: () => {
      asked++;
      return true;
    },
  });
  for (let at = 0; at < MAX_PEERS; at++) table.ensure(fresh());
  const tell = () => {
    asked = 0;
    for (let at = 0; at < 1_000; at++) {
      table.mayIntroduce(fresh(), "source" as PeerId);
    }
    return asked;
  };
  assert(tell() <= MAX_PEERS + 2_000, `${asked}`);
  assert(tell() <= 2_000, `${asked}`);
  await clock.advance(TABLE_LOOK_MS);
  assert(tell() >= MAX_PEERS, `${asked}`);
});

Deno.test("a flood of strangers does not have the table walked for each", () => {
  let asked = 0;
  const table = plainTable({
    hasStanding: () => {
      asked++;
      return false;
    },
  });
  fill(table, MAX_STRANGER_PEERS, "10.0.0.2");
  asked = 0;
  fill(table, 640, "10.0.0.2");
  assert(asked < 640 * 100, `${asked}`);
});

Deno.test("what a member tells of gives way like others, and pushes out only what has more", () => {
  const friend = fresh();
  const table = plainTable({ friends: new Set([friend]) });
  table.ensure(friend, { source: "10.0.0.1" });
  const liars = ["10.0.0.2", "10.0.0.2", "10.0.0.3"].map((source) =>
    fill(table, 1, source)[0]!
  );
  for (const { id } of liars) {
    for (let at = 0; at < MAX_GOSSIP_PEERS_PER_SOURCE; at++) {
      assert(table.introduce(fresh(), id) !== undefined);
    }
  }
  const told = (count: number, source: PeerId) =>
    Array.from({ length: count }, () => table.introduce(fresh(), source))
      .filter((it) => it !== undefined).length;
  // Two of them are of one source, which has most: the truth of a friend finds room.
  assertEquals(told(500, friend), 500);
  assertEquals(table.size, MAX_STRANGER_PEERS + 1);
  const by = (source: string) =>
    [...table.values()].filter((it) => it.source === source).length;
  assertEquals(by(friend), 500);
  assertEquals(by("10.0.0.3"), 1_001);
  // That of the other finds none, though it has told of less than it may.
  const newLiar = fill(table, 1, "10.0.0.2")[0]!.id;
  assertEquals(told(10, newLiar), 0);
});

Deno.test("when messages wait for more strangers than may be kept for that, theirs give way, too, and those of other sources do not", () => {
  const table = plainTable({ isAwaited: () => true });
  const quiet = fill(table, 5, "10.0.0.1");
  const busy = fill(table, MAX_STRANGER_PEERS - 5, "10.0.0.2");
  fill(table, 100, "10.0.0.3");
  assertEquals(kept(table, busy).length, MAX_STRANGER_PEERS - 105);
  assertEquals(kept(table, quiet), quiet);
  // The control: as many as may be are kept, and then there is no room.
  const full = plainTable({ isAwaited: () => true });
  fill(full, MAX_AWAITED_STRANGERS, "10.0.0.1");
  for (const it of fill(full, MAX_STRANGER_PEERS - full.size, "10.0.0.2")) {
    it.sessionOpened({} as PeerSession);
  }
  assertEquals(full.ensure(fresh()), undefined);
});
