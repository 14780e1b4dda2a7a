/** The direct path of a pair opens and closes while a relay joins it in between. */
import { assert, assertEquals } from "@std/assert";
import { RECONNECT_MAX_MS } from "../../../src/mesh/mesh_limits.ts";
import { type Member, MemoryMesh } from "../../helpers/memory_mesh.ts";
import { Conversation, idOf, relayedBy, viaOf } from "../../helpers/relayed.ts";

/** Lets time pass until two members have one session, which is direct, as both say. */
async function direct(mesh: MemoryMesh, a: Member, b: Member): Promise<void> {
  const isDirect = (from: Member, to: Member) => {
    const all = from.node.sessions().filter(({ id }) => id === idOf(to));
    return all.length === 1 && all[0]?.via === undefined;
  };
  await mesh.clock.runUntil(() => isDirect(a, b) && isDirect(b, a), {
    limitMs: RECONNECT_MAX_MS + 31_000,
  });
}

Deno.test("a direct session replaces a relayed one, which does so again when the path closes, and no message is lost or doubled", async () => {
  await using mesh = new MemoryMesh();
  const { network } = mesh;
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  await mesh.complete();
  assertEquals(viaOf(bob, carol), "direct");
  const conversation = new Conversation(mesh, bob, carol);
  for (let round = 0; round < 5; round++) {
    network.unreachable(bob.host, carol.host);
    network.breakLink(bob.host, carol.host);
    await conversation.flow(500);
    await relayedBy(mesh, bob, carol, alice, 10_000);
    await conversation.flow(1_500);
    network.reachable(bob.host, carol.host);
    // Messages flow while the direct session comes, and while the other one goes.
    await conversation.flow(3_000, 100);
    await direct(mesh, bob, carol);
    await conversation.flow(500);
  }
  await conversation.settle();
  for (const { node, log } of mesh.members) {
    assertEquals(node.unreachable(), []);
    // A relay took over before the pair was missing.
    assertEquals(log.of("mesh").flatMap(({ missing }) => missing), []);
  }
});

Deno.test("a path that comes and goes in each second is dialed by the backoff, and no message is lost or doubled", async () => {
  await using mesh = new MemoryMesh();
  const { network } = mesh;
  network.unreachable("10.0.0.2", "10.0.0.3");
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  await mesh.complete();
  await relayedBy(mesh, bob, carol, alice);
  const conversation = new Conversation(mesh, bob, carol);
  const before = bob.node.status().counters.dialsAttempted;
  for (let second = 0; second < 60; second++) {
    if (second % 2 === 0) network.reachable(bob.host, carol.host);
    else {
      network.unreachable(bob.host, carol.host);
      network.breakLink(bob.host, carol.host);
    }
    await conversation.flow(1_000, 200);
  }
  await conversation.settle();
  const dials = bob.node.status().counters.dialsAttempted - before;
  assert(dials <= 30, `${dials} dials in a minute`);
});

Deno.test("a pair in session through a relay is dialed on, seldom and for ever", async () => {
  await using mesh = new MemoryMesh();
  mesh.network.unreachable("10.0.0.2", "10.0.0.3");
  const alice = await mesh.start();
  const bob = await mesh.start([alice]);
  const carol = await mesh.start([alice]);
  await mesh.complete();
  const ends = [bob, carol];
  const dials = () =>
    ends.map(({ node }) => node.status().counters.dialsAttempted);
  await mesh.clock.advance(600_000);
  const before = dials();
  await mesh.clock.advance(600_000);
  const after = dials();
  for (const index of [0, 1]) {
    const count = after[index]! - before[index]!;
    // Once a minute at most on average by full jitter, and never not at all.
    assert(count >= 5 && count <= 60, `${count} dials in ten minutes`);
  }
  mesh.network.reachable(bob.host, carol.host);
  await direct(mesh, bob, carol);
});
