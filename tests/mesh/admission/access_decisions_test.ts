/** What decisions of the user do at a running node. */
import { assertEquals } from "@std/assert";
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
