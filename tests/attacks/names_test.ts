// A name that one peer has is taken by another, or given to one by a third: what is
// sent by the name goes to the first peer that had it, or nowhere.
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { Identity } from "../../src/identity/identity.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { ControlScene } from "../helpers/control.ts";
import { PEER_FLAG } from "../../src/wire/messages/peers.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { EventLog } from "../helpers/nodes.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";
import { lasting } from "../helpers/identities.ts";

/** A node that has been restarted: same key and store. */
async function restarts(
  options: Pick<NodeOptions, "store" | "name"> = {},
): Promise<() => Promise<Node>> {
  const settings = {
    identity: await lasting(),
    store: new MemoryStore(),
    ...options,
  };
  return () => Node.start(settings);
}

/** A peer comes, is up, and goes without a word; `name` is what it calls itself. */
async function visit(
  node: Node,
  identity: Identity,
  name: string,
): Promise<void> {
  const peer = await RawPeer.open(node, { identity, name });
  const isUp = () => node.peer(identity.id)?.connected ?? false;
  await until(`${name} to be up`, isUp);
  peer.close();
  await until(`${name} to be gone`, () => !isUp());
}

function code(fails: () => unknown): string {
  return assertThrows(fails, VerackError).code;
}

Deno.test("what is sent by name goes to no peer that only others call so", async () => {
  await using alice = await Node.start();
  const [carol, liar] = [await lasting(), await lasting()];
  using teller = await RawPeer.open(alice, { identity: liar });
  const address = { host: "127.0.0.1", port: 1 };
  await teller.tell([entryOf(carol, [address], { name: "carol" })]);
  await until("the rumour", () => alice.findPeers("carol").length > 0);
  for (const text of ["carol", carol.id.slice(0, 8)]) {
    const error = assertThrows(() => alice.resolvePeer(text), VerackError);
    assertEquals(error.code, "unknown-peer");
    assertStringIncludes(error.message, `${carol.id} has it by gossip only`);
  }
  // A whole identity says itself what is meant.
  assertEquals(alice.resolvePeer(carol.id), carol.id);

  // As soon as it has proven itself, it is found by both.
  await visit(alice, carol, "carol");
  assertEquals(alice.resolvePeer("Carol"), carol.id);
  assertEquals(alice.resolvePeer(carol.id.slice(0, 8)), carol.id);
});

Deno.test("what others call a peer that a person named by its identity means nothing", async () => {
  const [carol, liar] = [await lasting(), await lasting()];
  await using alice = await Node.start({
    connect: [`${carol.id}@127.0.0.1:1`],
  });
  using teller = await RawPeer.open(alice, { identity: liar });
  const address = { host: "127.0.0.1", port: 1 };
  await teller.tell([entryOf(carol, [address], { name: "bob" })]);
  await until("the rumour", () => alice.findPeers("bob").length > 0);
  assertEquals(code(() => alice.resolvePeer("bob")), "unknown-peer");
  assertEquals(alice.resolvePeer(carol.id.slice(0, 8)), carol.id);
});

Deno.test("neither gossip nor a name made of first digits comes between a peer and what is for it", async () => {
  await using alice = await Node.start();
  const [bob, mallory] = [await lasting(), await lasting()];
  await visit(alice, bob, "bob");
  const [carol, liar] = [await lasting(), await lasting()];
  using teller = await RawPeer.open(alice, { identity: liar });
  const address = { host: "127.0.0.1", port: 1 };
  await teller.tell([entryOf(carol, [address], { name: "bob" })]);
  await until("the rumour", () => alice.findPeers("bob").length === 2);
  assertEquals(alice.resolvePeer("bob"), bob.id);
  assertEquals(alice.peer(carol.id)?.nameHeldBy, bob.id);
  const prefix = bob.id.slice(0, 8);
  await visit(alice, mallory, prefix);
  assertEquals(alice.resolvePeer(prefix), bob.id);
});

/** Who has the name first, what a person said of it, and what the name means then. */
const CASES: readonly {
  readonly what: string;
  readonly attacked?: boolean;
  readonly allowed?: readonly ("bob" | "mallory")[];
  readonly named?: boolean;
  readonly meant: "bob" | "nobody";
}[] = [
  { what: "that no other takes means its first peer", meant: "bob" },
  {
    what: "that another takes means nobody",
    attacked: true,
    meant: "nobody",
  },
  {
    what: "of a peer with standing that a stranger takes means the first",
    attacked: true,
    allowed: ["bob"],
    meant: "bob",
  },
  {
    what: "of a stranger that a peer with standing takes means nobody",
    attacked: true,
    allowed: ["mallory"],
    meant: "nobody",
  },
  {
    what: "that two with standing have means nobody",
    attacked: true,
    allowed: ["bob", "mallory"],
    meant: "nobody",
  },
  {
    what: "that a person gave to one of two means that one",
    attacked: true,
    allowed: ["bob", "mallory"],
    named: true,
    meant: "bob",
  },
];

