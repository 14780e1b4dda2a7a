/** Which identity a name means: how many are kept, which give way, and when one ends. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import type { PeerId } from "../../../src/core/peer_id.ts";
import { logger } from "../../../src/core/log.ts";
import type { NodeEvent } from "../../../src/mesh/events.ts";
import type { PeerSession } from "../../../src/mesh/peers/peer_session.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { NameResolver } from "../../../src/mesh/peers/name_resolver.ts";
import { Standing } from "../../../src/mesh/peers/standing.ts";
import {
  MAX_NAME_BINDINGS,
  MAX_NAMES_PER_PEER,
  MAX_NAMES_WITHOUT_STANDING,
  NAME_TRIM_SLACK,
} from "../../../src/mesh/mesh_limits.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";
import { plainRules, plainTable, recalled } from "../../helpers/plain_table.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

function id(number: number): PeerId {
  return number.toString(16).padStart(64, "0") as PeerId;
}

/** Names of a node whose peers come and go without sessions. */
class Scene {
  readonly clock = new VirtualClock();
  readonly table = plainTable();
  readonly events: NodeEvent[] = [];
  readonly store: MemoryStore;
  readonly names: NameResolver;

  constructor(
    store = new MemoryStore(),
    before: Scene | undefined = undefined,
  ) {
    this.store = store;
    for (const record of before?.table.values() ?? []) {
      const { name, ephemeral, earnedStanding, lastSeen } = record;
      recalled(this.table.ensure(record.id)!, {
        name,
        ephemeral,
        earnedStanding,
        lastSeen,
      });
    }
    const rules = plainRules();
    this.names = new NameResolver({
      clock: this.clock,
      emit: (event) => void this.events.push(event),
      events: this.table.events,
      log: logger("mesh"),
      own: { id: id(0), name: "self" },
      rules,
      standing: new Standing(rules),
      store,
      table: this.table,
    });
  }

  /** A peer with a persistent key introduces itself. */
  comes(
    number: number,
    name: string,
    { standing = false, stays = false, ephemeral = false, source = "" } = {},
  ): void {
    const record = this.table.ensure(id(number), { source })!;
    recalled(record, { name, ephemeral, lastSeen: 1 });
    if (standing) record.acknowledged();
    if (stays) record.sessionOpened({} as PeerSession);
    this.names.introduced(record);
    this.names.report(record);
  }

  /** Its record is dropped. */
  goes(number: number): void {
    this.table.forget(this.table.get(id(number))!);
  }

  /** The same node after a restart, with the records it has. */
  again(): Scene {
    return new Scene(this.store, this);
  }
}

Deno.test("a flood of names takes none from a peer that had one before, nor from one on record", () => {
  const scene = new Scene();
  const flood = MAX_NAMES_WITHOUT_STANDING + 2 * NAME_TRIM_SLACK;
  scene.comes(1, "bob");
  scene.goes(1);
  scene.comes(2, "dave", { standing: true, stays: true });
  for (let stranger = 10; stranger < flood; stranger++) {
    scene.comes(stranger, `stranger-${stranger}`);
    if (stranger === 2_000) scene.comes(3, "carol", { stays: true });
    scene.goes(stranger);
    const { length } = scene.store.nameBindings();
    assert(
      length <= MAX_NAMES_WITHOUT_STANDING + NAME_TRIM_SLACK + 1,
      `${length} names`,
    );
  }
  // It is the flood that has lost names.
  assertEquals(scene.names.holderOf(`stranger-${flood - 400}`), undefined);
  for (const now of [scene, scene.again()]) {
    now.comes(4, "bob");
    for (
      const [name, holder] of [["bob", 1], ["dave", 2], ["carol", 3]] as const
    ) {
      assertEquals(now.names.holderOf(name), id(holder), name);
    }
    assert(now.store.nameBindings().length <= MAX_NAME_BINDINGS);
  }
});

Deno.test("a peer with standing keeps what it was called before, one without only its last name", () => {
  const scene = new Scene();
  const names = ["a1", "a2", "a3", "a4", "a5"];
  for (const name of names) {
    scene.comes(1, name, { standing: true });
    scene.comes(2, `b${name}`);
  }
  const kept = names.slice(-MAX_NAMES_PER_PEER);
  assertEquals(
    scene.store.nameBindings()
      .filter(({ id: peerId }) => peerId === id(1)).map(({ name }) => name),
    kept,
  );
  scene.comes(3, "a2");
  assertEquals(scene.names.holderOf("a2"), id(1));
  assertEquals(
    scene.store.nameBindings()
      .filter(({ id: peerId }) => peerId === id(2)).map(({ name }) => name),
    ["ba5"],
  );
});

Deno.test("a peer that has no name any more keeps the one it had", () => {
  const scene = new Scene();
  scene.comes(1, "bob");
  scene.comes(1, "");
  scene.comes(2, "bob");
  assertEquals(scene.names.holderOf("bob"), id(1));
});

Deno.test("names on record from before they were bound are bound at the start, but for those of several", () => {
  const before = new Scene();
  before.comes(1, "bob");
  before.comes(2, "twin");
  before.comes(3, "twin");
  // An older version kept no bindings.
  const now = new Scene(new MemoryStore(), before);
  assertEquals(now.store.nameBindings().map(({ name }) => name), ["bob"]);
  assertEquals(now.names.holderOf("twin"), undefined);
});

