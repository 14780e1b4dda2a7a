// Which peers have standing, so that bounded things are kept for them.
import { assertEquals } from "@std/assert";
import type { PeerId } from "../../../src/core/peer_id.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import { Peer } from "../../../src/mesh/peers/peer.ts";
import { gradeOf } from "../../../src/mesh/peers/standing.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";
import { Mesh } from "../../helpers/nodes.ts";
import { plainEnvironment } from "../../helpers/plain_table.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { until } from "../../helpers/until.ts";

/** Whether the one peer on record has earned standing. */
function earned(store: MemoryStore): boolean[] {
  return store.peers().map(({ earnedStanding }) => earnedStanding);
}

async function pair() {
  const store = new MemoryStore();
  const identity = await Identity.generate({ ephemeral: false });
  const node = await Node.start({ identity, store });
  const stranger = await Node.start({ connect: [node.address] });
  await new Mesh([node, stranger]).complete();
  return {
    store,
    node,
    stranger,
    async [Symbol.asyncDispose]() {
      await Promise.all([node.close(), stranger.close()]);
    },
  };
}

Deno.test("a proven key alone has no standing, each of four facts gives it", () => {
  const none = {
    configured: false,
    allowed: false,
    earned: false,
    upForLong: false,
  };
  assertEquals(gradeOf(none), "none");
  for (const fact of ["configured", "allowed", "earned"]) {
    assertEquals(gradeOf({ ...none, [fact]: true }), "trusted");
  }
  assertEquals(gradeOf({ ...none, upForLong: true }), "up-for-long");
});

Deno.test("a peer earns standing by acknowledging what was sent to it alone", async () => {
  await using it = await pair();
  const taking = (async () => {
    for await (const message of it.stranger.messages()) message.ack();
  })();
  await it.node.broadcast("to all");
  assertEquals(earned(it.store), [false]);
  await it.node.send(it.stranger.identity.id, "to one");
  await until("standing", () => earned(it.store)[0] === true);
  await it.stranger.close();
  await taking;
});

Deno.test("what a peer sends gives it no standing", async () => {
  await using it = await pair();
  const messages = it.node.messages();
  const sent = it.stranger.send(it.node.identity.id, "let me in");
  (await messages.next()).value?.ack();
  await sent;
  assertEquals(earned(it.store), [false]);
});

Deno.test("a guest of this node's own invite has standing", async () => {
  const store = new MemoryStore();
  const identity = await Identity.generate({ ephemeral: false });
  await using host = await Node.start({ identity, store, admission: "closed" });
  const invite = host.admission.invite();
  await using guest = await Node.start({ invite });
  await new Mesh([host, guest]).complete();
  assertEquals(earned(store), [true]);
});

Deno.test("a peer that is up for an hour has standing, and not before", async () => {
  const store = new MemoryStore();
  await using mesh = new MemoryMesh();
  const first = await mesh.start([], { store });
  await mesh.start([first]);
  await mesh.complete();
  const standing = () => first.node.peers().map(({ standing }) => standing);
  await mesh.clock.advance(50 * 60_000);
  assertEquals(standing(), [false]);
  await mesh.clock.advance(12 * 60_000);
  assertEquals(standing(), [true]);
  assertEquals(store.peers().map(({ upForLong }) => upForLong), [true]);
  assertEquals(earned(store), [false]);
});

Deno.test("a peer with standing that has not come yet is not dropped, one without is after a minute", () => {
  const clock = new VirtualClock();
  const peers = [true, false].map((hasStanding) => {
    const peer = new Peer("a".repeat(64) as PeerId, {
      ...plainEnvironment(() => hasStanding),
      clock,
    });
    const address = { host: "127.0.0.1", port: 1 };
    peer.gossipedBy("b".repeat(64) as PeerId, "b");
    peer.gossipedAt([address], address);
    peer.dialFailed(true);
    return peer;
  });
  const dropped = (afterMs: number) =>
    peers.map((it) => it.isForgettable(clock.monotonic() + afterMs));
  assertEquals(dropped(59_000), [false, false]);
  assertEquals(dropped(60_000), [false, true]);
  for (const it of peers) it.dropClaims();
  assertEquals(dropped(0), [false, true]);
});