for (const { what, attacked, allowed = [], named, meant } of CASES) {
  Deno.test(`a name ${what}, while it is away and across a restart`, async () => {
    const start = await restarts();
    const ids = { bob: await lasting(), mallory: await lasting() };
    const { bob, mallory } = ids;
    const check = (alice: Node) => {
      assertEquals(alice.peer(bob.id)?.nameHeldBy, undefined);
      if (meant === "bob") {
        return assertEquals(alice.resolvePeer("bob"), bob.id);
      }
      const error = assertThrows(() => alice.resolvePeer("bob"), VerackError);
      assertEquals(error.code, "ambiguous");
      for (const { id } of [bob, mallory]) {
        assertStringIncludes(error.message, id);
        // Each stays within reach.
        assertEquals(alice.resolvePeer(id.slice(0, 8)), id);
      }
      assertStringIncludes(error.message, "allow an id with the name bob");
    };
    {
      await using alice = await start();
      const log = new EventLog(alice);
      await visit(alice, bob, "bob");
      assertEquals(alice.resolvePeer("bob"), bob.id);
      for (const who of allowed) alice.admission.allow(ids[who].id);
      if (named) alice.admission.allow(bob.id, { name: "BOB" });
      if (attacked) {
        for (const name of ["bob", "BOB", "bob"]) {
          await visit(alice, mallory, name);
        }
        assertEquals(alice.peer(mallory.id)?.nameHeldBy, bob.id);
      }
      check(alice);
      const told = log.of("name-conflict");
      assertEquals(told.length, attacked ? 1 : 0);
      for (const { id, holder } of told) {
        assertEquals([id, holder], [mallory.id, bob.id]);
      }
      await alice.close();
      await log.ended;
    }
    await using alice = await start();
    check(alice);
    if (attacked) await visit(alice, mallory, "bob");
    check(alice);
    using _back = await RawPeer.open(alice, { identity: bob, name: "bob" });
    await until("bob to be back", () => alice.sessions().length === 1);
    check(alice);
  });
}

Deno.test("a conflict is told once, however often its peer comes back", async () => {
  await using alice = await Node.start();
  const log = new EventLog(alice);
  const [bob, mallory] = [await lasting(), await lasting()];
  await visit(alice, bob, "bob");
  for (let time = 0; time < 3; time++) await visit(alice, mallory, "bob");
  assertEquals(log.of("peer:up").length, 4);
  assertEquals(log.of("name-conflict").length, 1);
  await alice.close();
  await log.ended;
});

Deno.test("a peer that calls itself as this node does gets nothing by that name, and is named in the error", async () => {
  await using alice = await Node.start({ name: "alice" });
  const log = new EventLog(alice);
  assertEquals(alice.resolvePeer("alice"), alice.identity.id);
  await assertRejects(() => alice.send(alice.resolvePeer("alice"), "x"));
  const mallory = await lasting();
  await visit(alice, mallory, "Alice");
  assertEquals(
    log.of("name-conflict").map(({ holder, ownName }) => [holder, ownName]),
    [[alice.identity.id, true]],
  );
  const error = assertThrows(() => alice.resolvePeer("ALICE"), VerackError);
  assertEquals(error.code, "ambiguous");
  assertStringIncludes(error.message, "it is this node's own name");
  assertStringIncludes(error.message, mallory.id);
  await alice.close();
  await log.ended;
});

Deno.test("a name that could be mistaken for another means no peer", async () => {
  await using alice = await Node.start();
  const mallory = await lasting();
  // A Cyrillic letter first, then a joiner that does not show.
  for (const name of ["\u0430dmin", "ad\u200dmin"]) {
    await visit(alice, mallory, name);
    assertEquals(code(() => alice.resolvePeer(name)), "unknown-peer");
    assertEquals(code(() => alice.resolvePeer("admin")), "unknown-peer");
  }
  await visit(alice, mallory, "Zoe\u0308");
  assertEquals(alice.resolvePeer("zo\u00eb"), mallory.id);
});

