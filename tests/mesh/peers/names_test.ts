/** Names: who has which, who knows whom by name, and finding each other by it. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import { namesOf } from "../../../src/identity/peer_name.ts";
import { onlyMember } from "../../../src/mesh/peers/find_peers.ts";
import { RawPeer } from "../../helpers/attacker.ts";
import { entryOf } from "../../helpers/forged_messages.ts";
import { identities } from "../../helpers/identities.ts";
import { EventLog } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

Deno.test("a name travels to all members, and shows in peers, sessions and events", async () => {
  await using alice = await Node.start({ name: "alice" });
  await using bob = await Node.start({ name: "bob", connect: [alice.address] });
  const log = new EventLog(alice);
  await using nameless = await Node.start({ connect: [bob.address] });
  await until("all to meet", () => alice.sessions().length === 2);
  const byId = (id: string) => alice.peers().find((peer) => peer.id === id);
  assertEquals(byId(bob.identity.id)?.name, "bob");
  assertEquals(byId(nameless.identity.id)?.name, undefined);
  assertEquals(
    alice.sessions().find((it) => it.id === bob.identity.id)?.name,
    "bob",
  );
  bob.ping("hello");
  await until("the ping", () => log.of("ping").length > 0);
  assertEquals(log.of("ping")[0]?.name, "bob");
  await bob.close();
  await until("bob to leave", () => log.of("peer:down").length > 0);
  assertEquals(log.of("peer:down")[0]?.name, "bob");
  assertEquals(log.of("peer:up").map((it) => it.name), ["bob", undefined]);
  await alice.close();
  await log.ended;
});

Deno.test("any node finds a member, also one that it knows by gossip only", async () => {
  await using alice = await Node.start({ name: "alice" });
  const [carol, teller] = await identities(2);
  // She has said where she is, and nobody answers there.
  using peer = await RawPeer.open(alice, { identity: teller! });
  const address = { host: "127.0.0.1", port: 1 };
  await peer.tell([entryOf(carol!, [address], { name: "carol" })]);
  await until("the rumour", () => alice.findPeers("carol").length > 0);
  assertEquals(alice.findPeers("CAROL"), [{
    id: carol!.id,
    name: "carol",
    self: false,
    connected: false,
    addresses: ["127.0.0.1:1"],
    introducedBy: teller!.id,
  }]);
  assertEquals(
    alice.findPeers(carol!.id.slice(0, 8)),
    alice.findPeers("carol"),
  );
  assertEquals(alice.findPeers(carol!.id), alice.findPeers("carol"));
  assertEquals(alice.findPeers(carol!.id.slice(0, 7)), []);
  assertEquals(alice.findPeers("alice")[0]?.self, true);
  assertEquals(alice.findPeers(""), []);
});

Deno.test("of a name that two claim both are told, and neither is chosen", async () => {
  await using alice = await Node.start({ name: "alice" });
  const options = { name: "twin", connect: [alice.address] };
  await using one = await Node.start(options);
  await using two = await Node.start(options);
  await until("both", () => alice.sessions().length === 2);
  const found = alice.findPeers("twin");
  assertEquals(
    found.map((it) => it.id).sort(),
    [one.identity.id, two.identity.id].sort(),
  );
  const error = assertThrows(() => onlyMember("twin", found), VerackError);
  assertEquals(error.code, "ambiguous");
  for (const { identity } of [one, two]) {
    assertEquals(error.message.includes(identity.id), true);
    assertEquals(
      onlyMember("x", alice.findPeers(identity.id)).id,
      identity.id,
    );
  }
  const nobody = assertThrows(() => onlyMember("dave", []), VerackError);
  assertEquals(nobody.code, "unknown-peer");
});

Deno.test("a name is remembered while its node is away, across a restart", async () => {
  const store = new MemoryStore();
  const [identity, other] = await identities(2);
  {
    await using bob = await Node.start({ identity: other!, name: "bob" });
    await using alice = await Node.start({
      identity: identity!,
      store,
      connect: [bob.address],
    });
    await until("bob", () => alice.sessions().length === 1);
    // A crash: one that says bye takes its key with it, if that is in memory only.
    await alice.close({ abrupt: true });
  }
  await using again = await Node.start({ identity: identity!, store });
  const [bob] = again.findPeers("bob");
  assertEquals([bob?.id, bob?.connected], [other!.id, false]);
});

Deno.test("what others call a peer never replaces what it calls itself", async () => {
  await using alice = await Node.start({ name: "alice" });
  const [bob, liar] = await identities(2);
  const own = await RawPeer.open(alice, { identity: bob!, name: "bob" });
  own.close();
  await until("bob to be gone", () => alice.sessions().length === 0);
  using peer = await RawPeer.open(alice, { identity: liar! });
  await peer.tell([
    entryOf(bob!, [{ host: "127.0.0.1", port: 2 }], { name: "mallory" }),
  ]);
  await until(
    "the rumour",
    () =>
      alice.findPeers(bob!.id)[0]?.addresses.includes("127.0.0.1:2") ?? false,
  );
  assertEquals(alice.findPeers("mallory"), []);
  assertEquals(alice.findPeers(bob!.id)[0]?.name, "bob");
});

Deno.test("a node does not start under a name that could be taken for another", async () => {
  await assertRejects(
    () => Node.start({ name: "\u0430dmin" }),
    RangeError,
    'Cannot take name "\u0430dmin": it must have letters of one alphabet',
  );
});

Deno.test("a peer is found and shown by the name that a person gave it, everywhere it is named", async () => {
  await using alice = await Node.start({ name: "alice" });
  const log = new EventLog(alice);
  const [eve] = await identities(1);
  const peer = await RawPeer.open(alice, { identity: eve!, name: "eve" });
  await until("eve", () => log.of("peer:up").length > 0);
  assertEquals(log.of("peer:up")[0]?.boundName, undefined);
  alice.admission.allow(eve!.id, { name: "Old" });
  alice.admission.allow(eve!.id, { name: "Eva" });

  const named = { name: "eve", boundName: "eva" };
  for (const text of ["eva", "EVA", "old", "eve", eve!.id.slice(0, 8)]) {
    const [member, ...more] = alice.findPeers(text);
    assertEquals(more, []);
    assertEquals(namesOf(member), named);
  }
  assertEquals(alice.resolvePeer("eva"), eve!.id);
  assertEquals(namesOf(alice.peer(eve!.id)), named);
  assertEquals(namesOf(alice.sessions()[0]), named);
  // One that listens from now on hears of it under that name.
  for await (const event of alice.events()) {
    if (event.type !== "peer:up") continue;
    assertEquals(namesOf(event), named);
    break;
  }
  const lost = alice.send(eve!.id, "hello", { ttlMs: 1_000 });
  assertEquals(namesOf(alice.status().queues[0]), named);
  await assertRejects(() => lost, VerackError);
  assertEquals(namesOf(log.of("undelivered")[0]), named);
  peer.close();
  await until("eve to leave", () => log.of("peer:down").length > 0);
  assertEquals(namesOf(log.of("peer:down")[0]), named);
  alice.admission.deny(eve!.id);
  assertEquals(alice.findPeers("eva"), []);
  await alice.close();
  await log.ended;
});