/** Peers about which a conflict was told since the last time. */
function told(scene: Scene): PeerId[] {
  return scene.events.splice(0).flatMap((event) =>
    event.type === "name-conflict" ? [event.id] : []
  );
}

Deno.test("a flood of conflicts is told up to a point by source and in all, and each of it still means the holder", () => {
  const scene = new Scene();
  scene.comes(1, "bob");
  const flood = (from: number, source: (stranger: number) => string) => {
    for (let stranger = from; stranger < from + 1_000; stranger++) {
      scene.comes(stranger, "bob", { source: source(stranger) });
    }
    return told(scene).length;
  };
  assertEquals(flood(1_000, () => "one"), 10);
  assertEquals(flood(2_000, (it) => `${it}`), 90);
  assertEquals(scene.names.holderOf("bob"), id(1));
});

Deno.test("a flood of conflicts does not hide one with a peer that a person named or that has standing", () => {
  const scene = new Scene();
  scene.comes(1, "bob");
  scene.names.bind("bob", id(1));
  scene.comes(2, "dave", { standing: true });
  scene.comes(3, "eve");
  for (let stranger = 10; stranger < 140; stranger++) {
    scene.comes(stranger, stranger % 2 === 0 ? "self" : "eve");
  }
  assertEquals(told(scene).length, 10);
  scene.comes(1_000, "bob");
  scene.comes(1_001, "dave");
  assertEquals(told(scene), [id(1_000), id(1_001)]);
});

Deno.test("a conflict that was not told at once is told later, by turns among the holders, and once", async () => {
  const scene = new Scene();
  for (
    const [number, name] of [[1, "bob"], [2, "carol"], [3, "dave"]] as const
  ) {
    scene.comes(number, name, { standing: true });
  }
  for (let stranger = 10; stranger < 210; stranger++) {
    scene.comes(stranger, "bob");
  }
  scene.comes(1_000, "carol");
  scene.comes(1_001, "dave");
  scene.comes(1_001, "eve");
  assertEquals(told(scene).length, 10);
  scene.names.tick();
  assertEquals(told(scene), []);
  const later: PeerId[] = [];
  for (let time = 0; time < 4; time++) {
    await scene.clock.advance(10_000);
    scene.names.tick();
    later.push(...told(scene));
  }
  assertEquals(later.length, 4);
  assert(later.slice(0, 2).includes(id(1_000)), later.join());
  // It does not use the name any more, and what is gone cannot be asked.
  assert(!later.includes(id(1_001)));
  for (let stranger = 10; stranger < 210; stranger++) scene.goes(stranger);
  await scene.clock.advance(100_000);
  scene.names.tick();
  scene.comes(1_000, "carol");
  assertEquals(told(scene), []);
});

Deno.test("a key in memory ends its names when it is dropped, gossip and what a person said do not", () => {
  const scene = new Scene();
  scene.comes(1, "mem", { ephemeral: true });
  scene.goes(1);
  assertEquals(scene.names.holderOf("mem"), undefined);
  // Of a peer that is off the record others say that its key is in memory.
  scene.comes(2, "bob");
  scene.goes(2);
  const record = scene.table.ensure(id(2))!;
  recalled(record, { ephemeral: true });
  scene.names.bind("robert", id(2));
  scene.goes(2);
  scene.comes(3, "carol", { ephemeral: true });
  scene.names.bind("carol", id(3));
  scene.goes(3);
  for (const now of [scene, scene.again()]) {
    for (
      const [name, holder] of [["bob", 2], ["robert", 2], ["carol", 3]] as const
    ) assertEquals(now.names.holderOf(name), id(holder), name);
  }
  const inMemory = scene.store.nameBindings().filter((it) => it.ephemeral);
  assertEquals(inMemory.map(({ name }) => name), ["carol"]);
});

Deno.test("a name bound to a key in memory is free when its node has left", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice], { name: "bob" });
  await mesh.complete();
  assertEquals(alice.node.resolvePeer("bob"), bob.node.identity.id);
  const closed = bob.node.close();
  await mesh.clock.advance(2_000);
  await closed;
  const again = await mesh.start([alice], { name: "bob" });
  await mesh.complete([alice, again]);
  assertEquals(alice.node.resolvePeer("bob"), again.node.identity.id);
  assertEquals(alice.log.of("name-conflict"), []);
});

Deno.test("a name bound to a key in memory that was lost means no peer when another has it, until the user decides", async () => {
  await using mesh = new MemoryMesh();
  const alice = await mesh.start();
  const bob = await mesh.start([alice], { name: "bob" });
  await mesh.complete();
  await bob.node.close({ abrupt: true });
  await mesh.clock.advance(5_000);
  assertEquals(alice.node.resolvePeer("bob"), bob.node.identity.id);
  const again = await mesh.start([alice], { name: "bob" });
  await mesh.complete([alice, again]);
  assertThrows(
    () => alice.node.resolvePeer("bob"),
    VerackError,
    "allow an id with the name bob",
  );
  assertEquals(alice.log.of("name-conflict").length, 1);
  alice.node.admission.allow(again.node.identity.id, { name: "bob" });
  assertEquals(alice.node.resolvePeer("bob"), again.node.identity.id);
});