Deno.test("a name of a peer that is off the record goes to no other until a person says so", async () => {
  const store = new MemoryStore();
  const start = await restarts({ store });
  const [bob, mallory] = [await lasting(), await lasting()];
  {
    await using alice = await start();
    await visit(alice, bob, "bob");
  }
  // It has made room for others, as one without standing may.
  store.deletePeer(bob.id);
  {
    await using alice = await start();
    const gone = assertThrows(() => alice.resolvePeer("bob"), VerackError);
    assertEquals(gone.code, "unknown-peer");
    assertStringIncludes(gone.message, bob.id);
    await visit(alice, mallory, "bob");
    const taken = assertThrows(() => alice.resolvePeer("bob"), VerackError);
    assertEquals(taken.code, "ambiguous");
    for (const { id } of [bob, mallory]) {
      assertStringIncludes(taken.message, id);
    }
    alice.admission.allow(mallory.id, { name: "bob" });
    assertEquals(alice.resolvePeer("bob"), mallory.id);
  }
  await using alice = await start();
  assertEquals(alice.resolvePeer("bob"), mallory.id);
  await visit(alice, bob, "bob");
  assertEquals(alice.resolvePeer("bob"), mallory.id);
  assertEquals(alice.peer(bob.id)?.nameHeldBy, mallory.id);
  // Both stay within reach.
  for (const { id } of [bob, mallory]) {
    assertEquals(alice.resolvePeer(id.slice(0, 8)), id);
  }
});

for (const decision of ["deny", "forget"] as const) {
  Deno.test(`to ${decision} a peer takes its name from it, and a later one has it`, async () => {
    const start = await restarts();
    const [old, fresh] = [await lasting(), await lasting()];
    {
      await using alice = await start();
      await visit(alice, old, "bob");
      alice.admission[decision](old.id);
    }
    await using alice = await start();
    await visit(alice, fresh, "bob");
    assertEquals(alice.resolvePeer("bob"), fresh.id);
  });
}

Deno.test("a name that a person gave to a peer before it came is that peer's", async () => {
  const start = await restarts();
  const [bob, mallory] = [await lasting(), await lasting()];
  {
    await using alice = await start();
    alice.admission.allow(bob.id, { name: "bob" });
    await visit(alice, mallory, "bob");
    const error = assertThrows(() => alice.resolvePeer("bob"), VerackError);
    assertEquals(error.code, "unknown-peer");
    assertStringIncludes(error.message, bob.id);
  }
  await using alice = await start();
  await visit(alice, bob, "robert");
  assertEquals(alice.resolvePeer("bob"), bob.id);
  assertEquals(alice.resolvePeer("robert"), bob.id);
});

Deno.test("an allowed peer has only a name that is one, and not this node's own", async () => {
  await using alice = await Node.start({ name: "alice" });
  const bob = await lasting();
  for (const name of ["", "two words", "deadbeef", "Alice"]) {
    assertThrows(() => alice.admission.allow(bob.id, { name }), RangeError);
  }
  assertEquals(alice.admission.accessRules(), []);
});

Deno.test("of two that came while a name meant no peer, the user chooses", async () => {
  await using alice = await Node.start();
  const [old, one, two] = [
    await lasting(),
    await lasting(),
    await lasting(),
  ];
  await visit(alice, old, "bob");
  await visit(alice, one, "bob");
  await visit(alice, two, "bob");
  alice.admission.deny(old.id);
  alice.admission.forget(old.id);
  const error = assertThrows(() => alice.resolvePeer("bob"), VerackError);
  assertEquals(error.code, "ambiguous");
  alice.admission.allow(two.id, { name: "bob" });
  assertEquals(alice.resolvePeer("bob"), two.id);
});

Deno.test("by the control API a message goes to the first peer of a name, and a person moves the name", async () => {
  await using scene = await ControlScene.start();
  const { node } = scene;
  const [bob, mallory] = [await lasting(), await lasting()];
  const post = async (path: string, fields: Record<string, unknown>) => {
    const response = await scene.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(fields),
    });
    return { status: response.status, answer: await response.json() };
  };
  const send = () => post("/v1/messages", { to: "bob", text: "hello" });
  assertEquals((await send()).answer.error.code, "unknown-peer");
  await visit(node, bob, "bob");
  const clean = await send();
  assertEquals([clean.status, clean.answer.to], [200, bob.id]);
  await visit(node, mallory, "bob");
  const contested = await send();
  assertEquals(contested.status, 409);
  assertEquals(contested.answer.error.code, "ambiguous");
  // It may have standing, as one that was sent something and took it.
  await post("/v1/allow", { id: bob.id });
  assertEquals((await send()).answer.to, bob.id);
  const found = await (await scene.fetch("/v1/peers?query=bob")).json();
  assertEquals(
    found.peers.map((it: Record<string, unknown>) => [
      it.id,
      it.nameHeldBy,
    ]),
    [[bob.id, undefined], [mallory.id, bob.id]],
  );
  const wrong = { id: mallory.id, name: "two words" };
  assertEquals((await post("/v1/allow", wrong)).status, 400);
  assertEquals((await send()).answer.to, bob.id);
  const right = { id: mallory.id, name: "bob" };
  assertEquals((await post("/v1/allow", right)).status, 200);
  assertEquals((await send()).answer.to, mallory.id);
});

