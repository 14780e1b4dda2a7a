// Peers that join and crash, and what is then kept for them.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MAX_OUTBOX_BYTES } from "../../src/delivery/delivery_limits.ts";
import { VerackError } from "../../src/core/errors.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { MemoryMesh } from "../helpers/memory_mesh.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** Peers join the victim and crash. */
async function joinAndCrash({ victim }: Scene, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const peer = await RawPeer.open(victim);
    peer.close();
  }
  await until("them to be gone", () => victim.sessions().length === 1);
}

Deno.test("forty in-memory peers that joined and crashed leave the outbox to those that are connected", async () => {
  await using scene = await Scene.start();
  const { victim, member } = scene;
  const taken: number[] = [];
  (async () => {
    for await (const { body } of member.messages()) taken.push(body.length);
  })();
  await joinAndCrash(scene, 40);
  const large = new Uint8Array(1_000_000);
  for (let at = 0; at < 2; at++) {
    const { delivered } = await victim.broadcast(large);
    assertEquals(delivered, [member.identity.id]);
  }
  assert(victim.outbox.bytes <= MAX_OUTBOX_BYTES, `${victim.outbox.bytes}`);
  await victim.send(member.identity.id, large);
  assertEquals(taken, [1_000_000, 1_000_000, 1_000_000]);
});

Deno.test("2,000 short broadcasts reach the connected peer though sixty in-memory peers crashed", async () => {
  await using scene = await Scene.start();
  const { victim, member } = scene;
  let taken = 0;
  (async () => {
    for await (const _ of member.messages()) taken++;
  })();
  await joinAndCrash(scene, 60);
  for (let at = 0; at < 2_000; at += 100) {
    const results = await Promise.all(
      Array.from({ length: 100 }, () => victim.broadcast("x".repeat(100))),
    );
    for (const { delivered } of results) {
      assertEquals(delivered, [member.identity.id], `${at}`);
    }
  }
  await until("all of them", () => taken === 2_000);
});

Deno.test("what waits for a lost peer whose key lives in memory is given up within a minute, and nothing more is kept; for one with a lasting key it is kept", async () => {
  await using mesh = new MemoryMesh();
  const { clock } = mesh;
  const hub = await mesh.start();
  const ephemeral = await mesh.start([hub], {
    identity: await Identity.generate(),
  });
  const lasting = await mesh.start([hub], {
    identity: await Identity.generate({ ephemeral: false }),
  });
  await mesh.complete();
  const ids = [ephemeral, lasting].map(({ node }) => node.identity.id);
  const [lost = "", kept = ""] = ids;
  for (const { node } of [ephemeral, lasting]) node.close({ abrupt: true });
  await clock.runUntil(() => hub.node.sessions().length === 0, {
    limitMs: 60_000,
  });
  const sends = ids.map((id) => hub.node.send(id, "still there?"));
  const refused = assertRejects(() => sends[0]!, VerackError, "in memory only");
  await clock.advance(30_000);
  assertEquals(hub.node.outbox.messages, 2);
  await clock.advance(30_000);
  await refused;
  assertEquals(hub.log.of("undelivered").map(({ to }) => to), [
    lost,
  ]);
  assertEquals(hub.node.outbox.messages, 1);
  await assertRejects(
    () => hub.node.send(lost, "too late"),
    VerackError,
    "it was lost more than a minute ago",
  );
  const { waiting, failed } = await hub.node.broadcast("for all that return");
  assertEquals([waiting, failed], [[kept], []]);
  assertEquals(hub.node.outbox.messages, 2);
});

Deno.test("what an earlier run kept for an in-memory peer is given up within a minute of the start, also if the peer has no address", async () => {
  await using mesh = new MemoryMesh();
  const { clock } = mesh;
  const store = new MemoryStore();
  const identity = await Identity.generate({ ephemeral: false });
  const peer = await mesh.start();
  const first = await mesh.start([peer], { identity, store });
  await mesh.complete();
  peer.node.close({ abrupt: true });
  await clock.runUntil(() => first.node.sessions().length === 0, {
    limitMs: 60_000,
  });
  first.node.send(peer.node.identity.id, "still there?");
  first.node.close();
  await clock.advance(3_000);
  for (const stored of store.peers()) {
    store.putPeer({ ...stored, addresses: [] });
  }
  const again = await mesh.start([], { identity, store });
  assertEquals(again.node.outbox.messages, 1);
  await clock.advance(60_000);
  assertEquals(again.node.outbox.messages, 0);
  assertEquals(again.log.of("undelivered").length, 1);
  assertEquals([...store.messages.outgoing()], []);
});

Deno.test("what waits for a peer whose record gave way is kept until its own deadline, and delivered if it comes back", async () => {
  await using mesh = new MemoryMesh();
  const { clock } = mesh;
  const hub = await mesh.start();
  const peers = await Promise.all(
    [1, 2].map(() => Identity.generate({ ephemeral: false })),
  );
  const ids = peers.map(({ id }) => id);
  for (const identity of peers) {
    const { node } = await mesh.start([hub], { identity });
    await clock.runUntil(() => hub.node.sessions().length === 1, {
      limitMs: 10_000,
    });
    node.close();
    await clock.runUntil(() => hub.node.sessions().length === 0, {
      limitMs: 10_000,
    });
  }
  const [back, never] = ids as [PeerId, PeerId];
  const sent = hub.node.send(back, "still there?", { ttlMs: 600_000 });
  const lost = hub.node.send(never, "still there?", { ttlMs: 600_000 });
  const expired = assertRejects(() => lost, VerackError, "within 600000 ms");
  const { table } = partsOf(hub.node);
  for (const id of ids) table.forget(table.get(id)!);
  await clock.advance(500_000);
  assertEquals(hub.log.of("undelivered"), []);
  assertEquals(hub.node.outbox.messages, 2);
  const again = await mesh.start([hub], { identity: peers[0]! });
  (async () => {
    for await (const _ of again.node.messages());
  })();
  await clock.runUntil(() => hub.node.outbox.messages === 1, {
    limitMs: 60_000,
  });
  await sent;
  await clock.advance(101_000);
  await expired;
  assertEquals(hub.node.outbox.messages, 0);
});

Deno.test("what waits for a lost in-memory peer is given up within a minute though its record gave way, unless it comes back", async () => {
  await using mesh = new MemoryMesh();
  const { clock } = mesh;
  const hub = await mesh.start();
  const peers = await Promise.all([1, 2].map(() => Identity.generate()));
  const { table } = partsOf(hub.node);
  for (const identity of peers) {
    const { node } = await mesh.start([hub], { identity });
    await clock.runUntil(() => hub.node.sessions().length === 1, {
      limitMs: 10_000,
    });
    node.close({ abrupt: true });
    await clock.runUntil(() => hub.node.sessions().length === 0, {
      limitMs: 60_000,
    });
  }
  const { waiting } = await hub.node.broadcast("still there?");
  assertEquals(waiting.length, 2);
  for (const { id } of peers) table.forget(table.get(id)!);
  await clock.advance(20_000);
  assertEquals(hub.node.outbox.messages, 2);
  await mesh.start([hub], { identity: peers[0]! });
  await clock.advance(60_000);
  const told = hub.log.of("undelivered").map(({ to }) => to);
  assertEquals(told, [peers[1]!.id]);
  assertEquals(hub.node.outbox.messages, 1);
});
