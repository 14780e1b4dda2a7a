/** What decisions of the user do at a running node. */
import { assert, assertEquals } from "@std/assert";
import { Identity } from "../../../src/identity/identity.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";

Deno.test("each of several peers that are allowed one after another is dialed at once", async () => {
  await using mesh = new MemoryMesh();
  const { clock } = mesh;
  const peers = [await mesh.start(), await mesh.start(), await mesh.start()];
  const store = new MemoryStore();
  for (const { node } of peers) {
    store.putAccessRule({ id: node.identity.id, rule: "denied", at: 0 });
  }
  const { node } = await mesh.start([], {
    store,
    connect: peers.map((it) => `${it.node.identity.id}@${it.host}:8080`),
  });
  await clock.advance(60_000);
  assertEquals(node.sessions(), []);
  for (const [index, peer] of peers.entries()) {
    node.admission.allow(peer.node.identity.id);
    await clock.advance(500);
    assertEquals(node.sessions().length, index + 1);
  }
});

Deno.test("a peer that was allowed after it was dialed is on record at once, and dialed after a restart", async () => {
  for (const isGossiped of [false, true]) {
    await using mesh = new MemoryMesh();
    const { clock } = mesh;
    const carol = await mesh.start();
    const { id } = carol.node.identity;
    const address = `${carol.host}:8080`;
    const store = new MemoryStore();
    const alice = await mesh.start([carol], { store, admission: "closed" });
    const { admission } = alice.node;
    await clock.runUntil(() => admission.joinRequests().length > 0, {
      limitMs: 10_000,
    });
    // What carol is known by then has no address.
    const { table } = partsOf(alice.node);
    if (isGossiped) assert(table.introduce(id, alice.node.identity.id));
    mesh.network.cut(carol.host, alice.host);
    admission.allow(id);
    assertEquals(alice.node.peer(id)?.addresses, [address]);
    assertEquals(
      store.peers().map((it) => [it.id, it.addresses[0]?.address]),
      [[id, { host: carol.host, port: 8_080 }]],
    );
    await alice.node.close({ abrupt: true });
    mesh.network.heal();
    const again = await mesh.start([], { store });
    await clock.runUntil(
      () => again.node.sessions().some((it) => it.id === id),
      { limitMs: 10_000 },
    );
  }
});

Deno.test("messages for a peer that is not on record are given up when it is denied or forgotten", async () => {
  for (const action of ["deny", "forget"] as const) {
    await using mesh = new MemoryMesh();
    const store = new MemoryStore();
    const { id } = await Identity.generate();
    store.messages.putOutgoing({
      id: new Uint8Array(16),
      topic: "",
      body: Uint8Array.of(1),
      createdAt: mesh.clock.now(),
      ttlMs: 60_000,
    }, [id]);
    const { node, log } = await mesh.start([], { store });
    assertEquals(node.outbox.messages, 1);
    node.admission[action](id);
    assertEquals(node.outbox.messages, 0);
    await mesh.clock.advance(1);
    assertEquals(log.of("undelivered").map(({ to }) => to), [id]);
  }
});