for (const flags of [0, PEER_FLAG.ephemeral]) {
  for (const isFirst of [true, false]) {
    Deno.test(`gossip with flags ${flags} that comes ${isFirst ? "after" : "before"} a person names a peer ends neither its name nor its record`, async () => {
      const store = new MemoryStore();
      const start = await restarts({ store });
      const [bob, mallory] = [await lasting(), await lasting()];
      await using other = await Node.start();
      await using place = TcpProxy.start(() => other.address);
      {
        await using alice = await start();
        const name = () => alice.admission.allow(bob.id, { name: "bob" });
        if (isFirst) name();
        using teller = await RawPeer.open(alice);
        const address = { host: "127.0.0.1", port: 1 };
        const tell = (at: typeof address) =>
          teller.tell([entryOf(bob, [at], { flags, name: "x" })]);
        if (!isFirst) {
          await tell(address);
          await until("gossip", () => alice.peer(bob.id) !== undefined);
          name();
          assertEquals(alice.peer(bob.id)?.ephemeral, false);
        }
        // At its address another node answers, so that the address is dropped.
        await tell(parseAddress(place.address));
        const known = () => alice.peer(bob.id);
        await until("the dial", () => place.arrivals > 0);
        await until(
          "its end",
          () => known()?.addresses.includes(place.address) !== true,
        );
        assertEquals(known()?.ephemeral, false);
        assertEquals(alice.resolvePeer("bob"), bob.id);
        await visit(alice, mallory, "bob");
        assertEquals(alice.resolvePeer("bob"), bob.id);
        assertEquals(alice.peer(mallory.id)?.nameHeldBy, bob.id);
      }
      assertEquals(store.nameBindings(), [
        { name: "bob", id: bob.id, ephemeral: false, confirmed: true },
      ]);
      await using alice = await start();
      await visit(alice, mallory, "bob");
      assertEquals(code(() => alice.resolvePeer("bob")), "unknown-peer");
      await visit(alice, bob, "bob");
      assertEquals(alice.resolvePeer("bob"), bob.id);
    });
  }
}

Deno.test("gossip does not have a pin lapse", async () => {
  await using other = await Node.start();
  const [bob, mallory] = [await lasting(), await lasting()];
  await using alice = await Node.start({
    connect: [`${bob.id}@${other.address}`],
  });
  const log = new EventLog(alice);
  await until("the refusal", () => log.of("refused").length > 0);
  using teller = await RawPeer.open(alice, { identity: mallory });
  const elsewhere = { host: "127.0.0.1", port: 1 };
  const flags = PEER_FLAG.live | PEER_FLAG.ephemeral;
  await teller.tell([entryOf(bob, [elsewhere], { flags })]);
  const known = () => alice.peer(bob.id);
  await until("gossip", () => known()?.addresses.length === 2);
  assertEquals([known()?.ephemeral, known()?.trust], [false, "pinned"]);
  await alice.close();
  await log.ended;
});

Deno.test("a name that a person gave to a key in memory goes to no other when its node has left, also across a restart", async () => {
  const start = await restarts();
  const [bob, mallory] = [await Identity.generate(), await lasting()];
  const isGone = (alice: Node) => {
    const error = assertThrows(() => alice.resolvePeer("bob"), VerackError);
    assertEquals(error.code, "unknown-peer");
    assertStringIncludes(error.message, bob.id);
    assertStringIncludes(error.message, "allow an id with the name bob");
  };
  {
    await using alice = await start();
    const log = new EventLog(alice);
    {
      await using node = await Node.start({
        identity: bob,
        name: "bob",
        connect: [alice.address],
      });
      await node.joined();
      await until("bob", () => alice.peer(bob.id)?.connected ?? false);
      alice.admission.allow(bob.id, { name: "bob" });
      assertEquals(alice.resolvePeer("bob"), bob.id);
    }
    await until("bob to be gone", () => alice.peer(bob.id) === undefined);
    isGone(alice);
    await visit(alice, mallory, "bob");
    isGone(alice);
    assertEquals(
      log.of("name-conflict").map(({ id, holder }) => [id, holder]),
      [[mallory.id, bob.id]],
    );
    await alice.close();
    await log.ended;
  }
  await using alice = await start();
  await visit(alice, mallory, "bob");
  isGone(alice);
  alice.admission.allow(mallory.id, { name: "bob" });
  assertEquals(alice.resolvePeer("bob"), mallory.id);
});
